// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial, OrderStatus } from "contracts/types/Licence.sol";
import { BUYER, SELLER } from "contracts/types/Participant.sol";
import { Currency, PlanDraft, TRANSFERABLE } from "contracts/types/Plan.sol";
import { HookToken, QuirkyToken, Quirk, SilentToken } from "../mocks/market/Tokens.sol";
import { Wallet } from "../mocks/market/Wallet.sol";
import { Market } from "./Market.sol";

contract WithdrawTest is Market {
    PlanId internal plan;
    LicenceId internal id;
    QuirkyToken internal quirky;
    HookToken internal hook;
    Currency internal quirkyMoney;
    Currency internal hookMoney;
    Wallet internal wallet;

    function setUp() public override {
        super.setUp();
        plan = listed();
        id = buy(plan);
        quirky = new QuirkyToken();
        quirky.mint(buyer, 1e12);
        quirkyMoney = addCurrency(address(quirky));
        hook = new HookToken();
        hookMoney = addCurrency(address(hook));
        wallet = new Wallet();
        hook.mint(address(wallet), 1e12);
        accredit(address(wallet), BUYER);
        wallet.act(address(hook), abi.encodeCall(IERC20.approve, (address(exchange), type(uint256).max)));
        vm.prank(buyer);
        quirky.approve(address(exchange), type(uint256).max);
    }

    // withdraw

    function test_Withdraw_RevertWhen_NothingOwed() external {
        reverts(abi.encodeWithSelector(IExchange.Exchange_NothingOwed.selector, seller, DONG));
        withdraw(seller);
    }

    function test_Withdraw_RevertWhen_WithdrawnBefore() external {
        confirm(id);
        withdraw(seller);
        reverts(abi.encodeWithSelector(IExchange.Exchange_NothingOwed.selector, seller, DONG));
        withdraw(seller);
    }

    function testFuzz_Withdraw_RevertWhen_CurrencyUnknownOrAnother(uint8 currency) external {
        vm.assume(currency != 1);
        confirm(id);
        reverts(
            abi.encodeWithSelector(IExchange.Exchange_NothingOwed.selector, seller, Currency.wrap(currency))
        );
        vm.prank(seller);
        exchange.withdraw(Currency.wrap(currency));
    }

    function test_R26_Withdraw_PaysAllThatIsOwedAtOnce() external {
        confirm(id);
        confirm(buy(plan));
        vm.expectEmit(address(exchange));
        emit IExchange.Withdrawn(seller, DONG, 2 * uint256(SELLER_PART));
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(exchange), seller, 2 * uint256(SELLER_PART));
        assertEq(withdraw(seller), 2 * uint256(SELLER_PART));
        assertEq(token.balanceOf(seller), 2 * uint256(SELLER_PART));
        assertEq(owedTo(seller), 0);
        checkJournals();
    }

    function test_R26_Withdraw_TheLastOneEmptiesTheExchange() external {
        dispute(id);
        resolve(id, 333_333);
        withdraw(buyer);
        withdraw(seller);
        withdraw(treasury);
        withdraw(taxAuthority);
        assertEq(token.balanceOf(address(exchange)), 0);
    }

    function test_R02_threat_C13_Withdraw_WhateverTheStanding() external {
        confirm(id);
        suspend(seller);
        withdraw(seller);
        confirm(buy2());
        retire(seller);
        withdraw(seller);
        vm.warp(inOneYear());
        withdraw(treasury);
    }

    function test_threat_C21_Withdraw_WhileHaltedAndWithTheCurrencyInactive() external {
        confirm(id);
        haltMarket();
        vm.prank(governor);
        exchange.activateCurrency(DONG, false);
        withdraw(seller);
        assertEq(token.balanceOf(seller), SELLER_PART);
    }

    function test_threat_C21_Withdraw_WhileTheAuthorityHasClosedTheExchange() external {
        confirm(id);
        authority.setTargetClosed(address(exchange), true);
        withdraw(seller);
        assertEq(token.balanceOf(seller), SELLER_PART);
    }

    // Tokens that misbehave

    function test_threat_C05_RevertWhen_TheTokenTakesAFee() external {
        quirky.setQuirk(Quirk.TakesFee);
        buyRefused(
            abi.encodeWithSelector(
                IExchange.Exchange_WrongAmountReceived.selector, uint256(PRICE) - 1, uint256(PRICE)
            )
        );
    }

    function test_threat_C05_RevertWhen_TheTokenGivesMore() external {
        quirky.setQuirk(Quirk.GivesBonus);
        buyRefused(
            abi.encodeWithSelector(
                IExchange.Exchange_WrongAmountReceived.selector, uint256(PRICE) + 1, uint256(PRICE)
            )
        );
    }

    function test_threat_C05_RevertWhen_TheTokenDrainsTheExchange() external {
        PlanId plan2 = listed(priced(PRICE, quirkyMoney));
        buy(plan2);
        quirky.setQuirk(Quirk.DrainsReceiver);
        reverts(panic(0x11));
        vm.prank(buyer);
        exchange.buy(plan2, 1, 2);
        assertEq(quirky.balanceOf(address(exchange)), PRICE);
    }

    function test_threat_C05_RevertWhen_TheTokenReturnsFalse() external {
        quirky.setQuirk(Quirk.ReturnsFalse);
        buyRefused(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(quirky)));
    }

    function test_threat_C05_Withdraw_RevertWhen_TheTokenReturnsFalse() external {
        confirm(buy(listed(priced(PRICE, quirkyMoney))));
        quirky.setQuirk(Quirk.ReturnsFalse);
        reverts(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(quirky)));
        vm.prank(seller);
        exchange.withdraw(quirkyMoney);
        assertEq(exchange.owed(quirkyMoney, seller), SELLER_PART, "still owed");
        quirky.setQuirk(Quirk.None);
        vm.prank(seller);
        assertEq(exchange.withdraw(quirkyMoney), SELLER_PART);
    }

    function test_threat_C05_ATokenThatReturnsNothingWorks() external {
        SilentToken silent = new SilentToken();
        Currency money = addCurrency(address(silent));
        silent.mint(buyer, PRICE);
        vm.prank(buyer);
        silent.approve(address(exchange), PRICE);
        confirm(buy(listed(priced(PRICE, money))));
        vm.prank(seller);
        assertEq(exchange.withdraw(money), SELLER_PART);
        assertEq(silent.balanceOf(seller), SELLER_PART);
    }

    function test_threat_C05_RevertWhen_TheTokenHasLostItsCode() external {
        PlanId plan2 = listed(priced(PRICE, quirkyMoney));
        vm.etch(address(quirky), "");
        vm.expectRevert(bytes(""));
        vm.prank(buyer);
        exchange.buy(plan2, 1, 1);
    }

    function test_threat_C05_ARebaseHurtsItsOwnCurrencyOnly() external {
        confirm(id);
        confirm(buy(listed(priced(PRICE, quirkyMoney))));
        quirky.rebase(address(exchange), PRICE / 2);
        reverts(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector,
                address(exchange),
                PRICE - PRICE / 2,
                SELLER_PART
            )
        );
        vm.prank(seller);
        exchange.withdraw(quirkyMoney);
        withdraw(seller);
        assertEq(token.balanceOf(seller), SELLER_PART);
    }

    function test_threat_C06_ABlockedPayeeDoesNotBlockTheOthers() external {
        LicenceId sold = buy(listed(priced(PRICE, quirkyMoney)));
        quirky.setBlocked(treasury);
        confirm(sold);
        reverts(abi.encodeWithSelector(QuirkyToken.Quirky_Blocked.selector, treasury));
        vm.prank(treasury);
        exchange.withdraw(quirkyMoney);
        vm.prank(seller);
        exchange.withdraw(quirkyMoney);
        vm.prank(taxAuthority);
        exchange.withdraw(quirkyMoney);
        assertEq(quirky.balanceOf(seller), SELLER_PART);
        assertEq(exchange.owed(quirkyMoney, treasury), FEE_PART, "still owed");
    }

    function test_threat_C06_ABlockedBuyerCanBeRefundedOnTheBooks() external {
        LicenceId sold = buy(listed(priced(PRICE, quirkyMoney)));
        quirky.setBlocked(buyer);
        refund(sold);
        assertEq(exchange.owed(quirkyMoney, buyer), PRICE);
        quirky.setBlocked(address(0));
        vm.prank(buyer);
        exchange.withdraw(quirkyMoney);
    }

    function testFuzz_threat_C19_DonationsLeaveLiabilitiesAlone(uint96 donation) external {
        fund(outsider, donation);
        vm.prank(outsider);
        assertTrue(token.transfer(address(exchange), donation));
        confirm(id);
        assertSplit();
        withdraw(seller);
        withdraw(treasury);
        withdraw(taxAuthority);
        assertEq(token.balanceOf(address(exchange)), donation);
        confirm(buy(plan)); // and the next purchase still counts what it receives
        assertEq(owedTo(seller), SELLER_PART);
    }

    // Re-entry

    function test_threat_C01_Buy_ReentersNothingThatTakesOrGivesMoney() external {
        PlanId plan2 = listed(priced(PRICE, hookMoney));
        IExchange.BankPayment memory payment = bankPayment("ref", address(wallet), plan2, LicenceId.wrap(0));
        IExchange.Permit memory permit;
        wallet.plan(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 1)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.buyWithPermit, (plan2, 1, 1, permit)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.buyWithBank, (plan2, 1, 1, payment)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.renew, (first(plan2), 1, 0)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.renewWithBank, (first(plan2), 1, 0, payment)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.withdraw, (hookMoney)));

        wallet.act(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 0)));

        assertEq(wallet.outcomes(), 6);
        for (uint256 i; i < 6; ++i) {
            refusedReentry(i);
        }
        assertEq(licences.balanceOf(address(wallet)), 1);
        assertEq(hook.balanceOf(address(exchange)), PRICE);
        checkJournals();
    }

    function test_threat_C01_BuyWithPermit_ReentersNothingThatTakesOrGivesMoney() external {
        PlanId plan2 = listed(priced(PRICE, hookMoney));
        wallet.plan(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 0)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.withdraw, (hookMoney)));
        IExchange.Permit memory permit;
        wallet.act(address(exchange), abi.encodeCall(exchange.buyWithPermit, (plan2, 1, 0, permit)));
        refusedReentry(0);
        refusedReentry(1);
        assertEq(licences.balanceOf(address(wallet)), 1);
    }

    /// @dev Settling needs no guard: it moves no token. The money is on its way, and if it does not come all is undone.
    function test_threat_C01_Buy_SettlingFromTheHookOwesNoMoreThanComes() external {
        PlanId plan2 = listed(priced(PRICE, hookMoney));
        LicenceId sold = first(plan2);
        wallet.plan(address(exchange), abi.encodeCall(exchange.confirm, (sold)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.confirm, (sold)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.dispute, (sold, REASON)));
        wallet.act(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 0)));
        (bool confirmed,) = wallet.outcome(0);
        (bool again,) = wallet.outcome(1);
        (bool disputed,) = wallet.outcome(2);
        assertTrue(confirmed);
        assertFalse(again || disputed);
        assertEq(
            exchange.owed(hookMoney, seller) + exchange.owed(hookMoney, treasury)
                + exchange.owed(hookMoney, taxAuthority),
            hook.balanceOf(address(exchange))
        );
        checkJournals();
    }

    function test_threat_C01_Buy_PaymentThatFailsAfterTheHookUndoesEverything() external {
        PlanId plan2 = listed(priced(PRICE, hookMoney));
        // From the hook the wallet spends the money that it is paying with
        wallet.plan(address(exchange), abi.encodeCall(exchange.confirm, (first(plan2))));
        wallet.plan(address(hook), abi.encodeCall(IERC20.transfer, (outsider, 1e12)));
        bytes memory call = abi.encodeCall(exchange.buy, (plan2, 1, 0));
        foldLogs();
        reverts(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector, address(wallet), uint256(0), PRICE
            )
        );
        wallet.act(address(exchange), call);
        forgetLogs();
        assertEq(exchange.owed(hookMoney, seller), 0);
        assertEq(listings.plan(plan2).sold, 0);
        checkJournals();
    }

    function test_threat_C01_Renew_ReentersNothingThatTakesOrGivesMoney() external {
        PlanDraft memory draft = monthly();
        (draft.currency, draft.flags) = (hookMoney, TRANSFERABLE);
        PlanId plan2 = listed(draft);
        wallet.act(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 0)));
        LicenceId sold = first(plan2);
        wallet.act(address(exchange), abi.encodeCall(exchange.confirm, (sold)));
        uint40 end = licences.licence(sold).expiresAt;
        wallet.plan(address(exchange), abi.encodeCall(exchange.renew, (sold, 1, end + MONTH)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.withdraw, (hookMoney)));
        wallet.act(address(exchange), abi.encodeCall(exchange.renew, (sold, 1, end)));
        refusedReentry(0);
        refusedReentry(1);
        assertEq(licences.licence(sold).expiresAt, end + MONTH);
        assertEq(hook.balanceOf(address(exchange)), 2 * uint256(PRICE));
        checkJournals();
    }

    /// @dev Across contracts: the licence changes hands while its renewal is being paid. The payer pays, the new holder holds.
    function test_threat_C01_Renew_TransferFromTheHookChangesNoMoney() external {
        PlanDraft memory draft = monthly();
        (draft.currency, draft.flags) = (hookMoney, TRANSFERABLE);
        PlanId plan2 = listed(draft);
        wallet.act(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 0)));
        LicenceId sold = first(plan2);
        wallet.act(address(exchange), abi.encodeCall(exchange.confirm, (sold)));
        wallet.plan(
            address(licences),
            abi.encodeCall(licences.transferFrom, (address(wallet), second, sold.tokenId()))
        );
        uint40 end = licences.licence(sold).expiresAt;
        wallet.act(address(exchange), abi.encodeCall(exchange.renew, (sold, 1, end)));
        assertEq(licences.holderOf(sold), second);
        assertEq(hook.balanceOf(address(exchange)), 2 * uint256(PRICE));
        assertEq(hook.balanceOf(address(wallet)), 1e12 - 2 * uint256(PRICE));
        checkJournals();
    }

    function test_threat_C01_Buy_TransferFromTheHookIsRefusedWhileTheOrderIsOpen() external {
        PlanDraft memory draft = priced(PRICE, hookMoney);
        draft.flags = TRANSFERABLE;
        PlanId plan2 = listed(draft);
        wallet.plan(
            address(licences),
            abi.encodeCall(licences.transferFrom, (address(wallet), second, first(plan2).tokenId()))
        );
        wallet.act(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 0)));
        (bool ok,) = wallet.outcome(0);
        assertFalse(ok);
        assertEq(licences.holderOf(first(plan2)), address(wallet));
    }

    /// @dev The seller's side of a hook: a refund from within does not pay twice.
    function test_threat_C01_Withdraw_ReentersNothing() external {
        PlanId plan2 = listed(priced(PRICE, hookMoney));
        wallet.act(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 0)));
        refund(first(plan2));
        wallet.plan(address(exchange), abi.encodeCall(exchange.withdraw, (hookMoney)));
        wallet.plan(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 1)));
        wallet.act(address(exchange), abi.encodeCall(exchange.withdraw, (hookMoney)));
        refusedReentry(0);
        refusedReentry(1);
        assertEq(hook.balanceOf(address(wallet)), 1e12);
        assertEq(hook.balanceOf(address(exchange)), 0);
        checkJournals();
    }

    /// @dev Read-only: while a withdrawal is paid out nobody sees the money still owed.
    function test_threat_C01_Withdraw_BooksAreClearedBeforeTheMoneyLeaves() external {
        PlanId plan2 = listed(priced(PRICE, hookMoney));
        wallet.act(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 0)));
        refund(first(plan2));
        wallet.plan(address(exchange), abi.encodeCall(exchange.owed, (hookMoney, address(wallet))));
        wallet.act(address(exchange), abi.encodeCall(exchange.withdraw, (hookMoney)));
        (, bytes memory seen_) = wallet.outcome(0);
        assertEq(abi.decode(seen_, (uint256)), 0);
    }

    /// @dev Read-only: nobody else is granted anything from within a purchase.
    function test_threat_C01_Buy_EntitlementSeenFromTheHookIsTheBuyersOwn() external {
        PlanId plan2 = listed(priced(PRICE, hookMoney));
        LicenceId sold = first(plan2);
        wallet.plan(address(licences), abi.encodeCall(licences.entitlement, (sold, outsider)));
        wallet.act(address(exchange), abi.encodeCall(exchange.buy, (plan2, 1, 0)));
        (, bytes memory seen_) = wallet.outcome(0);
        (uint8 seenDenial) = abi.decode(seen_, (uint8));
        assertEq(seenDenial, uint8(Denial.NotHolder));
        assertOrder(sold, OrderStatus.Open);
    }

    function buy2() private returns (LicenceId) {
        accredit(seller, SELLER);
        vm.prank(supervisor);
        participants.reinstate(seller, REASON);
        return buy(plan);
    }

    function addCurrency(address token_) private returns (Currency) {
        vm.prank(governor);
        return exchange.addCurrency(token_);
    }

    function buyRefused(bytes memory why) private {
        PlanId plan2 = listed(priced(PRICE, quirkyMoney));
        reverts(why);
        vm.prank(buyer);
        exchange.buy(plan2, 1, 1);
        assertEq(quirky.balanceOf(address(exchange)), 0);
        assertEq(listings.plan(plan2).sold, 0);
    }

    function refusedReentry(uint256 i) private view {
        (bool ok, bytes memory result) = wallet.outcome(i);
        assertFalse(ok);
        assertEq(
            result, abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
    }
}
