// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC721Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { IERC721 } from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import { IERC6454 } from "contracts/interfaces/IERC6454.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import {
    Classification,
    Importance,
    Listing,
    PersonalData,
    Sharing,
    Subject
} from "contracts/types/Listing.sol";
import { BUYER, MARKET_ROLES, SELLER, Standing } from "contracts/types/Participant.sol";
import { Acceptor, Trap } from "../mocks/registry/Accounts.sol";
import { Registry } from "./Registry.sol";

contract TransferTest is Registry {
    uint48 internal id;
    PlanId internal plan;
    address internal heir = makeAddr("heir");
    address internal foreigner = makeAddr("foreigner");

    function setUp() public override {
        super.setUp();
        plan = listed();
        id = plan.listing();
        accredit(heir, SELLER);
        accredit(foreigner, SELLER, "SG");
    }

    function test_threat_C17_transfer_refusedAsByERC721() public {
        vm.startPrank(seller);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0)));
        listings.transferFrom(seller, address(0), id);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 99));
        listings.transferFrom(seller, heir, 99);
        // Whatever a caller writes above the listing's 48 bits names another token.
        uint256 alias_ = uint256(id) | 1 << 48;
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, alias_));
        listings.transferFrom(seller, heir, alias_);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, heir, id, seller));
        listings.transferFrom(heir, heir, id);
        vm.stopPrank();
        address[5] memory callers = [outsider, heir, supervisor, governor, address(this)];
        for (uint256 i; i < 5; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(
                abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, callers[i], id)
            );
            listings.transferFrom(seller, heir, id);
        }
    }

    function test_threat_C13_C17_R02_transfer_onlyToASellerInGoodStanding() public {
        address[6] memory receivers = [outsider, buyer, reviewer, custodian, arbiter, supervisor];
        for (uint256 i; i < 6; ++i) {
            expectRefusedTo(receivers[i]);
        }
        uint256 snapshot = vm.snapshotState();
        for (uint8 how = 1; how <= 3; ++how) {
            lose(heir, Standing(how));
            expectRefusedTo(heir);
            vm.revertToState(snapshot);
        }
    }

    function test_threat_C17_R07_transfer_neverAcrossABorder() public {
        expectRefusedTo(foreigner);
        vm.prank(supervisor);
        listings.approveTransfer(id, foreigner, type(uint40).max, EVIDENCE);
        expectRefusedTo(foreigner);
    }

    function test_R04_transfer_onlyToWhoeverCouldListIt() public {
        uint48 unstated = publishClass(
            seller, Classification(Importance.Other, Sharing.Unstated, Subject.Items, PersonalData.None), 0
        );
        publicBody(heir, SELLER);
        transfer(heir);
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotTransferable.selector, unstated, heir));
        listings.transferFrom(seller, heir, unstated);
        assertFalse(listings.isTransferable(unstated, seller, heir));
    }

    function test_threat_C17_R19_transfer_neverOutOfAFreeze() public {
        uint40 until = freeze(id);
        expectRefusedTo(heir);
        expectRefusedTo(seller);
        vm.warp(until - 1);
        expectRefusedTo(heir);
        vm.warp(until);
        transfer(heir);
    }

    function test_threat_C13_C17_R19_transfer_neverByASuspendedHolder() public {
        vm.prank(seller);
        listings.setApprovalForAll(heir, true);
        suspend(seller);
        expectRefusedTo(heir);
        vm.prank(heir);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotTransferable.selector, id, heir));
        listings.transferFrom(seller, heir, id);
        skip(30 days);
        transfer(heir);
    }

    function test_R19_transfer_anExpiredOrRetiredHolderMayHandOver() public {
        uint256 snapshot = vm.snapshotState();
        expire(seller);
        transfer(heir);
        vm.revertToState(snapshot);
        retire(seller);
        transfer(heir);
        listings.gate(plan, 1, buyer);
    }

    function test_threat_C17_transfer_noApprovalGoesRound() public {
        vm.startPrank(seller);
        listings.approve(outsider, id);
        listings.setApprovalForAll(heir, true);
        vm.stopPrank();
        freeze(id);
        address[2] memory callers = [outsider, heir];
        for (uint256 i; i < 2; ++i) {
            vm.startPrank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotTransferable.selector, id, heir));
            listings.transferFrom(seller, heir, id);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotTransferable.selector, id, heir));
            listings.safeTransferFrom(seller, heir, id);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotTransferable.selector, id, heir));
            listings.safeTransferFrom(seller, heir, id, "data");
            vm.stopPrank();
        }
    }

    function test_threat_C17_transfer_approvedMayMoveItToWhoeverQualifies() public {
        vm.prank(seller);
        listings.approve(outsider, id);
        vm.startPrank(outsider);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotTransferable.selector, id, outsider));
        listings.transferFrom(seller, outsider, id);
        listings.transferFrom(seller, heir, id);
        assertEq(listings.getApproved(id), address(0));
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, outsider, id)
        );
        listings.transferFrom(heir, seller, id);
    }

    function test_R05_transfer_movesNothingButTheHolder() public {
        bytes32 record = recordOf();
        vm.expectEmit(address(listings));
        emit IERC721.Transfer(seller, heir, id);
        transfer(heir);
        assertEq(recordOf(), record);
        assertEq(listings.holderOf(id), heir);
        assertEq(listings.balanceOf(seller), 0);
        assertEq(listings.balanceOf(heir), 1);
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotHolder.selector, id, seller));
        listings.addPlan(id, planDraft());
        addPlan(id, planDraft());
        addVersion(id);
    }

    function test_threat_C08_transfer_toItselfChangesNothing() public {
        bytes32 record = recordOf();
        assertTrue(listings.isTransferable(id, seller, seller));
        transfer(seller);
        assertEq(recordOf(), record);
        assertEq(listings.holderOf(id), seller);
        assertEq(listings.balanceOf(seller), 1);
    }

    function test_transfer_proceedsFollowTheToken() public {
        LicenceId licence = buy(plan);
        transfer(heir);
        confirm(licence);
        assertEq(exchange.owed(DONG, seller), 0);
        assertGt(exchange.owed(DONG, heir), 0);
    }

    function test_R20_transfer_theNewHolderMayNotBuyOfItself() public {
        accredit(heir, MARKET_ROLES);
        transfer(heir);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_SelfDealing.selector, heir));
        listings.gate(plan, 1, heir);
        accredit(seller, BUYER);
        listings.gate(plan, 1, seller);
    }

    function test_transfer_gateAsksTheNewHoldersStanding() public {
        transfer(heir);
        retire(seller);
        listings.gate(plan, 1, buyer);
        suspend(heir);
        expectIneligible(heir, SELLER, Standing.Suspended);
        listings.gate(plan, 1, buyer);
    }

    function test_safeTransfer_asksTheReceiverAndPlainTransferDoesNot() public {
        address trap = address(new Trap());
        Acceptor acceptor = new Acceptor();
        accredit(trap, SELLER);
        accredit(address(acceptor), SELLER);
        vm.startPrank(seller);
        vm.expectRevert(Trap.Called.selector);
        listings.safeTransferFrom(seller, trap, id);
        listings.safeTransferFrom(seller, address(acceptor), id);
        vm.stopPrank();
        assertEq(acceptor.asked(), 1);
        vm.prank(address(acceptor));
        listings.transferFrom(address(acceptor), trap, id);
        assertEq(listings.holderOf(id), trap);
    }

    // isTransferable

    function test_isTransferable_mintAndBurnAreNot() public view {
        assertFalse(listings.isTransferable(id, address(0), seller));
        assertFalse(listings.isTransferable(id, address(0), heir));
        assertFalse(listings.isTransferable(id, seller, address(0)));
        assertFalse(listings.isTransferable(99, address(0), address(0)));
        assertFalse(listings.isTransferable(99, address(0), heir));
        assertFalse(listings.isTransferable(uint256(id) | 1 << 48, seller, heir));
    }

    function test_isTransferable_burnIsNotEvenWhereZeroIsAccredited() public {
        accredit(address(0), SELLER);
        assertFalse(listings.isTransferable(id, seller, address(0)));
    }

    function test_isTransferable_atAll() public {
        assertTrue(listings.isTransferable(id, address(0), address(0)));
        uint40 until = freeze(id);
        assertFalse(listings.isTransferable(id, address(0), address(0)));
        vm.warp(until);
        assertTrue(listings.isTransferable(id, address(0), address(0)));
    }

    function testFuzz_threat_C17_isTransferable_saysWhatATransferDoes(uint256 seed) public {
        address trap = address(new Trap());
        accredit(trap, SELLER);
        accredit(address(0), SELLER);
        address[10] memory accounts =
            [heir, foreigner, seller, buyer, outsider, reviewer, supervisor, trap, address(0), address(this)];
        for (uint256 i; i < 11; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            address holder = listings.holderOf(id);
            address from = (seed >> 8) % 8 == 0 ? accounts[(seed >> 16) % 10] : holder;
            address to = accounts[(seed >> 24) % 10];
            uint256 act = seed % 8;
            if (act == 0) freeze(id);
            if (act == 1) suspend((seed >> 32) % 2 == 0 ? heir : seller);
            if (act == 2) skip(31 days);
            if (act == 3) expire((seed >> 32) % 2 == 0 ? heir : trap);
            if (act == 4) accredit(heir, SELLER);
            if (from == address(0)) continue; // not a transfer
            bool said = listings.isTransferable(id, from, to);
            vm.prank(holder);
            (bool done,) = address(listings).call(abi.encodeCall(listings.transferFrom, (from, to, id)));
            assertEq(said, done);
            assertEq(listings.holderOf(id), done ? to : holder);
        }
    }

    function test_supportsInterface() public view {
        bytes4[5] memory ids = [
            bytes4(0x01ffc9a7), bytes4(0x80ac58cd), bytes4(0x5b5e139f), bytes4(0x49064906), bytes4(0x91a6262f)
        ];
        for (uint256 i; i < 5; ++i) {
            assertTrue(listings.supportsInterface(ids[i]));
            assertTrue(licences.supportsInterface(ids[i]));
        }
        assertEq(type(IERC6454).interfaceId, bytes4(0x91a6262f));
        assertFalse(listings.supportsInterface(0xffffffff));
        assertFalse(listings.supportsInterface(0x780e9d63), "not enumerable");
        assertFalse(listings.supportsInterface(bytes4(0)));
        assertEq(listings.name(), "Socai Listing");
        assertEq(listings.symbol(), "SCL");
        assertEq(listings.tokenURI(id), "");
    }

    function transfer(address to) private {
        address from = listings.holderOf(id);
        vm.prank(from);
        listings.transferFrom(from, to, id);
    }

    function expectRefusedTo(address to) private {
        assertFalse(listings.isTransferable(id, seller, to));
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotTransferable.selector, id, to));
        listings.transferFrom(seller, to, id);
    }

    function recordOf() private view returns (bytes32) {
        Listing memory l = listings.listing(id);
        return keccak256(abi.encode(l, listings.version(id, 1), listings.plan(plan), listings.legalBasis(id)));
    }
}
