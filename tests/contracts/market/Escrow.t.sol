// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { LicenceId, licenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Denial, LicenceStatus, OrderStatus } from "contracts/types/Licence.sol";
import { ARBITER, BUYER, SELLER, Standing } from "contracts/types/Participant.sol";
import { Market } from "./Market.sol";

contract EscrowTest is Market {
    PlanId internal plan;
    LicenceId internal id;
    uint40 internal boughtAt;
    uint40 internal deadline;

    function setUp() public override {
        super.setUp();
        plan = listed();
        id = buy(plan);
        boughtAt = uint40(block.timestamp);
        deadline = boughtAt + CONFIRM;
    }

    // confirm

    function test_Confirm_RevertWhen_LicenceUnknown() external {
        LicenceId unknown = licenceId(plan, 2);
        reverts(abi.encodeWithSelector(ILicences.Licences_Unknown.selector, unknown));
        exchange.confirm(unknown);
    }

    function test_Confirm_RevertWhen_NotHolder() external {
        address[3] memory others = [seller, arbiter, outsider];
        for (uint256 i; i < others.length; ++i) {
            reverts(abi.encodeWithSelector(IExchange.Exchange_NotHolder.selector, id, others[i]));
            vm.prank(others[i]);
            exchange.confirm(id);
        }
    }

    function test_Confirm_RevertWhen_Disputed() external {
        dispute(id);
        reverts(abi.encodeWithSelector(IExchange.Exchange_OrderNotOpen.selector, id));
        vm.prank(buyer);
        exchange.confirm(id);
    }

    function test_R26_Confirm_SplitsTheMoney() external {
        vm.expectEmit(address(exchange));
        emit IExchange.Settled(id, buyer);
        allocatesSplit(id, false);
        vm.expectEmit(address(licences));
        emit ILicences.OrderChanged(id, OrderStatus.Settled, 0);
        vm.expectEmit(address(licences));
        emit IERC4906.MetadataUpdate(id.tokenId());

        confirm(id);

        assertSplit();
        assertOrder(id, OrderStatus.Settled);
        assertStatus(id, LicenceStatus.Active);
        assertEq(licences.licence(id).deadline, 0);
        assertEq(token.balanceOf(address(exchange)), PRICE);
        checkJournals();
    }

    function test_Confirm_AfterTheDeadlineToo() external {
        vm.warp(deadline + 365 days);
        confirm(id);
        assertSplit();
    }

    // release

    function testFuzz_Release_RevertWhen_TooEarly(uint40 time) external {
        vm.warp(bound(time, boughtAt, deadline - 1));
        reverts(abi.encodeWithSelector(IExchange.Exchange_TooEarly.selector, id, deadline));
        vm.prank(seller);
        exchange.release(id);
    }

    function test_Release_RevertWhen_Disputed() external {
        dispute(id);
        vm.warp(deadline + 365 days);
        reverts(abi.encodeWithSelector(IExchange.Exchange_OrderNotOpen.selector, id));
        exchange.release(id);
    }

    function test_R26_Release_ByAnyoneFromTheDeadlineOn() external {
        vm.warp(deadline);
        vm.expectEmit(address(exchange));
        emit IExchange.Settled(id, outsider);
        allocatesSplit(id, false);
        release(id);
        assertSplit();
        assertOrder(id, OrderStatus.Settled);
        checkJournals();
    }

    // dispute

    function test_Dispute_RevertWhen_NotHolder() external {
        reverts(abi.encodeWithSelector(IExchange.Exchange_NotHolder.selector, id, seller));
        vm.prank(seller);
        exchange.dispute(id, REASON);
    }

    function test_Dispute_RevertWhen_TooLate() external {
        vm.warp(deadline);
        reverts(abi.encodeWithSelector(IExchange.Exchange_TooLate.selector, id, deadline));
        vm.prank(buyer);
        exchange.dispute(id, REASON);
    }

    function test_R19_Dispute_RevertWhen_NoReason() external {
        reverts(IExchange.Exchange_NoReason.selector);
        vm.prank(buyer);
        exchange.dispute(id, 0);
    }

    function test_Dispute_RevertWhen_Disputed() external {
        dispute(id);
        reverts(abi.encodeWithSelector(IExchange.Exchange_OrderNotOpen.selector, id));
        vm.prank(buyer);
        exchange.dispute(id, REASON);
    }

    function test_R19_Dispute_StopsTheReleaseUntilTheArbitrationWindowEnds() external {
        vm.warp(deadline - 1);
        uint40 until = deadline - 1 + ARBITRATION;
        vm.expectEmit(address(exchange));
        emit IExchange.Disputed(id, buyer, until, REASON);
        vm.expectEmit(address(licences));
        emit ILicences.OrderChanged(id, OrderStatus.Disputed, until);
        dispute(id);
        assertOrder(id, OrderStatus.Disputed);
        assertEq(licences.licence(id).deadline, until);
        assertEq(owedTo(seller), 0);
        checkJournals();
    }

    function test_Dispute_OfARevokedLicence() external {
        revoke(id);
        dispute(id);
        lapse14();
        assertEq(owedTo(buyer), PRICE);
        assertStatus(id, LicenceStatus.Refunded);
    }

    // resolve

    function test_R20_Resolve_RevertWhen_NotArbiter() external {
        dispute(id);
        address[4] memory others = [buyer, seller, supervisor, operator];
        for (uint256 i; i < others.length; ++i) {
            reverts(ineligible(others[i], ARBITER, Standing.RoleMissing));
            vm.prank(others[i]);
            exchange.resolve(id, 0, REASON);
        }
    }

    function test_Resolve_RevertWhen_NotDisputed() external {
        reverts(abi.encodeWithSelector(IExchange.Exchange_OrderNotDisputed.selector, id));
        vm.prank(arbiter);
        exchange.resolve(id, 0, REASON);
    }

    function test_Resolve_RevertWhen_TooLate() external {
        dispute(id);
        uint40 until = boughtAt + ARBITRATION;
        vm.warp(until);
        reverts(abi.encodeWithSelector(IExchange.Exchange_TooLate.selector, id, until));
        vm.prank(arbiter);
        exchange.resolve(id, 0, REASON);
    }

    function test_R19_Resolve_RevertWhen_NoReason() external {
        dispute(id);
        reverts(IExchange.Exchange_NoReason.selector);
        vm.prank(arbiter);
        exchange.resolve(id, 0, 0);
    }

    function testFuzz_Resolve_RevertWhen_RefundExceedsPrice(uint96 excess) external {
        dispute(id);
        excess = uint96(bound(excess, PRICE + 1, type(uint96).max));
        reverts(abi.encodeWithSelector(IExchange.Exchange_RefundExceedsPrice.selector, excess, PRICE));
        vm.prank(arbiter);
        exchange.resolve(id, excess, REASON);
    }

    function test_Resolve_ForTheSeller() external {
        dispute(id);
        vm.warp(boughtAt + ARBITRATION - 1);
        vm.expectEmit(address(exchange));
        emit IExchange.Resolved(id, arbiter, 0, REASON);
        vm.expectEmit(address(exchange));
        emit IExchange.Settled(id, arbiter);
        allocatesSplit(id, false);
        vm.expectEmit(address(licences));
        emit ILicences.OrderChanged(id, OrderStatus.Settled, 0);
        resolve(id, 0);
        assertSplit();
        assertEq(owedTo(buyer), 0);
        assertStatus(id, LicenceStatus.Active);
        checkJournals();
    }

    function test_Resolve_ForTheBuyer_EndsTheLicence() external {
        dispute(id);
        vm.expectEmit(address(exchange));
        emit IExchange.Resolved(id, arbiter, PRICE, REASON);
        vm.expectEmit(address(exchange));
        emit IExchange.Refunded(id, arbiter, PRICE);
        allocates(id, buyer, IExchange.Part.Refund, PRICE, false);
        vm.expectEmit(address(licences));
        emit ILicences.OrderChanged(id, OrderStatus.Refunded, 0);
        resolve(id, PRICE);
        assertEq(owedTo(buyer), PRICE);
        assertEq(owedTo(seller) + owedTo(treasury) + owedTo(taxAuthority), 0);
        assertStatus(id, LicenceStatus.Refunded);
        assertDenial(id, buyer, Denial.Refunded);
        checkJournals();
    }

    function test_R26_Resolve_InPart_SplitsTheRest() external {
        dispute(id);
        // 600 003 remain: 15 000 fee, 60 000 tax, 525 003 seller
        vm.expectEmit(address(exchange));
        emit IExchange.Refunded(id, arbiter, 400_000);
        allocates(id, buyer, IExchange.Part.Refund, 400_000, false);
        vm.expectEmit(address(exchange));
        emit IExchange.Settled(id, arbiter);
        allocates(id, treasury, IExchange.Part.Fee, 15_000, false);
        allocates(id, taxAuthority, IExchange.Part.Tax, 60_000, false);
        allocates(id, seller, IExchange.Part.Seller, 525_003, false);
        resolve(id, 400_000);
        assertOrder(id, OrderStatus.Settled);
        assertStatus(id, LicenceStatus.Active);
        assertDenial(id, buyer, Denial.Granted);
        checkJournals();
    }

    function testFuzz_R26_Resolve_PartsSumToThePrice(uint96 price, uint96 refund_, uint16 fee, uint16 tax)
        external
    {
        setTerms(uint16(bound(fee, 0, 1000)), uint16(bound(tax, 0, 2000)));
        price = uint96(bound(price, 1, type(uint96).max));
        refund_ = uint96(bound(refund_, 0, price));
        fund(second, price);
        LicenceId other = buy(listed(priced(price, DONG)), second);
        dispute(other);
        resolve(other, refund_);
        assertEq(owedTo(second), refund_);
        assertEq(owedTo(second) + owedTo(treasury) + owedTo(taxAuthority) + owedTo(seller), price);
        assertEq(uint8(order(other)), uint8(refund_ == price ? OrderStatus.Refunded : OrderStatus.Settled));
    }

    // refund

    function test_Refund_RevertWhen_NotSeller() external {
        address[4] memory others = [buyer, arbiter, operator, governor];
        for (uint256 i; i < others.length; ++i) {
            reverts(abi.encodeWithSelector(IExchange.Exchange_NotSeller.selector, id, others[i]));
            vm.prank(others[i]);
            exchange.refund(id);
        }
    }

    function test_Refund_RevertWhen_Settled() external {
        confirm(id);
        reverts(abi.encodeWithSelector(IExchange.Exchange_OrderNotOpen.selector, id));
        vm.prank(seller);
        exchange.refund(id);
    }

    function test_Refund_RevertWhen_LicenceUnknown() external {
        LicenceId unknown = licenceId(plan, 2);
        reverts(abi.encodeWithSelector(ILicences.Licences_Unknown.selector, unknown));
        vm.prank(seller);
        exchange.refund(unknown);
    }

    function test_Refund_OfAnOpenOrder() external {
        vm.expectEmit(address(exchange));
        emit IExchange.Refunded(id, seller, PRICE);
        allocates(id, buyer, IExchange.Part.Refund, PRICE, false);
        vm.expectEmit(address(licences));
        emit ILicences.OrderChanged(id, OrderStatus.Refunded, 0);
        refund(id);
        assertEq(owedTo(buyer), PRICE);
        assertOrder(id, OrderStatus.Refunded);
        assertStatus(id, LicenceStatus.Refunded);
        assertDenial(id, buyer, Denial.Refunded);
        checkJournals();
    }

    function test_Refund_OfADisputedOrder_EvenAfterTheArbitrationWindow() external {
        dispute(id);
        skip(ARBITRATION + 1);
        refund(id);
        assertEq(owedTo(buyer), PRICE);
        assertOrder(id, OrderStatus.Refunded);
    }

    function test_Refund_OfARevokedLicence() external {
        revoke(id);
        refund(id);
        assertStatus(id, LicenceStatus.Refunded);
        assertEq(owedTo(buyer), PRICE);
    }

    function test_Refund_ByWhoeverHoldsTheListingNow() external {
        address heir = makeAddr("heir");
        accredit(heir, SELLER);
        uint256 listing = plan.listing();
        vm.prank(seller);
        listings.transferFrom(seller, heir, listing);
        reverts(abi.encodeWithSelector(IExchange.Exchange_NotSeller.selector, id, seller));
        vm.prank(seller);
        exchange.refund(id);
        vm.prank(heir);
        exchange.refund(id);
        assertEq(owedTo(buyer), PRICE);
    }

    // lapse

    function test_Lapse_RevertWhen_NotDisputed() external {
        vm.warp(deadline + 365 days);
        reverts(abi.encodeWithSelector(IExchange.Exchange_OrderNotDisputed.selector, id));
        exchange.lapse(id);
    }

    function testFuzz_Lapse_RevertWhen_TooEarly(uint40 time) external {
        dispute(id);
        uint40 until = boughtAt + ARBITRATION;
        vm.warp(bound(time, boughtAt, until - 1));
        reverts(abi.encodeWithSelector(IExchange.Exchange_TooEarly.selector, id, until));
        exchange.lapse(id);
    }

    function test_threat_C19_Lapse_AnAbsentArbiterTrapsNoMoney() external {
        dispute(id);
        skip(ARBITRATION);
        vm.expectEmit(address(exchange));
        emit IExchange.Refunded(id, outsider, PRICE);
        allocates(id, buyer, IExchange.Part.Refund, PRICE, false);
        lapse(id);
        assertEq(owedTo(buyer), PRICE);
        assertOrder(id, OrderStatus.Refunded);
        assertStatus(id, LicenceStatus.Refunded);
        checkJournals();
    }

    // The split

    function test_R06_R26_UpstreamSharesArePaidOutOfTheProceeds() external {
        uint16[] memory shares = new uint16[](2);
        (shares[0], shares[1]) = (3000, 1234);
        address maker = makeAddr("maker");
        (PlanId derivedPlan, address[] memory sources) = derived(maker, planDraft(), shares);
        LicenceId sold = buy(derivedPlan);
        // proceeds 875 003: 30 % is 262 500.9, 12.34 % is 107 975.37…
        vm.expectEmit(address(exchange));
        emit IExchange.Settled(sold, buyer);
        allocates(sold, treasury, IExchange.Part.Fee, FEE_PART, false);
        allocates(sold, taxAuthority, IExchange.Part.Tax, TAX_PART, false);
        allocates(sold, sources[0], IExchange.Part.Upstream, 262_500, false);
        allocates(sold, sources[1], IExchange.Part.Upstream, 107_975, false);
        allocates(sold, maker, IExchange.Part.Seller, 504_528, false);
        confirm(sold);
        assertEq(owedTo(sources[0]) + owedTo(sources[1]) + owedTo(maker), SELLER_PART);
        checkJournals();
    }

    function test_R06_threat_C22_UpstreamStillPaidAfterItWasDelistedAndItsSellerSuspended() external {
        uint16[] memory shares = new uint16[](1);
        shares[0] = 5000;
        (PlanId derivedPlan, address[] memory sources) = derived(makeAddr("maker"), planDraft(), shares);
        uint48 source = listings.upstreams(derivedPlan.listing())[0].licence.plan().listing();
        vm.prank(sources[0]);
        listings.delist(source, REASON);
        suspend(sources[0]);
        confirm(buy(derivedPlan));
        assertEq(owedTo(sources[0]), SELLER_PART / 2);
        withdraw(sources[0]);
    }

    function test_R06_UpstreamMayTakeTheWhole() external {
        uint16[] memory shares = new uint16[](1);
        shares[0] = 10_000;
        address maker = makeAddr("maker");
        (PlanId derivedPlan, address[] memory sources) = derived(maker, planDraft(), shares);
        LicenceId sold = buy(derivedPlan);
        confirm(sold);
        assertEq(owedTo(sources[0]), SELLER_PART);
        assertEq(owedTo(maker), 0);
        checkJournals(); // no event for the seller's part of 0
    }

    function test_R06_UpstreamShareFollowsTheListing() external {
        uint16[] memory shares = new uint16[](1);
        shares[0] = 5000;
        (PlanId derivedPlan, address[] memory sources) = derived(makeAddr("maker"), planDraft(), shares);
        LicenceId sold = buy(derivedPlan);
        address heir = makeAddr("heir");
        accredit(heir, SELLER);
        uint256 source = listings.upstreams(derivedPlan.listing())[0].licence.plan().listing();
        vm.prank(sources[0]);
        listings.transferFrom(sources[0], heir, source);
        confirm(sold);
        assertEq(owedTo(sources[0]), 0);
        assertEq(owedTo(heir), SELLER_PART / 2);
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_R06_R26_threat_C07_PartsSumToThePriceWithEightUpstreams(
        uint96 price,
        uint16 fee,
        uint16 tax,
        uint16[8] calldata wishes,
        uint96 refund_
    ) external {
        setTerms(uint16(bound(fee, 0, 1000)), uint16(bound(tax, 0, 2000)));
        price = uint96(bound(price, 1, type(uint96).max));
        fund(second, price);
        uint16[] memory shares = new uint16[](8);
        uint256 room = 10_000;
        for (uint256 i; i < 8; ++i) {
            shares[i] = uint16(bound(wishes[i], 0, room));
            room -= shares[i];
        }
        address maker = makeAddr("maker");
        (PlanId derivedPlan, address[] memory sources) = derived(maker, priced(price, DONG), shares);
        LicenceId sold = buy(derivedPlan, second);
        refund_ = uint96(bound(refund_, 0, price));
        dispute(sold);
        resolve(sold, refund_);

        uint256 proceeds = price - refund_;
        uint256 total = refund_;
        assertEq(owedTo(second), refund_, "refund");
        {
            uint256 feePart = proceeds * exchange.terms().feeBps / 10_000;
            uint256 taxPart = proceeds * exchange.terms().taxBps / 10_000;
            assertEq(owedTo(treasury), feePart, "fee");
            assertEq(owedTo(taxAuthority), taxPart, "tax");
            proceeds -= feePart + taxPart;
            total += feePart + taxPart;
        }
        for (uint256 i; i < 8; ++i) {
            assertEq(owedTo(sources[i]), proceeds * shares[i] / 10_000, "upstream");
            total += owedTo(sources[i]);
        }
        assertEq(total + owedTo(maker), price, "sum");
        assertGe(owedTo(maker), proceeds * room / 10_000, "the seller takes the rest");
        checkJournals();
    }

    // Threats

    function test_threat_C04_RatesOfAnOpenOrderAreThoseOfItsPurchase() external {
        setTerms(1000, 2000);
        confirm(id);
        assertSplit();
    }

    function test_threat_C04_RatesOfADisputedOrderAreThoseOfItsPurchase() external {
        dispute(id);
        setTerms(0, 0);
        resolve(id, 0);
        assertSplit();
    }

    /// @dev As the interface warns: recipients, unlike rates, change for open orders too.
    function test_threat_C04_RecipientsAreThoseOfTheDayOfTheSplit() external {
        address treasury2 = makeAddr("treasury2");
        address taxAuthority2 = makeAddr("taxAuthority2");
        vm.prank(governor);
        exchange.setRecipients(treasury2, taxAuthority2);
        confirm(id);
        assertEq(owedTo(treasury2), FEE_PART);
        assertEq(owedTo(taxAuthority2), TAX_PART);
        assertEq(owedTo(treasury) + owedTo(taxAuthority), 0);
    }

    function test_threat_C07_DustGoesToTheSeller() external {
        for (uint96 price = 1; price < 10; ++price) {
            uint256 before = owedTo(seller);
            LicenceId dust = buy(listed(priced(price, DONG)));
            confirm(dust);
            assertEq(owedTo(seller) - before, price); // 12.5 % of 9 is still nothing in each part
        }
        assertEq(owedTo(treasury) + owedTo(taxAuthority), 0);
    }

    function test_threat_C07_TheHighestPriceAtTheHighestRates() external {
        setTerms(1000, 2000);
        fund(buyer, type(uint96).max);
        LicenceId big = buy(listed(priced(type(uint96).max, DONG)));
        confirm(big);
        uint256 price = type(uint96).max;
        assertEq(owedTo(treasury), price / 10);
        assertEq(owedTo(taxAuthority), price / 5);
        assertEq(owedTo(seller), price - price / 10 - price / 5);
    }

    function test_threat_C08_SellerIsTreasuryIsTaxAuthority() external {
        vm.prank(governor);
        exchange.setRecipients(seller, seller);
        confirm(id);
        assertEq(owedTo(seller), PRICE);
        assertEq(withdraw(seller), PRICE);
    }

    function test_threat_C08_BuyerIsTreasury() external {
        vm.prank(governor);
        exchange.setRecipients(buyer, taxAuthority);
        dispute(id);
        resolve(id, 400_000);
        assertEq(owedTo(buyer), 400_000 + 15_000);
        assertEq(owedTo(buyer) + owedTo(taxAuthority) + owedTo(seller), PRICE);
    }

    function test_threat_C08_BuyerIsUpstream() external {
        uint16[] memory shares = new uint16[](1);
        shares[0] = 5000;
        (PlanId derivedPlan, address[] memory sources) = derived(makeAddr("maker"), planDraft(), shares);
        accredit(sources[0], SELLER | BUYER);
        fund(sources[0], PRICE);
        LicenceId sold = buy(derivedPlan, sources[0]);
        confirm(sold);
        assertEq(owedTo(sources[0]), SELLER_PART / 2);
        assertEq(owedTo(makeAddr("maker")), SELLER_PART - SELLER_PART / 2);
    }

    function test_threat_C08_SellerIsUpstream() external {
        uint16[] memory shares = new uint16[](1);
        shares[0] = 5000;
        address maker = makeAddr("maker");
        (PlanId derivedPlan, address[] memory sources) = derived(maker, planDraft(), shares);
        uint256 source = listings.upstreams(derivedPlan.listing())[0].licence.plan().listing();
        vm.prank(sources[0]);
        listings.transferFrom(sources[0], maker, source);
        confirm(buy(derivedPlan));
        assertEq(owedTo(maker), SELLER_PART);
    }

    function test_threat_C13_C14_SuspendedBuyerStillConfirms() external {
        suspend(buyer);
        confirm(id);
        assertSplit();
    }

    function test_threat_C13_C14_SuspendedBuyerStillDisputesAndIsRefunded() external {
        suspend(buyer);
        dispute(id);
        resolve(id, PRICE);
        assertEq(withdraw(buyer), PRICE);
    }

    function test_threat_C14_SuspendedSellerIsStillPaidAndStillRefunds() external {
        LicenceId another = buy(plan);
        suspend(seller);
        refund(another);
        assertEq(owedTo(buyer), PRICE);
        vm.warp(deadline);
        release(id);
        assertEq(withdraw(seller), SELLER_PART);
    }

    function test_threat_C14_RetiredPartiesStillSettle() external {
        retire(buyer);
        retire(seller);
        dispute(id);
        resolve(id, 1);
        assertEq(withdraw(buyer), 1);
        assertGt(withdraw(seller), 0);
    }

    function test_threat_C14_FreezingAndWithdrawingTheVersionLeaveTheEscrowAlone() external {
        LicenceId another = buy(plan);
        freezeListing(plan.listing());
        vm.prank(supervisor);
        listings.withdrawVersion(plan.listing(), 1, REASON);
        confirm(id);
        dispute(another);
        resolve(another, PRICE);
        assertEq(withdraw(buyer), PRICE);
    }

    function test_threat_C14_SuspendedArbiterIsImpossible_RetiredOneDecidesNothing() external {
        dispute(id);
        retire(arbiter);
        reverts(ineligible(arbiter, ARBITER, Standing.RoleMissing));
        vm.prank(arbiter);
        exchange.resolve(id, 0, REASON);
        skip(ARBITRATION);
        lapse(id);
        assertEq(owedTo(buyer), PRICE);
    }

    function testFuzz_threat_C15_C19_ReleaseAndDisputeNeverOverlap(uint40 time) external {
        vm.warp(near(time, deadline));
        uint256 snapshot = vm.snapshotState();
        bool released = tries(outsider, abi.encodeCall(exchange.release, (id)));
        vm.revertToState(snapshot);
        bool disputed = tries(buyer, abi.encodeCall(exchange.dispute, (id, REASON)));
        assertTrue(released != disputed);
    }

    function testFuzz_threat_C15_C19_ResolveAndLapseNeverOverlap(uint40 time) external {
        dispute(id);
        vm.warp(near(time, boughtAt + ARBITRATION));
        uint256 snapshot = vm.snapshotState();
        bool resolved = tries(arbiter, abi.encodeCall(exchange.resolve, (id, 0, REASON)));
        vm.revertToState(snapshot);
        bool lapsed = tries(outsider, abi.encodeCall(exchange.lapse, (id)));
        assertTrue(resolved != lapsed);
    }

    /// @dev Whatever ended an order, nothing ends it again and nobody is owed more.
    function testFuzz_threat_C19_AnOrderEndsOnce(uint8 how) external {
        how = uint8(bound(how, 0, 5));
        if (how == 0) confirm(id);
        if (how == 1) refund(id);
        if (how > 1 && how < 5) dispute(id);
        if (how == 2) resolve(id, 0);
        if (how == 3) resolve(id, 5);
        if (how == 4) lapse14();
        skip(90 days);
        if (how == 5) release(id);

        bytes memory closed = abi.encodeWithSelector(IExchange.Exchange_OrderNotOpen.selector, id);
        bytes memory undisputed = abi.encodeWithSelector(IExchange.Exchange_OrderNotDisputed.selector, id);
        refused(buyer, abi.encodeCall(exchange.confirm, (id)), closed);
        refused(outsider, abi.encodeCall(exchange.release, (id)), closed);
        refused(buyer, abi.encodeCall(exchange.dispute, (id, REASON)), closed);
        refused(seller, abi.encodeCall(exchange.refund, (id)), closed);
        accreditArbiter();
        refused(arbiter, abi.encodeCall(exchange.resolve, (id, 0, REASON)), undisputed);
        refused(outsider, abi.encodeCall(exchange.lapse, (id)), undisputed);
        assertEq(
            owedTo(buyer) + owedTo(seller) + owedTo(treasury) + owedTo(taxAuthority),
            token.balanceOf(address(exchange))
        );
    }

    function test_threat_C21_HaltStopsNothingOfAnOrder() external {
        LicenceId[] memory ids = new LicenceId[](5);
        for (uint256 i; i < 5; ++i) {
            ids[i] = buy(plan);
        }
        haltMarket();
        confirm(id);
        refund(ids[0]);
        dispute(ids[1]);
        resolve(ids[1], 1);
        dispute(ids[2]);
        vm.warp(deadline);
        release(ids[3]);
        skip(ARBITRATION);
        lapse(ids[2]);
        withdraw(buyer);
        withdraw(seller);
        withdraw(treasury);
        withdraw(taxAuthority);
        assertEq(token.balanceOf(address(exchange)), PRICE); // ids[4] is still open
        release(ids[4]);
        checkJournals();
    }

    /// @dev Any time within 60 days, every other one of them within a second of `edge`.
    function near(uint40 time, uint40 edge) private view returns (uint256) {
        return time % 2 == 0 ? edge - 1 + time % 3 : bound(time, boughtAt, boughtAt + 60 days);
    }

    function lapse14() private {
        skip(ARBITRATION);
        lapse(id);
    }

    function accreditArbiter() private {
        appoint(arbiter, ARBITER);
    }

    function tries(address by, bytes memory call) private returns (bool ok) {
        vm.prank(by);
        (ok,) = address(exchange).call(call);
    }

    function refused(address by, bytes memory call, bytes memory why) private {
        vm.prank(by);
        (bool ok, bytes memory result) = address(exchange).call(call);
        assertFalse(ok);
        assertEq(result, why);
    }
}
