// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Denial } from "contracts/types/Licence.sol";
import { CUSTODY, LEGAL, Listing } from "contracts/types/Listing.sol";
import { Standing, SUPERVISOR } from "contracts/types/Participant.sol";
import { Listings } from "../Deployed.sol";
import { SetPack } from "../mocks/registry/Packs.sol";
import { Registry } from "./Registry.sol";

contract OversightTest is Registry {
    uint48 internal id;
    PlanId internal plan;
    LicenceId internal licence;

    function setUp() public override {
        super.setUp();
        plan = listed();
        id = plan.listing();
        licence = owned(plan);
    }

    // freeze

    function test_R20_freeze_onlyASupervisorInGoodStanding() public {
        address[8] memory callers =
            [seller, buyer, reviewer, custodian, provider, arbiter, operator, governor];
        for (uint256 i; i < 8; ++i) {
            vm.prank(callers[i]);
            expectIneligible(callers[i], SUPERVISOR, Standing.RoleMissing);
            listings.freeze(id, time() + 1, REASON);
        }
        expire(supervisor);
        vm.prank(supervisor);
        expectIneligible(supervisor, SUPERVISOR, Standing.Expired);
        listings.freeze(id, time() + 1, REASON);
    }

    function test_freeze_unknownListing() public {
        vm.prank(supervisor);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownListing.selector, 99));
        listings.freeze(99, time() + 1, REASON);
    }

    function testFuzz_R19_freeze_expires(uint40 until) public {
        vm.prank(supervisor);
        if (until <= time() || until > time() + 180 days) expectInvalidPeriod(until);
        listings.freeze(id, until, REASON);
    }

    function test_R19_freeze_periodAtTheEdges() public {
        assertEq(listings.MAX_FREEZE(), 180 days);
        vm.startPrank(supervisor);
        expectInvalidPeriod(time());
        listings.freeze(id, time(), REASON);
        expectInvalidPeriod(time() + 180 days + 1);
        listings.freeze(id, time() + 180 days + 1, REASON);
        listings.freeze(id, time() + 180 days, REASON);
    }

    function test_R19_freeze_needsAReason() public {
        vm.prank(supervisor);
        expectError(IListings.Listings_NoReason.selector);
        listings.freeze(id, time() + 1, 0);
    }

    function test_R19_freeze_stopsSalesKeysAndTransfersUntilItsEnd() public {
        uint40 until = time() + 30 days;
        Listing memory before = listings.listing(id);
        vm.expectEmit(address(listings));
        emit IListings.Frozen(id, supervisor, until, REASON);
        vm.expectEmit(address(listings));
        emit IERC4906.MetadataUpdate(id);
        vm.prank(supervisor);
        listings.freeze(id, until, REASON);
        before.frozenUntil = until;
        assertSame(abi.encode(listings.listing(id)), abi.encode(before));

        vm.warp(until - 1);
        assertDenial(licence, Denial.ListingFrozen);
        expectFrozen(until);
        listings.gate(plan, 1, buyer);
        assertFalse(listings.isTransferable(id, address(0), address(0)));
        vm.warp(until);
        assertDenial(licence, Denial.Granted);
        listings.gate(plan, 1, buyer);
        assertTrue(listings.isTransferable(id, address(0), address(0)));
    }

    function test_R19_freeze_mayBeProlongedAndShortened() public {
        vm.startPrank(supervisor);
        listings.freeze(id, time() + 10 days, REASON);
        listings.freeze(id, time() + 100 days, REASON);
        assertEq(listings.listing(id).frozenUntil, time() + 100 days);
        listings.freeze(id, time() + 1, REASON);
        assertEq(listings.listing(id).frozenUntil, time() + 1);
        vm.stopPrank();
        skip(1);
        listings.gate(plan, 1, buyer);
    }

    function test_R19_freeze_theSellerMayStillImprove() public {
        freeze(id);
        addVersion(id);
        addPlan(id, planDraft());
        withdrawVersion(id, 2);
    }

    // unfreeze

    function test_R20_unfreeze_onlyArbiterOrSupervisorInGoodStanding() public {
        freeze(id);
        address[7] memory callers = [seller, buyer, reviewer, custodian, provider, operator, governor];
        for (uint256 i; i < 7; ++i) {
            vm.prank(callers[i]);
            expectIneligible(callers[i], SUPERVISOR, Standing.RoleMissing);
            listings.unfreeze(id, REASON);
        }
        expire(arbiter);
        vm.prank(arbiter);
        expectIneligible(arbiter, SUPERVISOR, Standing.RoleMissing);
        listings.unfreeze(id, REASON);
        expire(supervisor);
        vm.prank(supervisor);
        expectIneligible(supervisor, SUPERVISOR, Standing.Expired);
        listings.unfreeze(id, REASON);
    }

    function test_R19_unfreeze_byArbiterOnReviewOrBySupervisor() public {
        address[2] memory callers = [arbiter, supervisor];
        for (uint256 i; i < 2; ++i) {
            freeze(id);
            assertDenial(licence, Denial.ListingFrozen);
            vm.expectEmit(address(listings));
            emit IListings.Unfrozen(id, callers[i], REASON);
            vm.expectEmit(address(listings));
            emit IERC4906.MetadataUpdate(id);
            vm.prank(callers[i]);
            listings.unfreeze(id, REASON);
            assertEq(listings.listing(id).frozenUntil, 0);
            assertDenial(licence, Denial.Granted);
        }
    }

    function test_unfreeze_onlyTheFrozen() public {
        vm.startPrank(arbiter);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotFrozen.selector, id));
        listings.unfreeze(id, REASON);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotFrozen.selector, 99));
        listings.unfreeze(99, REASON);
        vm.stopPrank();
        vm.warp(freeze(id));
        vm.prank(arbiter);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotFrozen.selector, id));
        listings.unfreeze(id, REASON);
    }

    function test_R19_unfreeze_needsAReason() public {
        freeze(id);
        vm.prank(arbiter);
        expectError(IListings.Listings_NoReason.selector);
        listings.unfreeze(id, 0);
    }

    // delist

    function test_delist_onlyTheHolder() public {
        address[4] memory callers = [outsider, buyer, supervisor, governor];
        for (uint256 i; i < 4; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotHolder.selector, id, callers[i]));
            listings.delist(id, REASON);
        }
    }

    function test_delist_onceWithAReason() public {
        vm.prank(seller);
        expectError(IListings.Listings_NoReason.selector);
        listings.delist(id, 0);
        delist(id);
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsDelisted.selector, id));
        listings.delist(id, REASON);
    }

    function test_R19_delist_endsSalesAndKeepsLicences() public {
        Listing memory before = listings.listing(id);
        vm.expectEmit(address(listings));
        emit IListings.Delisted(id, REASON);
        vm.expectEmit(address(listings));
        emit IERC4906.MetadataUpdate(id);
        vm.prank(seller);
        listings.delist(id, REASON);
        before.delisted = true;
        assertSame(abi.encode(listings.listing(id)), abi.encode(before));
        assertDenial(licence, Denial.Granted);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsDelisted.selector, id));
        listings.gate(plan, 1, buyer);
    }

    function test_delist_alsoByASuspendedHolder() public {
        suspend(seller);
        delist(id);
        assertTrue(listings.listing(id).delisted);
    }

    // approveTransfer

    function test_R07_R20_approveTransfer_onlyASupervisorInGoodStanding() public {
        address[6] memory callers = [seller, buyer, reviewer, arbiter, operator, governor];
        for (uint256 i; i < 6; ++i) {
            vm.prank(callers[i]);
            expectIneligible(callers[i], SUPERVISOR, Standing.RoleMissing);
            listings.approveTransfer(id, buyer, time() + 1, EVIDENCE);
        }
        expire(supervisor);
        vm.prank(supervisor);
        expectIneligible(supervisor, SUPERVISOR, Standing.Expired);
        listings.approveTransfer(id, buyer, time() + 1, EVIDENCE);
    }

    function test_R07_approveTransfer_needsListingAndEvidence() public {
        vm.startPrank(supervisor);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownListing.selector, 99));
        listings.approveTransfer(99, buyer, time() + 1, EVIDENCE);
        expectError(IListings.Listings_NoReason.selector);
        listings.approveTransfer(id, buyer, time() + 1, 0);
    }

    function testFuzz_R07_approveTransfer_recordsAndEmits(address account, uint40 until) public {
        vm.expectEmit(address(listings));
        emit IListings.TransferApproved(id, account, until, EVIDENCE);
        vm.prank(supervisor);
        listings.approveTransfer(id, account, until, EVIDENCE);
        assertEq(listings.transferApproval(id, account), until);
        vm.prank(supervisor);
        listings.approveTransfer(id, account, 0, EVIDENCE);
        assertEq(listings.transferApproval(id, account), 0);
    }

    // setRulePack

    function testFuzz_threat_C21_setRulePack_onlyTheGovernor(address caller) public {
        vm.assume(caller != governor && caller != address(authority));
        SetPack next = new SetPack(2);
        vm.prank(caller);
        expectUnauthorized(caller);
        listings.setRulePack(address(next));
    }

    function testFuzz_R14_setRulePack_versionsOnlyRise(uint24 version) public {
        SetPack next = new SetPack(version);
        vm.prank(governor);
        if (version <= PACK) expectInvalidPack(address(next));
        listings.setRulePack(address(next));
    }

    function test_R14_setRulePack_needsAPack() public {
        vm.startPrank(governor);
        vm.expectRevert(bytes(""));
        listings.setRulePack(outsider);
        vm.expectRevert();
        listings.setRulePack(address(token));
        expectInvalidPack(address(pack));
        listings.setRulePack(address(pack));
    }

    function test_R14_aRegisterNeverStartsWithoutAVersionedPack() public {
        SetPack unversioned = new SetPack(0);
        expectInvalidPack(address(unversioned));
        Listings(
            deploy(
                "Listings",
                abi.encode(address(authority), participants, reviews, licences, exchange, unversioned)
            )
        );
    }

    function test_R01_R14_setRulePack_decidesFromNowOn() public {
        SetPack next = new SetPack(5);
        next.set(0, CUSTODY | LEGAL, 0);
        vm.expectEmit(address(listings));
        emit IListings.RulePackSet(address(next), 5);
        vm.prank(governor);
        listings.setRulePack(address(next));
        (address inForce, uint24 version) = listings.rulePack();
        assertEq(inForce, address(next));
        assertEq(version, 5);

        assertEq(listings.listing(id).pack, PACK, "decided under the old one");
        assertEq(licences.licence(licence).pack, PACK);
        assertEq(listings.gate(plan, 1, buyer).pack, 5);
        assertEq(licences.licence(buy(plan)).pack, 5);
        assertEq(listings.listing(publish(seller, planDraft(), none())).pack, 5);

        next.set(31, 0, 32);
        expectRefused(5, 32);
        listings.gate(plan, 1, buyer);
        vm.prank(seller);
        expectRefused(5, 31);
        listings.reclassify(id, ordinary(), 0, REASON);
        assertDenial(licence, Denial.Granted);
    }

    function test_R14_setRulePack_theOldOneIsNotSetAgain() public {
        SetPack next = new SetPack(2);
        vm.startPrank(governor);
        listings.setRulePack(address(next));
        expectInvalidPack(address(pack));
        listings.setRulePack(address(pack));
        expectInvalidPack(address(next));
        listings.setRulePack(address(next));
    }

    function expectInvalidPeriod(uint40 until) private {
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_InvalidPeriod.selector, until));
    }

    function expectInvalidPack(address pack_) private {
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_InvalidPack.selector, pack_));
    }

    function expectFrozen(uint40 until) private {
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsFrozen.selector, id, until));
    }
}
