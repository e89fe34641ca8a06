// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, licenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial, Entitlement, Licence, LicenceStatus, NEVER, OrderStatus } from "contracts/types/Licence.sol";
import {
    Classification,
    Importance,
    LEGAL,
    PersonalData,
    Sharing,
    Subject,
    Version
} from "contracts/types/Listing.sol";
import { ARBITER, BUYER, CUSTODIAN, SELLER, Standing, SUPERVISOR } from "contracts/types/Participant.sol";
import { PlanDraft, STREAMING, UPDATES } from "contracts/types/Plan.sol";
import { Market } from "./Market.sol";

/// @notice Who gets the key, and what takes it away or gives it back.
contract LicencesAccessTest is Market {
    PlanId internal plan;
    LicenceId internal id;

    function setUp() public override {
        super.setUp();
        PlanDraft memory draft = monthly();
        (draft.quota, draft.flags) = (10, UPDATES | STREAMING);
        plan = listed(draft);
        id = owned(plan);
    }

    // entitlement

    function test_Entitlement_SaysAllThatTheKeeperOfTheKeyNeeds() external view {
        Version memory v = listings.version(plan.listing(), 1);
        Entitlement memory expected = Entitlement({
            denial: Denial.Granted,
            listing: plan.listing(),
            version: 1,
            plan: plan,
            expiresAt: uint40(block.timestamp) + MONTH,
            usesLeft: 10,
            flags: UPDATES | STREAMING,
            size: v.size,
            root: v.root,
            depositId: v.depositId
        });
        assertEq(keccak256(abi.encode(licences.entitlement(id, buyer))), keccak256(abi.encode(expected)));
        expected.denial = Denial.NotHolder;
        assertEq(keccak256(abi.encode(licences.entitlement(id, outsider))), keccak256(abi.encode(expected)));
    }

    function testFuzz_Entitlement_NeverRevertsForWantOfALicence(uint96 unknown, address account)
        external
        view
    {
        vm.assume(unknown != LicenceId.unwrap(id));
        Entitlement memory nothing;
        nothing.denial = Denial.UnknownLicence;
        assertEq(
            keccak256(abi.encode(licences.entitlement(LicenceId.wrap(unknown), account))),
            keccak256(abi.encode(nothing))
        );
    }

    function test_Entitlement_UnmeteredLeavesTheMost() external {
        assertEq(licences.entitlement(buy(listed()), buyer).usesLeft, type(uint32).max);
    }

    function test_Entitlement_WhileTheOrderIsOpenOrDisputed() external {
        id = buy(plan);
        assertDenial(id, buyer, Denial.Granted);
        dispute(id);
        assertDenial(id, buyer, Denial.Granted);
    }

    function test_R19_Entitlement_DeniedWhenRevoked() external {
        revoke(id);
        assertDenial(id, buyer, Denial.Revoked);
    }

    function test_Entitlement_DeniedWhenRefunded() external {
        id = buy(plan);
        refund(id);
        assertDenial(id, buyer, Denial.Refunded);
    }

    function test_threat_C15_Entitlement_DeniedFromTheSecondOfExpiryOn() external {
        skip(MONTH - 1);
        assertDenial(id, buyer, Denial.Granted);
        skip(1);
        assertDenial(id, buyer, Denial.Expired);
    }

    function test_R05_Entitlement_DeniedWhenTheQuotaIsSpent() external {
        count(10);
        assertDenial(id, buyer, Denial.QuotaSpent);
    }

    function test_R05_Entitlement_ASpentQuotaIsSaidLast() external {
        count(10);
        suspend(buyer);
        assertDenial(id, buyer, Denial.HolderIneligible);
    }

    function test_R02_Entitlement_DeniedWhileTheHolderIsSuspendedOrExpired() external {
        suspend(buyer);
        assertDenial(id, buyer, Denial.HolderIneligible);
        skip(1 days);
        assertDenial(id, buyer, Denial.HolderIneligible);
        vm.prank(arbiter);
        participants.reinstate(buyer, REASON);
        assertDenial(id, buyer, Denial.Granted);
        expire(buyer, BUYER);
        assertDenial(id, buyer, Denial.HolderIneligible);
    }

    function test_R19_Entitlement_DeniedWhileTheListingIsFrozen() external {
        uint40 until = freezeListing(plan.listing());
        vm.warp(until - 1);
        assertDenial(id, buyer, Denial.ListingFrozen);
        id = owned(listed());
        assertDenial(id, buyer, Denial.Granted);
    }

    function test_R22_Entitlement_DeniedWhenTheVersionIsWithdrawn() external {
        vm.prank(seller);
        listings.withdrawVersion(plan.listing(), 1, REASON);
        assertDenial(id, buyer, Denial.VersionWithdrawn);
    }

    function test_R04_Entitlement_DeniedUntilReviewedAgain() external {
        Classification memory core =
            Classification(Importance.Core, Sharing.Shared, Subject.Locations, PersonalData.None);
        vm.prank(supervisor);
        listings.reclassify(plan.listing(), core, 0, REASON);
        assertDenial(id, buyer, Denial.NotAttested);
        attest(plan.listing(), 1, LEGAL);
        assertDenial(id, buyer, Denial.NotAttested);
        attest(plan.listing(), 1, 2);
        assertDenial(id, buyer, Denial.Granted);
    }

    function test_Entitlement_OutlivesPlanListingAndSeller() external {
        closePlan(plan);
        vm.prank(seller);
        listings.delist(plan.listing(), REASON);
        retire(seller);
        assertDenial(id, buyer, Denial.Granted);
    }

    // revoke

    function test_threat_C18_Revoke_RevertWhen_NotSupervisor() external {
        address[6] memory others = [seller, buyer, arbiter, custodian, governor, address(exchange)];
        for (uint256 i; i < others.length; ++i) {
            reverts(ineligible(others[i], SUPERVISOR, Standing.RoleMissing));
            vm.prank(others[i]);
            licences.revoke(id, REASON);
        }
    }

    function test_threat_C18_Revoke_RevertWhen_RevokedBefore() external {
        revoke(id);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotActive.selector, id));
        vm.prank(supervisor);
        licences.revoke(id, REASON);
    }

    function test_threat_C18_Revoke_RevertWhen_Refunded() external {
        id = buy(plan);
        refund(id);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotActive.selector, id));
        vm.prank(supervisor);
        licences.revoke(id, REASON);
    }

    function test_threat_C18_Revoke_RevertWhen_Unknown() external {
        LicenceId unknown = licenceId(plan, 9);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotActive.selector, unknown));
        vm.prank(supervisor);
        licences.revoke(unknown, REASON);
    }

    function test_R19_Revoke_RevertWhen_NoReason() external {
        reverts(ILicences.Licences_NoReason.selector);
        vm.prank(supervisor);
        licences.revoke(id, 0);
    }

    function test_R19_Revoke_IsAStatusNotABurn() external {
        vm.expectEmit(address(licences));
        emit ILicences.LicenceRevoked(id, supervisor, REASON);
        vm.expectEmit(address(licences));
        emit IERC4906.MetadataUpdate(id.tokenId());
        revoke(id);
        assertStatus(id, LicenceStatus.Revoked);
        assertOrder(id, OrderStatus.Settled);
        assertEq(licences.holderOf(id), buyer);
        checkJournals();
    }

    function test_Revoke_LeavesAnOpenOrderToItsParties() external {
        id = buy(plan);
        revoke(id);
        assertOrder(id, OrderStatus.Open);
        skip(CONFIRM);
        release(id);
        assertStatus(id, LicenceStatus.Revoked);
        assertOrder(id, OrderStatus.Settled);
    }

    // reinstate

    function test_R20_threat_C18_Reinstate_RevertWhen_NotArbiter() external {
        revoke(id);
        address[3] memory others = [supervisor, buyer, governor];
        for (uint256 i; i < others.length; ++i) {
            reverts(ineligible(others[i], ARBITER, Standing.RoleMissing));
            vm.prank(others[i]);
            licences.reinstate(id, REASON);
        }
    }

    function test_Reinstate_RevertWhen_NotRevoked() external {
        reverts(abi.encodeWithSelector(ILicences.Licences_NotRevoked.selector, id));
        vm.prank(arbiter);
        licences.reinstate(id, REASON);
    }

    function test_threat_C18_Reinstate_RevertWhen_RefundedWhileRevoked() external {
        id = buy(plan);
        revoke(id);
        refund(id);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotRevoked.selector, id));
        vm.prank(arbiter);
        licences.reinstate(id, REASON);
    }

    function test_R19_Reinstate_RevertWhen_NoReason() external {
        revoke(id);
        reverts(ILicences.Licences_NoReason.selector);
        vm.prank(arbiter);
        licences.reinstate(id, 0);
    }

    function test_R19_R20_Reinstate_GivesTheKeyBack() external {
        revoke(id);
        vm.expectEmit(address(licences));
        emit ILicences.LicenceReinstated(id, arbiter, REASON);
        vm.prank(arbiter);
        licences.reinstate(id, REASON);
        assertDenial(id, buyer, Denial.Granted);
        checkJournals();
    }

    // countUses

    function test_CountUses_RevertWhen_NotCustodian() external {
        address[3] memory others = [buyer, seller, operator];
        for (uint256 i; i < others.length; ++i) {
            reverts(ineligible(others[i], CUSTODIAN, Standing.RoleMissing));
            vm.prank(others[i]);
            licences.countUses(id, 1);
        }
    }

    function test_CountUses_RevertWhen_NotActive() external {
        revoke(id);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotActive.selector, id));
        vm.prank(custodian);
        licences.countUses(id, 1);
    }

    function testFuzz_R05_CountUses_RevertWhen_QuotaExceeded(uint32 used, uint32 more) external {
        used = uint32(bound(used, 0, 10));
        more = uint32(bound(more, 11 - used, type(uint32).max - used));
        count(used);
        reverts(
            abi.encodeWithSelector(ILicences.Licences_QuotaExceeded.selector, id, used + more, uint32(10))
        );
        count(more);
    }

    function test_CountUses_RevertWhen_Unmetered() external {
        id = buy(listed());
        reverts(abi.encodeWithSelector(ILicences.Licences_QuotaExceeded.selector, id, uint32(1), uint32(0)));
        count(1);
    }

    function test_threat_C15_CountUses_RevertWhen_TheCountOverflows() external {
        id = buy(listed(metered(type(uint32).max)));
        count(type(uint32).max);
        assertDenial(id, buyer, Denial.QuotaSpent);
        reverts(panic(0x11));
        count(1);
    }

    function testFuzz_R05_CountUses_UpToTheQuota(uint32 some) external {
        some = uint32(bound(some, 0, 10));
        vm.expectEmit(address(licences));
        emit ILicences.UsesCounted(id, custodian, some, some);
        count(some);
        vm.expectEmit(address(licences));
        emit ILicences.UsesCounted(id, custodian, 10 - some, 10);
        count(10 - some);
        assertEq(licences.licence(id).used, 10);
        assertEq(licences.entitlement(id, buyer).usesLeft, 0);
        checkJournals();
    }

    function test_CountUses_AfterExpiryToo() external {
        skip(MONTH);
        count(3); // uses of the last hour may be reported late
        assertEq(licences.licence(id).used, 3);
    }

    // upgrade

    function test_Upgrade_RevertWhen_NotHolder() external {
        addVersion(plan);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotHolder.selector, id, second));
        vm.prank(second);
        licences.upgrade(id, 2);
        LicenceId unknown = licenceId(plan, 9);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotHolder.selector, unknown, buyer));
        vm.prank(buyer);
        licences.upgrade(unknown, 2);
    }

    function test_Upgrade_RevertWhen_RevokedOrExpired() external {
        addVersion(plan);
        uint256 snapshot = vm.snapshotState();
        revoke(id);
        upgradeRefused(2, abi.encodeWithSelector(ILicences.Licences_NotActive.selector, id));
        vm.revertToState(snapshot);
        skip(MONTH);
        upgradeRefused(2, abi.encodeWithSelector(ILicences.Licences_NotActive.selector, id));
    }

    function test_Upgrade_RevertWhen_PlanHasNoUpdates() external {
        PlanId bare = listed();
        id = owned(bare);
        addVersion(bare);
        upgradeRefused(2, abi.encodeWithSelector(ILicences.Licences_NoUpdates.selector, id));
    }

    function test_Upgrade_RevertWhen_NotNewer() external {
        upgradeRefused(1, abi.encodeWithSelector(ILicences.Licences_NotNewer.selector, id, uint24(1)));
        upgradeRefused(0, abi.encodeWithSelector(ILicences.Licences_NotNewer.selector, id, uint24(0)));
    }

    function test_R01_R17_Upgrade_RevertWhen_TheGateRefuses() external {
        upgradeRefused(
            2, abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, plan.listing(), uint24(2))
        );
        bytes memory call = abi.encodeCall(listings.addVersion, (plan.listing(), versionDraft(seller)));
        vm.prank(seller);
        (bool ok,) = address(listings).call(call);
        assertTrue(ok);
        upgradeRefused(
            2, abi.encodeWithSelector(IListings.Listings_Refused.selector, PACK, pack.RULE_NOT_ATTESTED())
        );
        suspend(buyer);
        upgradeRefused(2, ineligible(buyer, BUYER, Standing.Suspended));
    }

    function test_Upgrade_MovesToANewerVersion() external {
        addVersion(plan);
        addVersion(plan);
        count(4);
        vm.expectEmit(address(licences));
        emit ILicences.VersionChanged(id, 3, PACK);
        vm.prank(buyer);
        licences.upgrade(id, 3);
        Entitlement memory e = licences.entitlement(id, buyer);
        assertEq(e.version, 3);
        assertEq(e.root, listings.version(plan.listing(), 3).root);
        assertEq(e.usesLeft, 6, "the quota goes on");
        upgradeRefused(2, abi.encodeWithSelector(ILicences.Licences_NotNewer.selector, id, uint24(2)));
        checkJournals();
    }

    function test_Upgrade_OfAClosedAndDelistedPlan() external {
        addVersion(plan);
        closePlan(plan);
        vm.prank(seller);
        listings.delist(plan.listing(), REASON);
        vm.prank(buyer);
        licences.upgrade(id, 2);
        assertEq(licences.licence(id).version, 2);
    }

    function count(uint32 uses) private {
        vm.prank(custodian);
        licences.countUses(id, uses);
    }

    function upgradeRefused(uint24 version, bytes memory why) private {
        reverts(why);
        vm.prank(buyer);
        licences.upgrade(id, version);
    }
}
