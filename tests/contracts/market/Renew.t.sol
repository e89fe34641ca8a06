// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20Errors, IERC721Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";
import { IERC7858 } from "contracts/interfaces/IERC7858.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, licenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial, Licence, LicenceStatus, NEVER, OrderStatus } from "contracts/types/Licence.sol";
import { LEGAL } from "contracts/types/Listing.sol";
import { BUYER, SELLER, Standing } from "contracts/types/Participant.sol";
import { PlanDraft, TRANSFERABLE } from "contracts/types/Plan.sol";
import { Market } from "./Market.sol";

contract RenewTest is Market {
    PlanId internal plan;
    LicenceId internal id;
    uint40 internal expiresAt;

    function setUp() public override {
        super.setUp();
        plan = listed(monthly());
        id = owned(plan);
        expiresAt = uint40(block.timestamp) + MONTH;
        withdraw(seller);
        withdraw(treasury);
        withdraw(taxAuthority);
    }

    // What is refused

    function test_Renew_RevertWhen_Halted() external {
        haltMarket();
        refused(abi.encodeWithSelector(IExchange.Exchange_IsHalted.selector));
    }

    function test_threat_C16_Renew_RevertWhen_LicenceUnknown() external {
        LicenceId unknown = licenceId(plan, 2);
        reverts(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, unknown.tokenId()));
        vm.prank(buyer);
        exchange.renew(unknown, 1, expiresAt);
    }

    function test_threat_C16_Renew_RevertWhen_NotHolder() external {
        reverts(abi.encodeWithSelector(IExchange.Exchange_NotHolder.selector, id, second));
        vm.prank(second);
        exchange.renew(id, 1, expiresAt);
    }

    function testFuzz_Renew_RevertWhen_ExpiryIsStale(uint40 seen) external {
        vm.assume(seen != expiresAt);
        reverts(abi.encodeWithSelector(IExchange.Exchange_StaleExpiry.selector, id, seen, expiresAt));
        vm.prank(buyer);
        exchange.renew(id, 1, seen);
    }

    function test_Renew_RevertWhen_SecondOfTwoClicks() external {
        renew(id);
        reverts(
            abi.encodeWithSelector(IExchange.Exchange_StaleExpiry.selector, id, expiresAt, expiresAt + MONTH)
        );
        vm.prank(buyer);
        exchange.renew(id, 1, expiresAt);
    }

    function test_Renew_RevertWhen_PlanClosed() external {
        closePlan(plan);
        refused(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, plan));
    }

    function test_R05_Renew_RevertWhen_PlanReservedForTheFormerHolder() external {
        PlanDraft memory draft = monthly();
        (draft.onlyBuyer, draft.flags) = (buyer, TRANSFERABLE);
        id = owned(listed(draft));
        uint256 token_ = id.tokenId();
        vm.prank(buyer);
        licences.transferFrom(buyer, second, token_);
        reverts(abi.encodeWithSelector(IListings.Listings_ReservedFor.selector, buyer));
        vm.prank(second);
        exchange.renew(id, 1, expiresAt);
    }

    function test_R02_threat_C13_Renew_RevertWhen_HolderSuspended() external {
        suspend(buyer);
        refused(ineligible(buyer, BUYER, Standing.Suspended));
    }

    function test_R02_threat_C13_Renew_RevertWhen_HolderExpired() external {
        expire(buyer, BUYER);
        refused(ineligible(buyer, BUYER, Standing.Expired));
    }

    function test_R02_Renew_RevertWhen_SellerSuspended() external {
        suspend(seller);
        refused(ineligible(seller, SELLER, Standing.Suspended));
    }

    function test_Renew_RevertWhen_Delisted() external {
        vm.prank(seller);
        listings.delist(plan.listing(), REASON);
        refused(abi.encodeWithSelector(IListings.Listings_IsDelisted.selector, plan.listing()));
    }

    function test_R19_Renew_RevertWhen_Frozen() external {
        uint40 until = freezeListing(plan.listing());
        refused(abi.encodeWithSelector(IListings.Listings_IsFrozen.selector, plan.listing(), until));
    }

    function test_R01_Renew_RevertWhen_NoLongerAttested() external {
        vm.prank(reviewer);
        reviews.refuse(plan.listing(), 1, LEGAL, REASON, 0);
        refused(abi.encodeWithSelector(IListings.Listings_Refused.selector, PACK, pack.RULE_NOT_ATTESTED()));
    }

    function test_threat_C08_Renew_RevertWhen_HolderHoldsTheListingNow() external {
        accredit(buyer, BUYER | SELLER);
        uint256 listing = plan.listing();
        vm.prank(seller);
        listings.transferFrom(seller, buyer, listing);
        refused(abi.encodeWithSelector(IListings.Listings_SelfDealing.selector, buyer));
    }

    function test_Renew_RevertWhen_PlanHasNoDuration() external {
        id = owned(listed());
        reverts(abi.encodeWithSelector(IExchange.Exchange_NotRenewable.selector, id));
        vm.prank(buyer);
        exchange.renew(id, 1, NEVER);
    }

    function test_threat_C16_Renew_RevertWhen_Revoked() external {
        revoke(id);
        refused(abi.encodeWithSelector(ILicences.Licences_NotActive.selector, id));
    }

    function test_threat_C16_Renew_RevertWhen_Refunded() external {
        id = buy(plan);
        refund(id);
        refused(abi.encodeWithSelector(ILicences.Licences_NotActive.selector, id));
    }

    function test_Renew_RevertWhen_OrderOpen() external {
        id = buy(plan);
        refused(
            abi.encodeWithSelector(
                ILicences.Licences_InvalidOrder.selector, id, OrderStatus.Open, OrderStatus.Settled
            )
        );
    }

    function test_Renew_RevertWhen_OrderDisputed() external {
        id = buy(plan);
        dispute(id);
        refused(
            abi.encodeWithSelector(
                ILicences.Licences_InvalidOrder.selector, id, OrderStatus.Disputed, OrderStatus.Settled
            )
        );
    }

    function test_Renew_RevertWhen_VersionOlder() external {
        addVersion(plan);
        vm.prank(buyer);
        exchange.renew(id, 2, expiresAt);
        reverts(abi.encodeWithSelector(ILicences.Licences_NotNewer.selector, id, uint24(1)));
        vm.prank(buyer);
        exchange.renew(id, 1, expiresAt + MONTH);
    }

    function test_Renew_RevertWhen_CurrencyInactive() external {
        vm.prank(governor);
        exchange.activateCurrency(DONG, false);
        refused(abi.encodeWithSelector(IExchange.Exchange_NotPayableByToken.selector, DONG));
    }

    function test_Renew_RevertWhen_AllowanceTooLow() external {
        vm.prank(buyer);
        token.approve(address(exchange), PRICE - 1);
        refused(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(exchange), PRICE - 1, PRICE
            )
        );
    }

    // What a renewal does

    function test_R05_R26_Renew_ExtendsFromTheExpiryAndSplitsAtOnce() external {
        vm.expectEmit(address(exchange));
        emit IExchange.Renewed(id, buyer, 1, PACK, PRICE, expiresAt + MONTH);
        vm.expectEmit(address(licences));
        emit IERC7858.TokenExpiryUpdated(id.tokenId(), expiresAt - MONTH, expiresAt + MONTH);
        vm.expectEmit(address(licences));
        emit IERC4906.MetadataUpdate(id.tokenId());
        allocatesSplit(id, false);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(buyer, address(exchange), PRICE);

        vm.prank(buyer);
        exchange.renew(id, 1, expiresAt);

        assertSplit();
        assertLicence(
            id,
            Licence({
                version: 1,
                issuedAt: expiresAt - MONTH,
                expiresAt: expiresAt + MONTH,
                used: 0,
                pack: PACK,
                byBank: false,
                status: LicenceStatus.Active,
                order: OrderStatus.Settled,
                feeBps: FEE,
                taxBps: TAX,
                deadline: 0
            })
        );
        checkJournals();
    }

    function test_R05_threat_C16_Renew_ExtendsFromNowWhenExpired() external {
        vm.warp(expiresAt + 100 days);
        assertDenial(id, buyer, Denial.Expired);
        renew(id);
        assertEq(licences.licence(id).expiresAt, expiresAt + 100 days + MONTH);
        assertDenial(id, buyer, Denial.Granted);
    }

    function testFuzz_R05_threat_C15_Renew_ExtendsFromTheLaterOfNowAndExpiry(uint40 time, uint32 duration)
        external
    {
        duration = uint32(bound(duration, 1, 5 * 365 days));
        PlanDraft memory draft = monthly();
        draft.duration = duration;
        id = owned(listed(draft));
        uint256 expiry = block.timestamp + duration;
        vm.warp(bound(time, block.timestamp, block.timestamp + 20 * 365 days));
        readmit();
        renew(id);
        assertEq(licences.licence(id).expiresAt, Math.max(expiry, block.timestamp) + duration);
    }

    function test_threat_C16_Renew_StacksUpToTheLimitAndNotASecondMore() external {
        PlanDraft memory draft = monthly();
        draft.duration = 5 * 365 days;
        id = owned(listed(draft));
        renew(id);
        uint40 limit = uint40(block.timestamp) + exchange.MAX_AHEAD();
        assertEq(licences.licence(id).expiresAt, limit);
        uint256 next = uint256(limit) + 5 * 365 days;
        reverts(abi.encodeWithSelector(IExchange.Exchange_TooFarAhead.selector, id, next));
        vm.prank(buyer);
        exchange.renew(id, 1, limit);

        vm.warp(block.timestamp + 5 * 365 days - 1);
        readmit();
        reverts(abi.encodeWithSelector(IExchange.Exchange_TooFarAhead.selector, id, next));
        vm.prank(buyer);
        exchange.renew(id, 1, limit);

        skip(1);
        renew(id);
        assertEq(licences.licence(id).expiresAt, next);
    }

    /// @dev Such a licence outlives the limit; buying another is the way.
    function testFuzz_threat_C15_Renew_RevertWhen_DurationIsBeyondTheLimit(uint32 duration) external {
        duration = uint32(bound(duration, exchange.MAX_AHEAD() + 1, type(uint32).max));
        PlanDraft memory draft = monthly();
        draft.duration = duration;
        id = owned(listed(draft));
        uint40 end = licences.licence(id).expiresAt;
        vm.warp(end);
        readmit();
        reverts(abi.encodeWithSelector(IExchange.Exchange_TooFarAhead.selector, id, uint256(end) + duration));
        vm.prank(buyer);
        exchange.renew(id, 1, end);
    }

    function test_Renew_MovesToANewerVersion() external {
        addVersion(plan);
        vm.expectEmit(address(exchange));
        emit IExchange.Renewed(id, buyer, 2, PACK, PRICE, expiresAt + MONTH);
        vm.prank(buyer);
        exchange.renew(id, 2, expiresAt);
        assertEq(licences.licence(id).version, 2);
        checkJournals();
    }

    function test_R05_Renew_StartsTheQuotaAnew() external {
        PlanDraft memory draft = monthly();
        draft.quota = 3;
        id = owned(listed(draft));
        vm.prank(custodian);
        licences.countUses(id, 3);
        assertDenial(id, buyer, Denial.QuotaSpent);
        renew(id);
        assertEq(licences.entitlement(id, buyer).usesLeft, 3);
        assertDenial(id, buyer, Denial.Granted);
    }

    function test_R05_Renew_OfAFreeSubscriptionMovesNoMoney() external {
        PlanDraft memory draft = monthly();
        draft.price = 0;
        id = owned(listed(draft));
        vm.prank(buyer);
        token.approve(address(exchange), 0);
        vm.expectCall(address(token), "", 0);
        vm.expectEmit(address(exchange));
        emit IExchange.Renewed(id, buyer, 1, PACK, 0, expiresAt + MONTH);
        vm.prank(buyer);
        exchange.renew(id, 1, expiresAt);
        assertEq(owedTo(seller) + owedTo(treasury) + owedTo(taxAuthority), 0);
        checkJournals();
    }

    function test_Renew_OfASoldOutPlan() external {
        PlanDraft memory draft = monthly();
        draft.cap = 1;
        id = owned(listed(draft));
        renew(id);
        assertEq(listings.plan(id.plan()).sold, 1);
    }

    function test_Renew_ByTheNewHolder() external {
        PlanDraft memory draft = monthly();
        draft.flags = TRANSFERABLE;
        id = owned(listed(draft));
        uint256 token_ = id.tokenId();
        vm.prank(buyer);
        licences.transferFrom(buyer, second, token_);
        refused(abi.encodeWithSelector(IExchange.Exchange_NotHolder.selector, id, buyer));
        renew(id);
        assertEq(licences.licence(id).expiresAt, expiresAt + MONTH);
    }

    function test_threat_C04_Renew_UsesTheRatesOfTheDayAndLeavesThoseOfThePurchase() external {
        setTerms(1000, 2000);
        allocates(id, treasury, IExchange.Part.Fee, 100_000, false);
        allocates(id, taxAuthority, IExchange.Part.Tax, 200_000, false);
        allocates(id, seller, IExchange.Part.Seller, 700_003, false);
        renew(id);
        assertEq(licences.licence(id).feeBps, FEE);
        assertEq(licences.licence(id).taxBps, TAX);
    }

    function test_R06_Renew_PaysUpstreamShares() external {
        uint16[] memory shares = new uint16[](1);
        shares[0] = 4000;
        address maker = makeAddr("maker");
        (PlanId derivedPlan, address[] memory sources) = derived(maker, monthly(), shares);
        id = owned(derivedPlan);
        uint256 before = owedTo(sources[0]);
        renew(id);
        assertEq(owedTo(sources[0]) - before, SELLER_PART * 4 / uint256(10));
    }

    function testFuzz_R26_Renew_PartsSumToThePrice(uint96 price, uint16 fee, uint16 tax) external {
        setTerms(uint16(bound(fee, 0, 1000)), uint16(bound(tax, 0, 2000)));
        fund(buyer, 2 * uint256(type(uint96).max));
        PlanDraft memory draft = monthly();
        draft.price = price;
        id = owned(listed(draft));
        uint256 before = owedTo(seller) + owedTo(treasury) + owedTo(taxAuthority);
        renew(id);
        assertEq(owedTo(seller) + owedTo(treasury) + owedTo(taxAuthority) - before, price);
        assertEq(token.balanceOf(address(exchange)), 2 * uint256(price));
    }

    function test_threat_C13_ExpiryIsToTheSecond() external {
        vm.warp(expiresAt - 1);
        assertDenial(id, buyer, Denial.Granted);
        vm.warp(expiresAt);
        assertDenial(id, buyer, Denial.Expired);
        renew(id);
        assertEq(licences.licence(id).expiresAt, expiresAt + MONTH);
    }

    function refused(bytes memory why) private {
        uint40 seen = licences.licence(id).expiresAt;
        reverts(why);
        vm.prank(buyer);
        exchange.renew(id, 1, seen);
    }
}
