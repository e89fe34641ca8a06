// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { stdError } from "forge-std/StdError.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Classification, LEGAL, Listing, VersionDraft } from "contracts/types/Listing.sol";
import { SELLER, Standing } from "contracts/types/Participant.sol";
import {
    ALL_FLAGS,
    Currency,
    DERIVABLE,
    Plan,
    PlanDraft,
    PlanStatus,
    RESEARCH,
    STATE_FEE,
    TRANSFERABLE
} from "contracts/types/Plan.sol";
import { Registry } from "./Registry.sol";

contract PlansTest is Registry {
    uint48 internal id;
    PlanId internal plan;

    function setUp() public override {
        super.setUp();
        plan = listed();
        id = plan.listing();
    }

    // addPlan

    function test_addPlan_onlyTheHolder() public {
        vm.prank(seller);
        listings.setApprovalForAll(outsider, true);
        address[4] memory callers = [outsider, buyer, supervisor, governor];
        for (uint256 i; i < 4; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotHolder.selector, id, callers[i]));
            listings.addPlan(id, planDraft());
        }
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotHolder.selector, 99, seller));
        listings.addPlan(99, planDraft());
    }

    function test_threat_C13_addPlan_notWithoutStanding() public {
        uint256 snapshot = vm.snapshotState();
        for (uint8 how = 1; how <= 3; ++how) {
            lose(seller, Standing(how));
            vm.prank(seller);
            expectIneligible(seller, SELLER, Standing(how));
            listings.addPlan(id, planDraft());
            vm.revertToState(snapshot);
        }
    }

    function test_addPlan_notOfADelisted() public {
        delist(id);
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsDelisted.selector, id));
        listings.addPlan(id, planDraft());
    }

    function test_addPlan_needsCapAndTerms() public {
        PlanDraft memory draft = planDraft();
        draft.cap = 0;
        expectInvalid(draft);
        draft = planDraft();
        draft.terms = 0;
        expectInvalid(draft);
    }

    function testFuzz_addPlan_knownFlagsOnly(uint16 flags) public {
        PlanDraft memory draft = planDraft();
        draft.flags = flags;
        if (flags > ALL_FLAGS) expectInvalid(draft);
        else assertEq(listings.plan(addPlan(id, draft)).flags, flags);
    }

    function testFuzz_R06_addPlan_royaltyNeedsTheRightToDerive(uint16 royaltyBps, uint16 flags) public {
        flags &= ALL_FLAGS;
        PlanDraft memory draft = planDraft();
        (draft.flags, draft.royaltyBps) = (flags, royaltyBps);
        bool valid = royaltyBps == 0 || (flags & DERIVABLE != 0 && royaltyBps <= 10_000);
        if (valid) assertEq(listings.plan(addPlan(id, draft)).royaltyBps, royaltyBps);
        else expectInvalid(draft);
    }

    function test_R06_addPlan_royaltyAtTheEdges() public {
        PlanDraft memory draft = planDraft();
        draft.royaltyBps = 1;
        expectInvalid(draft);
        draft.flags = DERIVABLE;
        draft.royaltyBps = 10_000;
        addPlan(id, draft);
        draft.royaltyBps = 10_001;
        expectInvalid(draft);
    }

    function testFuzz_addPlan_knownCurrenciesOnly(uint8 currency) public {
        PlanDraft memory draft = planDraft();
        draft.currency = Currency.wrap(currency);
        vm.prank(seller);
        if (currency > 1) {
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownCurrency.selector, currency));
        }
        listings.addPlan(id, draft);
    }

    function testFuzz_R05_addPlan_recordsAndEmits(PlanDraft memory draft) public {
        draft.cap = uint32(bound(draft.cap, 1, type(uint32).max));
        draft.flags &= ALL_FLAGS;
        draft.royaltyBps = draft.flags & DERIVABLE == 0 ? 0 : draft.royaltyBps % 10_001;
        draft.currency = Currency.wrap(Currency.unwrap(draft.currency) % 2);
        if (draft.terms == 0) draft.terms = "terms";
        bytes32 first = keccak256(abi.encode(listings.plan(plan)));

        vm.expectEmit(address(listings));
        emit IListings.PlanAdded(planId(id, 1), id, draft.onlyBuyer, draft);
        PlanId added = addPlan(id, draft);

        assertEq(PlanId.unwrap(added), PlanId.unwrap(planId(id, 1)));
        PlanStatus status = draft.onlyBuyer == address(0) ? PlanStatus.Open : PlanStatus.Reserved;
        assertSame(
            abi.encode(listings.plan(added)),
            abi.encode(
                Plan(
                    draft.price,
                    draft.currency,
                    draft.duration,
                    draft.cap,
                    0,
                    draft.quota,
                    draft.flags,
                    status,
                    draft.onlyBuyer,
                    draft.royaltyBps,
                    draft.terms
                )
            )
        );
        assertEq(listings.listing(id).plans, 2);
        assertEq(keccak256(abi.encode(listings.plan(plan))), first);
    }

    function testFuzz_R05_thePriceHistoryIsAppendOnly(uint256 seed) public {
        bytes32[] memory terms = new bytes32[](20);
        terms[0] = termsOf(plan);
        uint16 count = 1;
        for (uint256 i; i < 40 && count < 20; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed % 3 == 0) {
                PlanId closing = planId(id, uint16((seed >> 8) % count));
                if (listings.plan(closing).status != PlanStatus.Closed) closePlan(closing);
            } else {
                PlanDraft memory draft = planDraft();
                draft.price = uint96(seed >> 16);
                terms[count] = termsOf(addPlan(id, draft));
                ++count;
            }
            for (uint16 j; j < count; ++j) {
                assertEq(termsOf(planId(id, j)), terms[j]);
            }
        }
    }

    function test_threat_C23_addPlan_oneTooManyReverts() public {
        // The last slot that `listing` reads is the listing's own; its plan count stands at bit 72.
        vm.record();
        listings.listing(id);
        (bytes32[] memory reads,) = vm.accesses(address(listings));
        bytes32 slot = reads[reads.length - 1];
        uint256 word = uint256(vm.load(address(listings), slot));
        vm.store(address(listings), slot, bytes32(word | uint256(0xfffe) << 72));
        Listing memory l = listings.listing(id);
        assertEq(l.plans, type(uint16).max);
        assertEq(l.versions, 1);
        vm.prank(seller);
        vm.expectRevert(stdError.arithmeticError);
        listings.addPlan(id, planDraft());
    }

    function test_R16_researchPlanAndFreeSample() public {
        PlanDraft memory research = planDraft();
        (research.price, research.flags, research.quota, research.duration) = (0, RESEARCH, 10, 30 days);
        PlanId id_ = addPlan(id, research);
        Plan memory p = listings.plan(id_);
        assertEq(p.flags & RESEARCH, RESEARCH);
        LicenceId licence = owned(id_);
        assertEq(licences.entitlement(licence, buyer).flags, RESEARCH);
        assertEq(licences.entitlement(licence, buyer).usesLeft, 10);
    }

    function test_R05_stateFeeIsMarked() public {
        PlanDraft memory draft = planDraft();
        draft.flags = STATE_FEE;
        assertEq(listings.plan(addPlan(id, draft)).flags, STATE_FEE);
    }

    // closePlan

    function test_closePlan_onlyTheHolder() public {
        address[4] memory callers = [outsider, buyer, supervisor, governor];
        for (uint256 i; i < 4; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotHolder.selector, id, callers[i]));
            listings.closePlan(plan);
        }
    }

    function test_closePlan_unknown() public {
        vm.startPrank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, planId(id, 1)));
        listings.closePlan(planId(id, 1));
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotHolder.selector, 99, seller));
        listings.closePlan(planId(99, 0));
    }

    function test_R05_closePlan_endsSalesOfThisPlanAlone() public {
        PlanDraft memory draft = planDraft();
        draft.onlyBuyer = buyer;
        PlanId negotiated = addPlan(id, draft);
        PlanId third = addPlan(id, planDraft());
        PlanId[2] memory closing = [plan, negotiated];
        for (uint256 i; i < 2; ++i) {
            Plan memory before = listings.plan(closing[i]);
            vm.expectEmit(address(listings));
            emit IListings.PlanClosed(closing[i], id);
            vm.prank(seller);
            listings.closePlan(closing[i]);
            before.status = PlanStatus.Closed;
            assertSame(abi.encode(listings.plan(closing[i])), abi.encode(before));
            expectNotOpen(closing[i]);
            listings.gate(closing[i], 1, buyer);
            vm.prank(seller);
            expectNotOpen(closing[i]);
            listings.closePlan(closing[i]);
        }
        listings.gate(third, 1, buyer);
    }

    function test_closePlan_alsoByASuspendedOrRetiredHolder() public {
        PlanId second = addPlan(id, planDraft());
        suspend(seller);
        closePlan(plan);
        retire(seller);
        closePlan(second);
    }

    function test_R05_closePlan_keepsWhatWasSold() public {
        LicenceId licence = owned(plan);
        closePlan(plan);
        assertTrue(licences.entitlement(licence, buyer).root != 0);
        assertEq(uint8(licences.entitlement(licence, buyer).denial), 0);
    }

    // Just before a purchase (threat C03): the buyer's transaction names plan and version; each attempt of the seller comes first.

    function test_threat_C03_R05_anotherPriceIsAnotherPlan() public {
        closePlan(plan);
        PlanDraft memory dearer = planDraft();
        dearer.price = 10 * PRICE;
        addPlan(id, dearer);
        uint256 balance = token.balanceOf(buyer);
        vm.prank(buyer);
        expectNotOpen(plan);
        exchange.buy(plan, 1, 0);
        assertEq(token.balanceOf(buyer), balance);
    }

    function test_threat_C03_R05_otherTermsOrTokenAreAnotherPlan() public {
        vm.prank(governor);
        Currency other = exchange.addCurrency(address(pack));
        bytes32 before = termsOf(plan);
        PlanDraft memory draft = planDraft();
        (draft.terms, draft.currency, draft.duration, draft.flags) = ("worse", other, 1, TRANSFERABLE);
        PlanId added = addPlan(id, draft);
        assertTrue(PlanId.unwrap(added) != PlanId.unwrap(plan));
        assertEq(termsOf(plan), before);
        LicenceId licence = buy(plan);
        assertEq(PlanId.unwrap(licence.plan()), PlanId.unwrap(plan));
        assertEq(token.balanceOf(address(exchange)), PRICE);
    }

    function test_threat_C03_otherContentIsAnotherVersion() public {
        bytes32 root = listings.version(id, 1).root;
        VersionDraft memory draft = versionDraft(seller);
        draft.root = "rubbish";
        draft.signature = signCustody(custodianKey, seller, draft);
        attest(id, addVersion(id, draft), LEGAL);
        assertEq(licences.entitlement(buy(plan), buyer).root, root);
    }

    function test_threat_C03_withdrawnContentIsNotReplaced() public {
        attest(id, addVersion(id), LEGAL);
        withdrawVersion(id, 1);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsWithdrawn.selector, id, 1));
        exchange.buy(plan, 1, 0);
    }

    function test_threat_C03_R04_anotherClassStopsTheSale() public {
        Classification memory class = ordinary();
        reclassify(seller, id, class, 0);
        vm.prank(buyer);
        expectRefused(5);
        exchange.buy(plan, 1, 0);
    }

    function test_threat_C03_delistingStopsTheSale() public {
        delist(id);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsDelisted.selector, id));
        exchange.buy(plan, 1, 0);
    }

    function test_threat_C03_anotherHolderSellsTheSameThing() public {
        accredit(outsider, SELLER);
        bytes32 before = termsOf(plan);
        vm.prank(seller);
        listings.transferFrom(seller, outsider, id);
        assertEq(termsOf(plan), before);
        LicenceId licence = buy(plan);
        assertEq(licences.entitlement(licence, buyer).root, listings.version(id, 1).root);
        assertEq(token.balanceOf(address(exchange)), PRICE);
    }

    function closePlan(PlanId plan_) private {
        vm.prank(listings.holderOf(plan_.listing()));
        listings.closePlan(plan_);
    }

    function expectInvalid(PlanDraft memory draft) private {
        vm.prank(seller);
        expectError(IListings.Listings_InvalidPlan.selector);
        listings.addPlan(id, draft);
    }

    function expectNotOpen(PlanId plan_) private {
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, plan_));
    }

    /// @dev Everything of a plan that a seller states.
    function termsOf(PlanId plan_) private view returns (bytes32) {
        Plan memory p = listings.plan(plan_);
        (p.status, p.sold) = (PlanStatus.None, 0);
        return keccak256(abi.encode(p));
    }
}
