// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, licenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Importance, LEGAL, PersonalData, QUALITY, SECURITY, Sharing } from "contracts/types/Listing.sol";
import { BUYER, MARKET_ROLES, SELLER, Standing } from "contracts/types/Participant.sol";
import { Currency, PlanDraft, Sale } from "contracts/types/Plan.sol";
import { Registry } from "./Registry.sol";

contract GateTest is Registry {
    uint48 internal id;
    PlanId internal plan;
    PlanId internal negotiated;
    address internal foreigner = makeAddr("foreigner");

    function setUp() public override {
        super.setUp();
        plan = listed();
        id = plan.listing();
        PlanDraft memory draft = planDraft();
        (draft.onlyBuyer, draft.price) = (buyer, 7);
        negotiated = addPlan(id, draft);
        accredit(foreigner, BUYER, "SG");
    }

    // sell

    function testFuzz_R01_sell_onlyTheExchange(address caller) public {
        vm.assume(caller != address(exchange));
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotExchange.selector, caller));
        listings.sell(plan, 1, buyer);
    }

    function test_R01_sell_passesTheGate() public {
        vm.startPrank(address(exchange));
        expectNotOpen(planId(id, 9));
        listings.sell(planId(id, 9), 1, buyer);
        expectIneligible(outsider, BUYER, Standing.RoleMissing);
        listings.sell(plan, 1, outsider);
    }

    function testFuzz_sell_countsUpToTheCap(uint32 cap) public {
        cap = uint32(bound(cap, 1, 12));
        PlanDraft memory draft = planDraft();
        draft.cap = cap;
        PlanId capped = addPlan(id, draft);
        vm.startPrank(address(exchange));
        for (uint32 i = 1; i <= cap; ++i) {
            Sale memory sale = listings.sell(capped, 1, buyer);
            assertEq(LicenceId.unwrap(sale.licence), LicenceId.unwrap(licenceId(capped, i)));
            assertEq(listings.plan(capped).sold, i);
        }
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_SoldOut.selector, capped, cap));
        listings.sell(capped, 1, buyer);
        assertEq(listings.plan(capped).sold, cap);
        assertEq(listings.plan(plan).sold, 0);
    }

    // gate

    function testFuzz_R05_gate_answersThePlan(uint96 price, uint32 duration, bool byBank) public {
        PlanDraft memory draft = planDraft();
        (draft.price, draft.duration, draft.currency) = (price, duration, Currency.wrap(byBank ? 0 : 1));
        PlanId added = addPlan(id, draft);
        Sale memory expected = Sale(LicenceId.wrap(0), price, draft.currency, duration, PACK);
        assertSame(abi.encode(listings.gate(added, 1, buyer)), abi.encode(expected));
        expected.licence = licenceId(added, 1);
        vm.prank(address(exchange));
        assertSame(abi.encode(listings.sell(added, 1, buyer)), abi.encode(expected));
    }

    function test_gate_unknownPlan() public {
        PlanId[3] memory unknown = [planId(id, 2), planId(99, 0), PlanId.wrap(0)];
        for (uint256 i; i < 3; ++i) {
            expectNotOpen(unknown[i]);
            listings.gate(unknown[i], 1, buyer);
        }
    }

    function test_gate_reservedForOneBuyer() public {
        accredit(outsider, BUYER);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_ReservedFor.selector, buyer));
        listings.gate(negotiated, 1, outsider);
        assertEq(listings.gate(negotiated, 1, buyer).price, 7);
    }

    function test_R20_gate_notWithOneself() public {
        accredit(seller, MARKET_ROLES);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_SelfDealing.selector, seller));
        listings.gate(plan, 1, seller);
    }

    function test_threat_C13_R02_gate_sellerWithoutStanding() public {
        uint256 snapshot = vm.snapshotState();
        for (uint8 how = 1; how <= 3; ++how) {
            lose(seller, Standing(how));
            expectIneligible(seller, SELLER, Standing(how));
            listings.gate(plan, 1, buyer);
            listings.checkHolder(id, 1, buyer);
            vm.revertToState(snapshot);
        }
    }

    function test_gate_delisted() public {
        delist(id);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsDelisted.selector, id));
        listings.gate(plan, 1, buyer);
        assertEq(listings.checkHolder(id, 1, buyer), PACK);
    }

    // checkHolder, through itself and through the gate

    function test_threat_C13_R02_gate_buyerWithoutStanding() public {
        address[4] memory others = [outsider, reviewer, supervisor, address(0)];
        for (uint256 i; i < 4; ++i) {
            expectIneligible(others[i], BUYER, Standing.RoleMissing);
            listings.gate(plan, 1, others[i]);
        }
        uint256 snapshot = vm.snapshotState();
        for (uint8 how = 1; how <= 3; ++how) {
            lose(buyer, Standing(how));
            expectIneligible(buyer, BUYER, Standing(how));
            listings.gate(plan, 1, buyer);
            expectIneligible(buyer, BUYER, Standing(how));
            listings.checkHolder(id, 1, buyer);
            vm.revertToState(snapshot);
        }
    }

    function test_R02_gate_suspensionEndsOnItsSecond() public {
        suspend(buyer);
        skip(30 days - 1);
        expectIneligible(buyer, BUYER, Standing.Suspended);
        listings.gate(plan, 1, buyer);
        skip(1);
        listings.gate(plan, 1, buyer);
    }

    function test_R19_gate_frozenUntilItsSecond() public {
        uint40 until = freeze(id);
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsFrozen.selector, id, until));
        listings.gate(plan, 1, buyer);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsFrozen.selector, id, until));
        listings.checkHolder(id, 1, buyer);
        vm.warp(until);
        listings.gate(plan, 1, buyer);
    }

    function test_gate_unknownVersion() public {
        uint24[3] memory numbers = [uint24(0), 2, type(uint24).max];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, id, numbers[i])
            );
            listings.gate(plan, numbers[i], buyer);
        }
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, 99, 1));
        listings.checkHolder(99, 1, buyer);
    }

    function test_gate_withdrawnVersion() public {
        withdrawVersion(id, 1);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsWithdrawn.selector, id, 1));
        listings.gate(plan, 1, buyer);
    }

    function test_R01_R14_gate_everyAttestationThatTheClassNeeds() public {
        PlanId sensitive = planId(publishClass(seller, core(), 0), 0);
        uint48 listing = sensitive.listing();
        expectRefused(5);
        listings.gate(sensitive, 1, buyer);
        attest(listing, 1, QUALITY);
        attest(listing, 1, LEGAL);
        expectRefused(5);
        listings.gate(sensitive, 1, buyer);
        attest(listing, 1, SECURITY);
        listings.gate(sensitive, 1, buyer);
        vm.prank(reviewer);
        reviews.refuse(listing, 1, LEGAL, REASON, 0);
        expectRefused(5);
        listings.gate(sensitive, 1, buyer);
    }

    function testFuzz_R07_R14_gate_sensitiveDataAcrossABorder(uint8 importance, bytes2 there) public {
        there = bytes2(uint16(0x4141) + uint16(uint8(there[0]) % 26) * 256 + uint16(uint8(there[1]) % 26));
        Importance i = Importance(bound(importance, 1, 3));
        accredit(foreigner, BUYER, there);
        uint48 listing = publishClass(seller, classOf(i, Sharing.Private, PersonalData.None), 0);
        attest(listing, 1, LEGAL);
        attest(listing, 1, SECURITY);
        if (i != Importance.Other && there != "VN") expectRefused(6);
        listings.gate(planId(listing, 0), 1, foreigner);
    }

    function test_R07_gate_approvalIsForOneAccountAndOneListingUntilItsEnd() public {
        uint48 listing = publishClass(seller, core(), 0);
        uint48 other = publishClass(seller, core(), 0);
        uint48[2] memory both = [listing, other];
        for (uint256 i; i < 2; ++i) {
            attest(both[i], 1, LEGAL);
            attest(both[i], 1, SECURITY);
        }
        accredit(outsider, BUYER, "SG");
        uint40 until = time() + 10 days;
        vm.prank(supervisor);
        listings.approveTransfer(listing, foreigner, until, EVIDENCE);

        listings.gate(planId(listing, 0), 1, foreigner);
        expectRefused(6);
        listings.gate(planId(listing, 0), 1, outsider);
        expectRefused(6);
        listings.gate(planId(other, 0), 1, foreigner);
        vm.warp(until - 1);
        listings.gate(planId(listing, 0), 1, foreigner);
        vm.warp(until);
        expectRefused(6);
        listings.gate(planId(listing, 0), 1, foreigner);
    }

    function test_R07_gate_approvalTakenBack() public {
        uint48 listing = publishClass(seller, core(), 0);
        attest(listing, 1, LEGAL);
        attest(listing, 1, SECURITY);
        vm.startPrank(supervisor);
        listings.approveTransfer(listing, foreigner, type(uint40).max, EVIDENCE);
        listings.checkHolder(listing, 1, foreigner);
        listings.approveTransfer(listing, foreigner, 0, EVIDENCE);
        vm.stopPrank();
        expectRefused(6);
        listings.checkHolder(listing, 1, foreigner);
    }

    function test_R07_gate_theSellersHomeDoesNotMoveWithItsAccreditation() public {
        uint48 listing = publishClass(seller, core(), 0);
        attest(listing, 1, LEGAL);
        attest(listing, 1, SECURITY);
        accredit(seller, SELLER, "SG");
        assertEq(listings.listing(listing).home, bytes2("VN"));
        expectRefused(6);
        listings.gate(planId(listing, 0), 1, foreigner);
        listings.gate(planId(listing, 0), 1, buyer);
    }

    function test_checkHolder_asksNothingOfPlanOrSeller() public {
        vm.startPrank(seller);
        listings.closePlan(plan);
        listings.closePlan(negotiated);
        listings.delist(id, REASON);
        vm.stopPrank();
        retire(seller);
        assertEq(listings.checkHolder(id, 1, buyer), PACK);
    }

    function test_checkHolder_theSellerItselfMayHold() public {
        accredit(seller, MARKET_ROLES);
        assertEq(listings.checkHolder(id, 1, seller), PACK);
    }

    // Negotiated deals

    function test_R17_aNegotiatedPlanPassesTheSameGates() public {
        uint256 snapshot = vm.snapshotState();
        bytes32 catalogue;
        for (uint256 i; i < 9; ++i) {
            if (i == 0) lose(buyer, Standing.Suspended);
            if (i == 1) lose(buyer, Standing.Expired);
            if (i == 2) lose(seller, Standing.Suspended);
            if (i == 3) freeze(id);
            if (i == 4) delist(id);
            if (i == 5) withdrawVersion(id, 1);
            if (i == 6) reclassify(seller, id, ordinary(), 0);
            if (i == 7) {
                reclassify(
                    supervisor, id, classOf(Importance.Unclassified, Sharing.Open, PersonalData.None), 0
                );
            }
            if (i == 8) accredit(buyer, SELLER);
            catalogue = reasonOf(plan);
            assertTrue(catalogue != keccak256(""));
            assertEq(reasonOf(negotiated), catalogue);
            vm.revertToState(snapshot);
        }
        assertEq(reasonOf(negotiated), keccak256(""));
    }

    function reasonOf(PlanId plan_) private view returns (bytes32) {
        try listings.gate(plan_, 1, buyer) returns (Sale memory) {
            return keccak256("");
        } catch (bytes memory reason) {
            return keccak256(reason);
        }
    }

    function expectNotOpen(PlanId plan_) private {
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, plan_));
    }
}
