// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, licenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { LEGAL, Upstream, VersionDraft } from "contracts/types/Listing.sol";
import { MARKET_ROLES, SELLER, Standing } from "contracts/types/Participant.sol";
import { DERIVABLE, PlanDraft, TRANSFERABLE } from "contracts/types/Plan.sol";
import { Registry } from "./Registry.sol";

contract UpstreamsTest is Registry {
    uint16 internal constant ROYALTY = 500;

    address internal deriver = makeAddr("deriver");
    PlanId internal plan;
    LicenceId internal licence;

    function setUp() public override {
        super.setUp();
        accredit(deriver, MARKET_ROLES);
        fund(deriver, 1_000_000_000);
        plan = listed(derivable());
        licence = licensed(plan);
    }

    function test_R06_publish_recordsAndEmitsUpstreams() public {
        LicenceId second = licensed(listed(derivable()));
        Upstream[] memory upstreams = two(licence, ROYALTY, second, 9_500);
        VersionDraft memory draft = versionDraft(deriver);
        vm.expectEmit(address(listings));
        emit IListings.UpstreamNamed(3, licence, ROYALTY);
        vm.expectEmit(address(listings));
        emit IListings.UpstreamNamed(3, second, 9_500);
        vm.prank(deriver);
        uint48 id = listings.publish(ordinary(), 0, draft, one(planDraft()), upstreams);
        assertEq(id, 3);
        assertEq(listings.listing(id).upstreams, 2);
        assertSame(abi.encode(listings.upstreams(id)), abi.encode(upstreams));
    }

    function test_threat_C22_R06_atMostEight() public {
        Upstream[] memory upstreams = new Upstream[](9);
        upstreams[0] = Upstream(licence, 1_000);
        for (uint256 i = 1; i < 9; ++i) {
            upstreams[i] = Upstream(licensed(listed(derivable())), 1_000);
        }
        VersionDraft memory draft = versionDraft(deriver);
        vm.prank(deriver);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_TooMany.selector, 9, 8));
        listings.publish(ordinary(), 0, draft, one(planDraft()), upstreams);
        Upstream[] memory eight = new Upstream[](8);
        for (uint256 i; i < 8; ++i) {
            eight[i] = upstreams[i];
        }
        vm.prank(deriver);
        assertEq(
            listings.upstreams(listings.publish(ordinary(), 0, draft, one(planDraft()), eight)).length, 8
        );
    }

    function test_threat_C22_R06_oneLicencePerListingInRisingOrder() public {
        LicenceId second = licensed(listed(derivable()));
        LicenceId again = licensed(plan);
        LicenceId otherPlan = licensed(addPlan(plan.listing(), derivable()));
        expectDerived(two(second, ROYALTY, licence, ROYALTY), order(licence));
        expectDerived(two(licence, ROYALTY, licence, ROYALTY), order(licence));
        expectDerived(two(licence, ROYALTY, again, ROYALTY), order(again));
        expectDerived(two(licence, ROYALTY, otherPlan, ROYALTY), order(otherPlan));
        LicenceId nothing = LicenceId.wrap(0);
        expectDerived(just(nothing, ROYALTY), order(nothing));
        LicenceId ofNothing = licenceId(planId(0, 3), 1);
        expectDerived(just(ofNothing, ROYALTY), order(ofNothing));
    }

    function testFuzz_threat_C22_R06_anUnlicensedUpstreamIsDenied(uint96 raw) public {
        LicenceId any = LicenceId.wrap(raw);
        vm.assume(any.plan().listing() != 0 && raw != LicenceId.unwrap(licence));
        expectDenied(any);
    }

    function test_threat_C22_R06_anothersLicenceIsDenied() public {
        expectDenied(owned(plan));
    }

    function test_threat_C22_R06_aLicenceMovedAwayIsDenied() public {
        PlanDraft memory draft = derivable();
        draft.flags = DERIVABLE | TRANSFERABLE;
        LicenceId moving = licensed(listed(draft));
        vm.prank(deriver);
        licences.transferFrom(deriver, buyer, moving.tokenId());
        expectDenied(moving);
    }

    function test_threat_C22_R06_aLicenceThatForbidsDerivationIsDenied() public {
        expectDenied(licensed(listed(planDraft())));
        PlanDraft memory draft = planDraft();
        draft.flags = ~DERIVABLE & 0x3f;
        expectDenied(licensed(listed(draft)));
    }

    function testFuzz_threat_C22_R06_theShareIsAtLeastTheRoyalty(uint16 royaltyBps, uint16 shareBps) public {
        royaltyBps = uint16(bound(royaltyBps, 0, 10_000));
        shareBps = uint16(bound(shareBps, 0, 10_000));
        PlanDraft memory draft = derivable();
        draft.royaltyBps = royaltyBps;
        LicenceId source = licensed(listed(draft));
        if (shareBps >= royaltyBps) {
            assertEq(listings.upstreams(derive(just(source, shareBps)))[0].shareBps, shareBps);
        } else {
            expectDerived(just(source, shareBps), tooLow(source, shareBps, royaltyBps));
        }
    }

    function test_threat_C22_R06_theRoyaltyAtItsEdge() public {
        expectDerived(just(licence, ROYALTY - 1), tooLow(licence, ROYALTY - 1, ROYALTY));
        derive(just(licence, ROYALTY));
    }

    function testFuzz_threat_C22_R06_sharesTotalAtMostTheWhole(uint16 first, uint16 second) public {
        first = uint16(bound(first, ROYALTY, type(uint16).max));
        second = uint16(bound(second, ROYALTY, type(uint16).max));
        Upstream[] memory upstreams = two(licence, first, licensed(listed(derivable())), second);
        if (first > 10_000) expectDerived(upstreams, exceeds(first));
        else if (uint256(first) + second > 10_000) expectDerived(upstreams, exceeds(uint256(first) + second));
        else derive(upstreams);
    }

    function test_threat_C22_R06_theWholeAtItsEdge() public {
        Upstream[] memory upstreams = two(licence, 4_000, licensed(listed(derivable())), 6_001);
        expectDerived(upstreams, exceeds(10_001));
        upstreams[1].shareBps = 6_000;
        derive(upstreams);
    }

    function test_threat_C22_R06_anExpiredLicenceIsDenied() public {
        PlanDraft memory draft = derivable();
        draft.duration = 10 days;
        LicenceId brief = licensed(listed(draft));
        uint256 snapshot = vm.snapshotState();
        skip(10 days - 1);
        derive(just(brief, ROYALTY));
        vm.revertToState(snapshot);
        skip(10 days);
        expectDenied(brief);
    }

    function test_threat_C22_R06_aRevokedLicenceIsDenied() public {
        vm.prank(supervisor);
        licences.revoke(licence, REASON);
        expectDenied(licence);
    }

    function test_threat_C22_R06_anOrderThatCanStillBeRefundedIsDenied() public {
        LicenceId open = buy(plan, deriver);
        expectDenied(open);
        dispute(open);
        expectDenied(open);
        uint256 snapshot = vm.snapshotState();
        resolve(open, 1);
        derive(just(open, ROYALTY));
        vm.revertToState(snapshot);
        resolve(open, PRICE);
        expectDenied(open);
    }

    function test_threat_C22_R06_aFreeLicenceServesAtOnce() public {
        PlanDraft memory draft = derivable();
        draft.price = 0;
        derive(just(buy(listed(draft), deriver), ROYALTY));
    }

    function test_threat_C22_R06_whateverDeniesTheKeyDeniesDerivation() public {
        uint256 snapshot = vm.snapshotState();
        for (uint256 i; i < 5; ++i) {
            if (i == 0) freeze(plan.listing());
            if (i == 1) withdrawVersion(plan.listing(), 1);
            if (i == 2) reclassify(seller, plan.listing(), ordinary(), 0);
            if (i == 3) reclassify(supervisor, plan.listing(), core(), 0);
            if (i == 4) accredit(deriver, SELLER); // no buyer any more
            expectDenied(licence);
            vm.revertToState(snapshot);
        }
        derive(just(licence, ROYALTY));
    }

    function test_threat_C13_R06_aSuspendedDeriverPublishesNothing() public {
        suspend(deriver);
        VersionDraft memory draft = versionDraft(deriver);
        vm.prank(deriver);
        expectIneligible(deriver, SELLER, Standing.Suspended);
        listings.publish(ordinary(), 0, draft, one(planDraft()), just(licence, ROYALTY));
    }

    function test_threat_C22_R06_aDelistedUpstreamStaysOne() public {
        delist(plan.listing());
        uint48 id = derive(just(licence, ROYALTY));
        attest(id, 1, LEGAL);
        LicenceId sold = owned(planId(id, 0));
        assertEq(uint8(licences.entitlement(sold, buyer).denial), 0);
        assertGt(exchange.owed(DONG, seller), 0);
    }

    function test_threat_C22_R06_whatIsNamedStaysWhateverBecomesOfTheLicence() public {
        uint48 id = derive(just(licence, ROYALTY));
        bytes32 before = keccak256(abi.encode(listings.upstreams(id)));
        vm.prank(supervisor);
        licences.revoke(licence, REASON);
        delist(plan.listing());
        assertEq(keccak256(abi.encode(listings.upstreams(id))), before);
    }

    /// @dev An upstream is named by a licence that exists when the listing is published, and never afterwards: whatever a listing
    /// derives from is older than itself.
    function test_threat_C22_R06_aCycleCannotBeWrittenDown() public {
        LicenceId itself = licenceId(planId(2, 0), 1);
        expectDenied(itself);
        LicenceId future = licenceId(planId(3, 0), 1);
        expectDenied(future);

        uint48 second = derive(just(licence, ROYALTY));
        attest(second, 1, LEGAL);
        addVersion(second);
        addPlan(second, derivable());
        for (uint48 id = 1; id <= 2; ++id) {
            Upstream[] memory upstreams = listings.upstreams(id);
            for (uint256 i; i < upstreams.length; ++i) {
                assertLt(upstreams[i].licence.plan().listing(), id);
            }
        }
    }

    function test_R06_manyMayDeriveFromOneLicence() public {
        assertEq(derive(just(licence, ROYALTY)), 2);
        assertEq(derive(just(licence, ROYALTY + 1)), 3);
        assertEq(listings.upstreams(2)[0].shareBps, ROYALTY);
    }

    function derive(Upstream[] memory upstreams) private returns (uint48) {
        return publish(deriver, planDraft(), upstreams);
    }

    function expectDerived(Upstream[] memory upstreams, bytes memory reason) private {
        VersionDraft memory draft = versionDraft(deriver);
        vm.prank(deriver);
        vm.expectRevert(reason);
        listings.publish(ordinary(), 0, draft, one(planDraft()), upstreams);
    }

    function expectDenied(LicenceId source) private {
        expectDerived(
            just(source, 10_000), abi.encodeWithSelector(IListings.Listings_UpstreamDenied.selector, source)
        );
    }

    /// @dev A licence of the deriver's, bought and confirmed.
    function licensed(PlanId source) private returns (LicenceId id) {
        id = buy(source, deriver);
        confirm(id);
    }

    function derivable() private pure returns (PlanDraft memory draft) {
        draft = planDraft();
        (draft.flags, draft.royaltyBps) = (DERIVABLE, ROYALTY);
    }

    function just(LicenceId source, uint16 shareBps) private pure returns (Upstream[] memory upstreams) {
        upstreams = new Upstream[](1);
        upstreams[0] = Upstream(source, shareBps);
    }

    function two(LicenceId a, uint16 shareA, LicenceId b, uint16 shareB)
        private
        pure
        returns (Upstream[] memory upstreams)
    {
        upstreams = new Upstream[](2);
        (upstreams[0], upstreams[1]) = (Upstream(a, shareA), Upstream(b, shareB));
    }

    function order(LicenceId source) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IListings.Listings_UpstreamOrder.selector, source);
    }

    function tooLow(LicenceId source, uint16 share, uint16 royalty) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IListings.Listings_ShareTooLow.selector, source, share, royalty);
    }

    function exceeds(uint256 total) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IListings.Listings_SharesExceedWhole.selector, total);
    }
}
