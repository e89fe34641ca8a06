// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IExchange } from "contracts/interfaces/IExchange.sol";
import { IParticipants } from "contracts/interfaces/IParticipants.sol";
import { LicenceId, licenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Denial, Licence, LicenceStatus, OrderStatus } from "contracts/types/Licence.sol";
import { Upstream } from "contracts/types/Listing.sol";
import {
    ARBITER,
    BUYER,
    CUSTODIAN,
    PAYMENT_PROVIDER,
    REVIEWER,
    SELLER,
    Standing,
    SUPERVISOR
} from "contracts/types/Participant.sol";
import { Currency, DERIVABLE, PlanDraft, TRANSFERABLE } from "contracts/types/Plan.sol";
import { JournalChecker } from "./JournalChecker.sol";

/// @notice What the tests of the market have in common: offers of each kind, who is owed what, and the ways to lose standing.
abstract contract Market is JournalChecker {
    uint16 internal constant FEE = 250;
    uint16 internal constant TAX = 1000;
    uint32 internal constant CONFIRM = 7 days;
    uint32 internal constant ARBITRATION = 14 days;
    uint32 internal constant MONTH = 30 days;
    uint96 internal constant FEE_PART = 25_000; // 2.5 % of 1 000 003, rounded down
    uint96 internal constant TAX_PART = 100_000; // 10 %, rounded down
    uint96 internal constant SELLER_PART = 875_003; // the rest
    uint24 internal constant PACK = 1;
    Currency internal constant BANK = Currency.wrap(0);

    address internal second = makeAddr("second");

    function setUp() public virtual override {
        super.setUp();
        accredit(second, BUYER);
        fund(second, 1_000_000_000);
    }

    // Offers

    function monthly() internal pure returns (PlanDraft memory draft) {
        draft = planDraft();
        draft.duration = MONTH;
    }

    function free() internal pure returns (PlanDraft memory draft) {
        draft = planDraft();
        draft.price = 0;
    }

    function metered(uint32 quota) internal pure returns (PlanDraft memory draft) {
        draft = planDraft();
        draft.quota = quota;
    }

    function reserved(address account) internal pure returns (PlanDraft memory draft) {
        draft = planDraft();
        draft.onlyBuyer = account;
    }

    function flagged(uint16 flags) internal pure returns (PlanDraft memory draft) {
        draft = planDraft();
        draft.flags = flags;
    }

    function priced(uint96 price, Currency currency) internal pure returns (PlanDraft memory draft) {
        draft = planDraft();
        (draft.price, draft.currency) = (price, currency);
    }

    function addVersion(PlanId plan) internal returns (uint24 version) {
        uint48 listing = plan.listing();
        address holder = listings.holderOf(listing);
        // The draft signs with a cheat call, which must not swallow the prank.
        bytes memory call = abi.encodeCall(listings.addVersion, (listing, versionDraft(holder)));
        vm.prank(holder);
        (bool ok, bytes memory result) = address(listings).call(call);
        assertTrue(ok);
        version = abi.decode(result, (uint24));
        attest(listing, version, 1);
    }

    function addPlan(uint48 listing, PlanDraft memory draft) internal returns (PlanId) {
        vm.prank(listings.holderOf(listing));
        return listings.addPlan(listing, draft);
    }

    function closePlan(PlanId plan) internal {
        vm.prank(listings.holderOf(plan.listing()));
        listings.closePlan(plan);
    }

    /// @dev A listing of `by`, for sale under `draft`, that owes `shareBps` to each of `count` upstream sellers.
    function derived(address by, PlanDraft memory draft, uint16[] memory shares)
        internal
        returns (PlanId plan, address[] memory sources)
    {
        Upstream[] memory upstreams = new Upstream[](shares.length);
        sources = new address[](shares.length);
        accredit(by, SELLER | BUYER);
        for (uint256 i; i < shares.length; ++i) {
            sources[i] = makeAddr(string.concat("source", vm.toString(i)));
            accredit(sources[i], SELLER);
            PlanDraft memory permits = free();
            permits.flags = DERIVABLE;
            uint48 listing = publish(sources[i], permits, new Upstream[](0));
            attest(listing, 1, 1);
            upstreams[i] = Upstream(buy(planId(listing, 0), by), shares[i]);
        }
        plan = planId(publish(by, draft, upstreams), 0);
        attest(plan.listing(), 1, 1);
    }

    // Acts

    function buyByBank(PlanId plan, bytes32 ref) internal returns (LicenceId) {
        return buyByBank(plan, buyer, ref);
    }

    function buyByBank(PlanId plan, address by, bytes32 ref) internal returns (LicenceId) {
        IExchange.BankPayment memory payment = bankPayment(ref, by, plan, LicenceId.wrap(0));
        uint32 held = uint32(licences.balanceOf(by));
        vm.prank(by);
        return exchange.buyWithBank(plan, 1, held, payment);
    }

    function renew(LicenceId licence) internal {
        uint40 expiresAt = licences.licence(licence).expiresAt;
        vm.prank(licences.holderOf(licence));
        exchange.renew(licence, 1, expiresAt);
    }

    function release(LicenceId licence) internal {
        vm.prank(outsider);
        exchange.release(licence);
    }

    function refund(LicenceId licence) internal {
        vm.prank(listings.holderOf(licence.plan().listing()));
        exchange.refund(licence);
    }

    function lapse(LicenceId licence) internal {
        vm.prank(outsider);
        exchange.lapse(licence);
    }

    function withdraw(address account) internal returns (uint256) {
        vm.prank(account);
        return exchange.withdraw(DONG);
    }

    function revoke(LicenceId licence) internal {
        vm.prank(supervisor);
        licences.revoke(licence, REASON);
    }

    function haltMarket() internal {
        vm.prank(guardian);
        exchange.halt(REASON);
    }

    function setTerms(uint16 feeBps, uint16 taxBps) internal {
        vm.prank(governor);
        exchange.setTerms(feeBps, taxBps, CONFIRM, ARBITRATION);
    }

    function freezeListing(uint48 listing) internal returns (uint40 until) {
        until = uint40(block.timestamp + 30 days);
        vm.prank(supervisor);
        listings.freeze(listing, until, REASON);
    }

    function expire(address account, uint16 roles) internal {
        vm.prank(operator);
        participants.accredit(account, roles, "VN", false, uint40(block.timestamp + 1), "credential");
        skip(1);
    }

    function retire(address account) internal {
        vm.prank(governor);
        participants.retire(account, REASON);
    }

    /// @dev Everybody again, for good: for tests that move time far ahead.
    function readmit() internal {
        uint40 end = type(uint40).max;
        vm.startPrank(operator);
        participants.accredit(seller, SELLER, "VN", false, end, "credential");
        participants.accredit(buyer, BUYER, "VN", false, end, "credential");
        vm.stopPrank();
        vm.startPrank(governor);
        participants.appoint(reviewer, REVIEWER, "VN", end, "credential");
        participants.appoint(custodian, CUSTODIAN, "VN", end, "credential");
        participants.appoint(provider, PAYMENT_PROVIDER, "VN", end, "credential");
        participants.appoint(arbiter, ARBITER, "VN", end, "credential");
        participants.appoint(supervisor, SUPERVISOR, "VN", end, "credential");
        vm.stopPrank();
    }

    // Questions

    function owedTo(address account) internal view returns (uint256) {
        return exchange.owed(DONG, account);
    }

    function order(LicenceId licence) internal view returns (OrderStatus) {
        return licences.licence(licence).order;
    }

    function status(LicenceId licence) internal view returns (LicenceStatus) {
        return licences.licence(licence).status;
    }

    function denial(LicenceId licence, address account) internal view returns (Denial) {
        return licences.entitlement(licence, account).denial;
    }

    function first(PlanId plan) internal pure returns (LicenceId) {
        return licenceId(plan, 1);
    }

    function assertOrder(LicenceId licence, OrderStatus expected) internal view {
        assertEq(uint8(order(licence)), uint8(expected), "order");
    }

    function assertStatus(LicenceId licence, LicenceStatus expected) internal view {
        assertEq(uint8(status(licence)), uint8(expected), "status");
    }

    function assertDenial(LicenceId licence, address account, Denial expected) internal view {
        assertEq(uint8(denial(licence, account)), uint8(expected), "denial");
    }

    function assertSplit() internal view {
        assertEq(owedTo(treasury), FEE_PART, "fee");
        assertEq(owedTo(taxAuthority), TAX_PART, "tax");
        assertEq(owedTo(seller), SELLER_PART, "seller");
    }

    function assertLicence(LicenceId id, Licence memory expected) internal view {
        assertEq(keccak256(abi.encode(licences.licence(id))), keccak256(abi.encode(expected)), "licence");
    }

    // Expectations

    function reverts(bytes4 selector) internal {
        vm.expectRevert(selector);
    }

    function reverts(bytes memory data) internal {
        vm.expectRevert(data);
    }

    function panic(uint256 code) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("Panic(uint256)", code);
    }

    function ineligible(address account, uint16 role, Standing standing)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(IParticipants.Participants_Ineligible.selector, account, role, standing);
    }

    function allocates(LicenceId licence, address to, IExchange.Part part, uint256 amount, bool byBank)
        internal
    {
        vm.expectEmit(address(exchange));
        emit IExchange.Allocated(licence, to, part, DONG, amount, byBank);
    }

    function allocatesSplit(LicenceId licence, bool byBank) internal {
        allocates(licence, treasury, IExchange.Part.Fee, FEE_PART, byBank);
        allocates(licence, taxAuthority, IExchange.Part.Tax, TAX_PART, byBank);
        allocates(licence, seller, IExchange.Part.Seller, SELLER_PART, byBank);
    }

    function transferable() internal pure returns (PlanDraft memory) {
        return flagged(TRANSFERABLE);
    }
}
