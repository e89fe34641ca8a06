// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IERC721 } from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import { IERC7858 } from "contracts/interfaces/IERC7858.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, licenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Denial, Entitlement, Licence, LicenceStatus, NEVER, OrderStatus } from "contracts/types/Licence.sol";
import {
    Classification,
    Importance,
    LEGAL,
    PersonalData,
    SECURITY,
    Sharing,
    Subject
} from "contracts/types/Listing.sol";
import { BUYER, SELLER, Standing } from "contracts/types/Participant.sol";
import { Plan, PlanDraft, RESEARCH, STATE_FEE } from "contracts/types/Plan.sol";
import { Wallet } from "../mocks/market/Wallet.sol";
import { Market } from "./Market.sol";

contract BuyTest is Market {
    PlanId internal plan;

    function setUp() public override {
        super.setUp();
        plan = listed();
    }

    // What is refused

    function test_Buy_RevertWhen_Halted() external {
        haltMarket();
        refused(IExchange.Exchange_IsHalted.selector);
    }

    function test_Buy_RevertWhen_PlanUnknown() external {
        PlanId unknown = planId(plan.listing(), 1);
        reverts(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, unknown));
        vm.prank(buyer);
        exchange.buy(unknown, 1, 0);
    }

    function test_Buy_RevertWhen_PlanClosed() external {
        closePlan(plan);
        refused(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, plan));
    }

    function test_R05_Buy_RevertWhen_ReservedForAnother() external {
        plan = addPlan(plan.listing(), reserved(second));
        refused(abi.encodeWithSelector(IListings.Listings_ReservedFor.selector, second));
    }

    function test_Buy_RevertWhen_SoldOut() external {
        PlanDraft memory draft = planDraft();
        draft.cap = 1;
        plan = addPlan(plan.listing(), draft);
        buy(plan, second);
        refused(abi.encodeWithSelector(IListings.Listings_SoldOut.selector, plan, uint32(1)));
    }

    function test_threat_C08_Buy_RevertWhen_BuyerHoldsListing() external {
        accredit(seller, SELLER | BUYER);
        fund(seller, PRICE);
        reverts(abi.encodeWithSelector(IListings.Listings_SelfDealing.selector, seller));
        vm.prank(seller);
        exchange.buy(plan, 1, 0);
    }

    function test_R02_Buy_RevertWhen_SellerSuspended() external {
        suspend(seller);
        refused(ineligible(seller, SELLER, Standing.Suspended));
    }

    function test_R02_Buy_RevertWhen_SellerExpired() external {
        expire(seller, SELLER);
        refused(ineligible(seller, SELLER, Standing.Expired));
    }

    function test_R02_Buy_RevertWhen_SellerRetired() external {
        retire(seller);
        refused(ineligible(seller, SELLER, Standing.RoleMissing));
    }

    function test_Buy_RevertWhen_Delisted() external {
        vm.prank(seller);
        listings.delist(plan.listing(), REASON);
        refused(abi.encodeWithSelector(IListings.Listings_IsDelisted.selector, plan.listing()));
    }

    function test_R02_threat_C13_Buy_RevertWhen_BuyerNeverAccredited() external {
        fund(outsider, PRICE);
        reverts(ineligible(outsider, BUYER, Standing.RoleMissing));
        vm.prank(outsider);
        exchange.buy(plan, 1, 0);
    }

    function test_R02_threat_C13_Buy_RevertWhen_BuyerSuspended() external {
        suspend(buyer);
        refused(ineligible(buyer, BUYER, Standing.Suspended));
        skip(30 days - 1);
        refused(ineligible(buyer, BUYER, Standing.Suspended));
        skip(1);
        buy(plan); // a suspension ends by itself, to the second (R19)
    }

    function test_R02_threat_C13_Buy_RevertWhen_BuyerExpired() external {
        vm.warp(inOneYear() - 1);
        buy(plan);
        // seller, buyer and everybody else expire together; the seller is asked first
        accredit(seller, SELLER);
        skip(1);
        reverts(ineligible(buyer, BUYER, Standing.Expired));
        vm.prank(buyer);
        exchange.buy(plan, 1, 1);
    }

    function test_R19_Buy_RevertWhen_Frozen() external {
        uint40 until = freezeListing(plan.listing());
        refused(abi.encodeWithSelector(IListings.Listings_IsFrozen.selector, plan.listing(), until));
        vm.warp(until);
        buy(plan);
    }

    function test_Buy_RevertWhen_VersionUnknown() external {
        reverts(abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, plan.listing(), uint24(2)));
        vm.prank(buyer);
        exchange.buy(plan, 2, 0);
    }

    function test_Buy_RevertWhen_VersionWithdrawn() external {
        vm.prank(seller);
        listings.withdrawVersion(plan.listing(), 1, REASON);
        refused(abi.encodeWithSelector(IListings.Listings_IsWithdrawn.selector, plan.listing(), uint24(1)));
    }

    function test_R01_R14_Buy_RevertWhen_NotAttested() external {
        plan = unattested(planDraft());
        refused(abi.encodeWithSelector(IListings.Listings_Refused.selector, PACK, pack.RULE_NOT_ATTESTED()));
    }

    function test_R01_Buy_RevertWhen_AttestationRefusedLater() external {
        vm.prank(reviewer);
        reviews.refuse(plan.listing(), 1, LEGAL, REASON, 0);
        refused(abi.encodeWithSelector(IListings.Listings_Refused.selector, PACK, pack.RULE_NOT_ATTESTED()));
    }

    function test_R04_Buy_RevertWhen_ReclassifiedUntilReviewedAgain() external {
        Classification memory important =
            Classification(Importance.Important, Sharing.Shared, Subject.Locations, PersonalData.None);
        vm.prank(supervisor);
        listings.reclassify(plan.listing(), important, 0, REASON);
        refused(abi.encodeWithSelector(IListings.Listings_Refused.selector, PACK, pack.RULE_NOT_ATTESTED()));

        attest(plan.listing(), 1, LEGAL);
        attest(plan.listing(), 1, SECURITY);
        buy(plan);
    }

    function test_R07_Buy_RevertWhen_AbroadWithoutApproval() external {
        Classification memory important =
            Classification(Importance.Important, Sharing.Shared, Subject.Locations, PersonalData.None);
        vm.prank(seller);
        listings.reclassify(plan.listing(), important, 0, REASON);
        attest(plan.listing(), 1, LEGAL);
        attest(plan.listing(), 1, SECURITY);
        accredit(buyer, BUYER, "SG");
        bytes memory why = abi.encodeWithSelector(
            IListings.Listings_Refused.selector, PACK, pack.RULE_NO_TRANSFER_APPROVAL()
        );
        refused(why);

        uint40 until = uint40(block.timestamp + 1 days);
        vm.prank(supervisor);
        listings.approveTransfer(plan.listing(), buyer, until, "evidence");
        vm.warp(until);
        refused(why); // approved until, not including, that second
        vm.warp(until - 1);
        buy(plan);
    }

    function test_Buy_RevertWhen_HeldIsStale() external {
        buy(plan);
        reverts(
            abi.encodeWithSelector(ILicences.Licences_StaleBalance.selector, buyer, uint256(0), uint256(1))
        );
        vm.prank(buyer);
        exchange.buy(plan, 1, 0);
    }

    function testFuzz_Buy_RevertWhen_HeldIsWrong(uint32 held) external {
        vm.assume(held != 2);
        buy(plan);
        buy(plan);
        reverts(
            abi.encodeWithSelector(ILicences.Licences_StaleBalance.selector, buyer, uint256(held), uint256(2))
        );
        vm.prank(buyer);
        exchange.buy(plan, 1, held);
    }

    function test_R27_Buy_RevertWhen_CurrencyHasNoToken() external {
        plan = addPlan(plan.listing(), priced(PRICE, BANK));
        refused(abi.encodeWithSelector(IExchange.Exchange_NotPayableByToken.selector, BANK));
    }

    function test_Buy_RevertWhen_CurrencyInactive() external {
        vm.prank(governor);
        exchange.activateCurrency(DONG, false);
        refused(abi.encodeWithSelector(IExchange.Exchange_NotPayableByToken.selector, DONG));
    }

    function test_Buy_RevertWhen_BalanceTooLow() external {
        vm.prank(buyer);
        assertTrue(token.transfer(outsider, 1_000_000_000 - PRICE + 1));
        refused(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, PRICE - 1, PRICE)
        );
    }

    function test_Buy_RevertWhen_AllowanceTooLow() external {
        vm.prank(buyer);
        token.approve(address(exchange), PRICE - 1);
        refused(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(exchange), PRICE - 1, PRICE
            )
        );
    }

    // What a purchase does

    function test_R01_R26_Buy() external {
        LicenceId id = first(plan);
        uint40 now_ = uint40(block.timestamp);
        vm.expectEmit(address(exchange));
        emit IExchange.Purchased(id, buyer, 1, PACK, PRICE, FEE, TAX, now_ + CONFIRM);
        vm.expectEmit(address(licences));
        emit IERC721.Transfer(address(0), buyer, id.tokenId());
        vm.expectEmit(address(licences));
        emit IERC7858.TokenExpiryUpdated(id.tokenId(), now_, NEVER);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(buyer, address(exchange), PRICE);

        LicenceId returned = buy(plan);

        assertEq(LicenceId.unwrap(returned), LicenceId.unwrap(id), "id");
        assertEq(licences.holderOf(id), buyer);
        assertLicence(
            id,
            Licence({
                version: 1,
                issuedAt: now_,
                expiresAt: NEVER,
                used: 0,
                pack: PACK,
                byBank: false,
                status: LicenceStatus.Active,
                order: OrderStatus.Open,
                feeBps: FEE,
                taxBps: TAX,
                deadline: now_ + CONFIRM
            })
        );
        assertEq(token.balanceOf(address(exchange)), PRICE, "escrow");
        assertEq(owedTo(seller) + owedTo(treasury) + owedTo(taxAuthority) + owedTo(buyer), 0, "owed");
        assertEq(listings.plan(plan).sold, 1, "sold");
        assertDenial(id, buyer, Denial.Granted);
        checkJournals();
    }

    function test_R05_Buy_FixedPrice_NumbersLicencesOneByOne() external {
        for (uint32 i = 1; i <= 3; ++i) {
            assertEq(LicenceId.unwrap(buy(plan)), LicenceId.unwrap(licenceId(plan, i)));
        }
        assertEq(token.balanceOf(address(exchange)), 3 * uint256(PRICE));
        assertEq(licences.balanceOf(buyer), 3);
    }

    function test_R05_Buy_Free_SettlesAtOnce() external {
        plan = listed(free());
        LicenceId id = first(plan);
        uint40 deadline = uint40(block.timestamp) + CONFIRM;
        vm.expectEmit(address(exchange));
        emit IExchange.Purchased(id, buyer, 1, PACK, 0, FEE, TAX, deadline);
        vm.expectCall(address(token), "", 0);

        buy(plan);

        assertOrder(id, OrderStatus.Settled);
        assertDenial(id, buyer, Denial.Granted);
        reverts(abi.encodeWithSelector(IExchange.Exchange_OrderNotOpen.selector, id));
        vm.prank(buyer);
        exchange.confirm(id);
        checkJournals();
    }

    function test_R05_Buy_Free_InACurrencyWithoutToken() external {
        plan = listed(priced(0, BANK));
        assertOrder(buy(plan), OrderStatus.Settled);
    }

    function test_R05_Buy_Free_InAnInactiveCurrency() external {
        plan = listed(free());
        vm.prank(governor);
        exchange.activateCurrency(DONG, false);
        assertOrder(buy(plan), OrderStatus.Settled);
    }

    function test_R05_Buy_Subscription() external {
        plan = listed(monthly());
        uint40 now_ = uint40(block.timestamp);
        vm.expectEmit(address(licences));
        emit IERC7858.TokenExpiryUpdated(first(plan).tokenId(), now_, now_ + MONTH);
        LicenceId id = buy(plan);
        assertEq(licences.licence(id).expiresAt, now_ + MONTH);
        assertEq(licences.endTime(id.tokenId()), now_ + MONTH);
    }

    function testFuzz_threat_C15_Buy_Subscription_AnyDurationAtAnyTime(uint32 duration, uint256 time)
        external
    {
        duration = uint32(bound(duration, 1, type(uint32).max));
        time = bound(time, block.timestamp, type(uint40).max - uint256(type(uint32).max) - 1);
        vm.warp(time);
        readmit();
        PlanDraft memory draft = monthly();
        draft.duration = duration;
        LicenceId id = buy(listed(draft));
        assertEq(licences.licence(id).expiresAt, time + duration);
        vm.warp(time + duration - 1);
        assertFalse(licences.isTokenExpired(id.tokenId()));
        vm.warp(time + duration);
        assertTrue(licences.isTokenExpired(id.tokenId()));
    }

    function test_R05_Buy_Quota() external {
        LicenceId id = buy(listed(metered(5)));
        assertEq(licences.entitlement(id, buyer).usesLeft, 5);
    }

    function test_R05_R17_Buy_Negotiated_OnlyByItsBuyerAndThroughTheSameGate() external {
        plan = unattested(reserved(buyer));
        refused(abi.encodeWithSelector(IListings.Listings_Refused.selector, PACK, pack.RULE_NOT_ATTESTED()));
        attest(plan.listing(), 1, LEGAL);
        suspend(buyer);
        refused(ineligible(buyer, BUYER, Standing.Suspended));
        vm.prank(arbiter);
        participants.reinstate(buyer, REASON);
        LicenceId id = buy(plan);
        assertEq(licences.holderOf(id), buyer);
        reverts(abi.encodeWithSelector(IListings.Listings_ReservedFor.selector, buyer));
        vm.prank(second);
        exchange.buy(plan, 1, 0);
    }

    function test_R05_Buy_StateFee_IsSaidOnTheLicence() external {
        LicenceId id = buy(listed(flagged(STATE_FEE)));
        assertEq(licences.entitlement(id, buyer).flags, STATE_FEE);
    }

    function test_R16_Buy_ResearchPlan_IsSaidOnTheLicence() external {
        LicenceId id = buy(listed(flagged(RESEARCH)));
        assertEq(licences.entitlement(id, buyer).flags, RESEARCH);
    }

    function test_R05_Buy_CapIsReachedExactly() external {
        PlanDraft memory draft = planDraft();
        draft.cap = 3;
        plan = listed(draft);
        buy(plan);
        buy(plan);
        buy(plan);
        reverts(abi.encodeWithSelector(IListings.Listings_SoldOut.selector, plan, uint32(3)));
        vm.prank(buyer);
        exchange.buy(plan, 1, 3);
        assertEq(listings.plan(plan).sold, 3);
    }

    function testFuzz_R26_threat_C07_Buy_TakesExactlyThePrice(uint96 price) external {
        fund(buyer, type(uint96).max);
        plan = listed(priced(price, DONG));
        uint256 before = token.balanceOf(buyer);
        LicenceId id = buy(plan);
        assertEq(before - token.balanceOf(buyer), price);
        assertEq(token.balanceOf(address(exchange)), price);
        assertOrder(id, price == 0 ? OrderStatus.Settled : OrderStatus.Open);
    }

    // Threats

    function test_threat_C02_Buy_NeverCallsTheReceiver() external {
        Wallet wallet = new Wallet();
        accredit(address(wallet), BUYER);
        fund(address(wallet), PRICE);
        vm.expectCall(address(wallet), "", 0);
        vm.prank(address(wallet));
        LicenceId id = exchange.buy(plan, 1, 0);
        assertEq(licences.holderOf(id), address(wallet));
    }

    function test_threat_C03_SellerCannotChangePriceOrTermsUnderAPurchase() external {
        Plan memory seen = listings.plan(plan);
        // All a seller can do is to add: the plan the buyer named stays what it was
        addPlan(plan.listing(), priced(PRICE * 100, DONG));
        addVersion(plan);
        buy(plan);
        seen.sold = 1;
        assertEq(abi.encode(listings.plan(plan)), abi.encode(seen));
        assertEq(token.balanceOf(address(exchange)), PRICE);
    }

    function test_threat_C03_SellerCannotChangeTheContentUnderAPurchase() external {
        bytes32 root = listings.version(plan.listing(), 1).root;
        addVersion(plan);
        LicenceId id = buy(plan);
        Entitlement memory e = licences.entitlement(id, buyer);
        assertEq(e.version, 1);
        assertEq(e.root, root);
    }

    function test_threat_C03_SellerWhoClosesThePlanFirstTakesNothing() external {
        closePlan(plan);
        addPlan(plan.listing(), priced(PRICE * 100, DONG));
        uint256 before = token.balanceOf(buyer);
        refused(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, plan));
        assertEq(token.balanceOf(buyer), before);
    }

    function test_threat_C04_RatesSetBeforeAPurchaseDoNotChangeWhatTheBuyerPays() external {
        setTerms(1000, 2000);
        uint256 before = token.balanceOf(buyer);
        LicenceId id = buy(plan);
        assertEq(before - token.balanceOf(buyer), PRICE);
        assertEq(licences.licence(id).feeBps, 1000);
        assertEq(licences.licence(id).taxBps, 2000);
    }

    function test_threat_C04_WindowsOfAPurchaseStay() external {
        LicenceId id = buy(plan);
        vm.prank(governor);
        exchange.setTerms(FEE, TAX, 1 hours, 1 hours);
        assertEq(licences.licence(id).deadline, block.timestamp + CONFIRM);
        skip(1 hours);
        reverts(
            abi.encodeWithSelector(
                IExchange.Exchange_TooEarly.selector, id, uint40(block.timestamp - 1 hours + CONFIRM)
            )
        );
        exchange.release(id);
    }

    function test_threat_C09_NobodySpendsAnothersAllowance() external {
        uint256 before = token.balanceOf(buyer);
        address thief = makeAddr("thief");
        accredit(thief, BUYER);
        reverts(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(exchange), uint256(0), PRICE
            )
        );
        vm.prank(thief);
        exchange.buy(plan, 1, 0);
        assertEq(token.balanceOf(buyer), before);
    }

    function test_threat_C13_SuspensionBitesOnTheSameBlock() external {
        buy(plan);
        suspend(buyer);
        reverts(ineligible(buyer, BUYER, Standing.Suspended));
        vm.prank(buyer);
        exchange.buy(plan, 1, 1);
    }

    function test_threat_C15_Buy_RevertWhen_TimeDoesNotFitAnyMore() external {
        vm.warp(uint256(type(uint40).max) - 10);
        readmit();
        plan = listed(monthly());
        vm.expectRevert(panic(0x11)); // fails closed long after the year 36 000
        vm.prank(buyer);
        exchange.buy(plan, 1, 0);
    }

    function test_threat_C19_DonationsDoNotPayForAnything() external {
        vm.prank(second);
        assertTrue(token.transfer(address(exchange), 5 * PRICE));
        vm.prank(buyer);
        token.approve(address(exchange), 0);
        refused(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(exchange), uint256(0), PRICE
            )
        );
    }

    function refused(bytes4 why) private {
        refused(abi.encodeWithSelector(why));
    }

    function refused(bytes memory why) private {
        uint32 held = uint32(licences.balanceOf(buyer));
        reverts(why);
        vm.prank(buyer);
        exchange.buy(plan, 1, held);
    }
}
