// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC165 } from "@openzeppelin/contracts/interfaces/IERC165.sol";
import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { IERC721Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { IERC721 } from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import { IERC721Metadata } from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import { IERC6454 } from "contracts/interfaces/IERC6454.sol";
import { IERC7858 } from "contracts/interfaces/IERC7858.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { LicenceId, licenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Licence, LicenceStatus, NEVER, OrderStatus, PackedLicence } from "contracts/types/Licence.sol";
import { Market } from "./Market.sol";

/// @notice What the Exchange alone may do to a licence, what a wallet may ask of it, and the word it is stored in.
contract LicencesTest is Market {
    PlanId internal plan;
    LicenceId internal id;

    function setUp() public override {
        super.setUp();
        plan = listed();
        id = buy(plan);
    }

    // issue

    function testFuzz_threat_C21_Issue_RevertWhen_NotExchange(address caller) external {
        vm.assume(caller != address(exchange));
        vm.startPrank(caller);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotExchange.selector, caller));
        licences.issue(licenceId(plan, 2), caller, 0, PackedLicence.wrap(1));
        reverts(abi.encodeWithSelector(ILicences.Licences_NotExchange.selector, caller));
        licences.setOrder(id, OrderStatus.Settled, 0);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotExchange.selector, caller));
        licences.renew(id, NEVER, 1, 1, false);
        vm.stopPrank();
    }

    function test_Issue_RevertWhen_Issued() external {
        PackedLicence word = licences.licence(id).packed();
        reverts(abi.encodeWithSelector(ILicences.Licences_NotTransferable.selector, id));
        vm.prank(address(exchange));
        licences.issue(id, second, 0, word);

        id = owned(listed(transferable()));
        word = licences.licence(id).packed();
        reverts(abi.encodeWithSelector(IERC721Errors.ERC721InvalidSender.selector, address(0)));
        vm.prank(address(exchange));
        licences.issue(id, second, 0, word);
    }

    function test_Issue_RevertWhen_ToNobody() external {
        reverts(abi.encodeWithSelector(IERC721Errors.ERC721InvalidOwner.selector, address(0)));
        vm.prank(address(exchange));
        licences.issue(licenceId(plan, 2), address(0), 0, PackedLicence.wrap(1));
    }

    function test_Issue_RevertWhen_HeldIsStale() external {
        reverts(
            abi.encodeWithSelector(ILicences.Licences_StaleBalance.selector, buyer, uint256(0), uint256(1))
        );
        vm.prank(address(exchange));
        licences.issue(licenceId(plan, 2), buyer, 0, PackedLicence.wrap(1));
    }

    // setOrder

    /// @dev Every pair of states; the four transitions of the picture in Licence.sol and no other.
    function test_SetOrder_AllowsTheTransitionsOfThePictureAndNoOther() external {
        for (uint8 from; from <= 4; ++from) {
            for (uint8 to; to <= 4; ++to) {
                LicenceId other = licenceId(plan, 100 + uint32(from) * 5 + to);
                issueIn(other, OrderStatus(from));
                bool allowed = (from == 1 && to >= 2) || (from == 2 && to >= 3);
                if (!allowed) {
                    reverts(abi.encodeWithSelector(ILicences.Licences_InvalidOrder.selector, other, from, to));
                } else {
                    vm.expectEmit(address(licences));
                    emit ILicences.OrderChanged(other, OrderStatus(to), 77);
                    vm.expectEmit(address(licences));
                    emit IERC4906.MetadataUpdate(other.tokenId());
                }
                vm.prank(address(exchange));
                licences.setOrder(other, OrderStatus(to), 77);
                if (!allowed) continue;
                assertOrder(other, OrderStatus(to));
                assertEq(licences.licence(other).deadline, 77);
                assertStatus(other, to == 4 ? LicenceStatus.Refunded : LicenceStatus.Active);
            }
        }
        checkJournals();
    }

    function test_SetOrder_RevertWhen_LicenceUnknown() external {
        LicenceId unknown = licenceId(plan, 9);
        reverts(
            abi.encodeWithSelector(
                ILicences.Licences_InvalidOrder.selector, unknown, OrderStatus.None, OrderStatus.Settled
            )
        );
        vm.prank(address(exchange));
        licences.setOrder(unknown, OrderStatus.Settled, 0);
    }

    // What can be asked

    function test_Licence_RevertWhen_Unknown() external {
        LicenceId unknown = licenceId(plan, 9);
        reverts(abi.encodeWithSelector(ILicences.Licences_Unknown.selector, unknown));
        licences.licence(unknown);
        bytes memory nonexistent =
            abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, unknown.tokenId());
        reverts(nonexistent);
        licences.holderOf(unknown);
        reverts(nonexistent);
        licences.isTokenExpired(unknown.tokenId());
        reverts(nonexistent);
        licences.startTime(unknown.tokenId());
        reverts(nonexistent);
        licences.endTime(unknown.tokenId());
    }

    /// @dev Token ids are wider than licence ids: what lies beyond must not alias a licence.
    function testFuzz_threat_C15_AWideTokenIdIsNotTheLicenceItEndsIn(uint160 high) external {
        vm.assume(high != 0);
        uint256 wide = uint256(high) << 96 | id.tokenId();
        bytes memory nonexistent = abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, wide);
        reverts(nonexistent);
        licences.ownerOf(wide);
        reverts(nonexistent);
        licences.isTokenExpired(wide);
        reverts(nonexistent);
        licences.endTime(wide);
        assertFalse(licences.isTransferable(wide, address(0), address(0)));
        reverts(nonexistent);
        vm.prank(buyer);
        licences.transferFrom(buyer, second, wide);
    }

    function test_ERC7858_TimesOfALicence() external {
        assertEq(uint8(licences.expiryType()), uint8(IERC7858.EXPIRY_TYPE.TIME_BASED));
        assertEq(licences.startTime(id.tokenId()), block.timestamp);
        assertEq(licences.endTime(id.tokenId()), NEVER);
        vm.warp(uint256(NEVER) - 1);
        assertFalse(licences.isTokenExpired(id.tokenId()));
    }

    function test_ERC165_SaysWhatItSupports() external view {
        assertTrue(licences.supportsInterface(type(IERC165).interfaceId));
        assertTrue(licences.supportsInterface(type(IERC721).interfaceId));
        assertTrue(licences.supportsInterface(type(IERC721Metadata).interfaceId));
        assertTrue(licences.supportsInterface(0x49064906), "ERC-4906");
        assertTrue(licences.supportsInterface(0x91a6262f), "ERC-6454");
        assertTrue(licences.supportsInterface(0x3ebdfa31), "ERC-7858");
        assertEq(type(IERC6454).interfaceId, bytes4(0x91a6262f));
        assertEq(type(IERC7858).interfaceId, bytes4(0x3ebdfa31));
        assertFalse(licences.supportsInterface(0xffffffff));
        assertEq(licences.name(), "Socai Licence");
        assertEq(licences.symbol(), "SCX");
        assertEq(address(licences.LISTINGS()), address(listings));
        assertEq(address(licences.PARTICIPANTS()), address(participants));
        assertEq(licences.EXCHANGE(), address(exchange));
    }

    // The word

    function testFuzz_threat_C15_PackingLosesNothing(
        uint24 version,
        uint40[3] calldata times,
        uint32 used,
        uint24 pack_,
        bool byBank,
        uint8 status_,
        uint8 order_,
        uint16[2] calldata rates
    ) external pure {
        Licence memory l = Licence({
            version: version,
            issuedAt: times[0],
            expiresAt: times[1],
            used: used,
            pack: pack_,
            byBank: byBank,
            status: LicenceStatus(status_ % 4),
            order: OrderStatus(order_ % 5),
            feeBps: rates[0],
            taxBps: rates[1],
            deadline: times[2]
        });
        assertEq(keccak256(abi.encode(l.packed().unpack())), keccak256(abi.encode(l)));
    }

    function testFuzz_threat_C15_UnpackingLosesNothing(uint256 word, uint8 status_, uint8 order_)
        external
        pure
    {
        // All 256 bits are used; the three bytes that hold less than a byte are made canonical first
        word &= ~(uint256(0xffffff) << 160);
        word |= (word & 1) << 160 | uint256(status_ % 4) << 168 | uint256(order_ % 5) << 176;
        Licence memory l = PackedLicence.wrap(word).unpack();
        assertEq(PackedLicence.unwrap(l.packed()), word);
    }

    function testFuzz_IdsSayWhatTheyBelongTo(uint48 listing, uint16 index, uint32 serial) external pure {
        PlanId p = planId(listing, index);
        LicenceId l = licenceId(p, serial);
        assertEq(p.listing(), listing);
        assertEq(p.index(), index);
        assertEq(PlanId.unwrap(l.plan()), PlanId.unwrap(p));
        assertEq(l.serial(), serial);
        assertEq(l.tokenId(), uint256(listing) << 48 | uint256(index) << 32 | serial);
    }

    function issueIn(LicenceId other, OrderStatus state) private {
        uint32 held = uint32(licences.balanceOf(buyer));
        Licence memory l = licences.licence(id);
        l.order = state;
        vm.prank(address(exchange));
        licences.issue(other, buyer, held, l.packed());
    }
}
