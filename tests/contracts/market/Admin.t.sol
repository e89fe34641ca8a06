// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IAccessManaged } from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import { IAccessManager } from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import { AccessManager } from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import { Exchange } from "../Deployed.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Currency } from "contracts/types/Plan.sol";
import { QuirkyToken } from "../mocks/market/Tokens.sol";
import { Market } from "./Market.sol";

contract AdminTest is Market {
    // Construction

    function test_Constructor() external {
        IExchange.Terms memory t = exchange.terms();
        assertEq(t.feeBps, FEE);
        assertEq(t.taxBps, TAX);
        assertEq(t.confirmWindow, CONFIRM);
        assertEq(t.arbitrationWindow, ARBITRATION);
        assertFalse(t.halted);
        assertEq(exchange.treasury(), treasury);
        assertEq(exchange.taxAuthority(), taxAuthority);
        assertEq(exchange.currencies(), 2);
        assertEq(exchange.money(BANK).token, address(0));
        assertFalse(exchange.money(BANK).active);
        assertEq(exchange.money(DONG).token, address(token));
        assertTrue(exchange.money(DONG).active);
        assertEq(address(exchange.PARTICIPANTS()), address(participants));
        assertEq(address(exchange.LISTINGS()), address(listings));
        assertEq(address(exchange.LICENCES()), address(licences));
        checkJournals();
    }

    function test_Constructor_NeverStartsHaltedAndChecksAsTheSettersDo() external {
        IExchange.Terms memory t = exchange.terms();
        t.halted = true;
        assertFalse(deploy(t, treasury, taxAuthority).terms().halted);
        t.feeBps = 1001;
        reverts(IExchange.Exchange_InvalidTerms.selector);
        deploy(t, treasury, taxAuthority);
        t.feeBps = 1000;
        reverts(IExchange.Exchange_InvalidRecipient.selector);
        deploy(t, address(0), taxAuthority);
        reverts(IExchange.Exchange_InvalidRecipient.selector);
        deploy(t, treasury, address(0));
    }

    // setTerms

    function test_threat_C04_SetTerms_RevertWhen_FeeAboveTheCap() external {
        termsRefused(1001, 0, 1 hours, 1 hours);
        termsRefused(type(uint16).max, 0, 1 hours, 1 hours);
    }

    function test_threat_C04_SetTerms_RevertWhen_TaxAboveTheCap() external {
        termsRefused(0, 2001, 1 hours, 1 hours);
        termsRefused(0, type(uint16).max, 1 hours, 1 hours);
    }

    function test_threat_C04_SetTerms_RevertWhen_AWindowIsOutOfBounds() external {
        termsRefused(0, 0, 1 hours - 1, 1 hours);
        termsRefused(0, 0, 90 days + 1, 1 hours);
        termsRefused(0, 0, 1 hours, 1 hours - 1);
        termsRefused(0, 0, 1 hours, 90 days + 1);
        termsRefused(0, 0, type(uint32).max, type(uint32).max);
    }

    function testFuzz_threat_C04_SetTerms_WithinTheCaps(uint16 fee, uint16 tax, uint32 confirmW, uint32 arbW)
        external
    {
        fee = uint16(bound(fee, 0, 1000));
        tax = uint16(bound(tax, 0, 2000));
        confirmW = uint32(bound(confirmW, 1 hours, 90 days));
        arbW = uint32(bound(arbW, 1 hours, 90 days));
        vm.expectEmit(address(exchange));
        emit IExchange.TermsSet(fee, tax, confirmW, arbW);
        vm.prank(governor);
        exchange.setTerms(fee, tax, confirmW, arbW);
        IExchange.Terms memory t = exchange.terms();
        assertEq(abi.encode(t), abi.encode(IExchange.Terms(fee, tax, confirmW, arbW, false)));
        checkJournals();
    }

    function test_threat_C21_SetTerms_DoesNotLiftAHalt() external {
        haltMarket();
        setTerms(0, 0);
        assertTrue(exchange.terms().halted);
    }

    /// @dev Unlike the rates, the arbitration window is that of the day of the dispute, as the interface says; it is bounded.
    function test_threat_C04_ArbitrationWindowIsThatOfTheDispute() external {
        LicenceId before = buy(listed());
        LicenceId afterwards = buy(before.plan());
        dispute(before);
        vm.prank(governor);
        exchange.setTerms(FEE, TAX, CONFIRM, 1 hours);
        dispute(afterwards);
        assertEq(licences.licence(before).deadline, block.timestamp + ARBITRATION);
        assertEq(licences.licence(afterwards).deadline, block.timestamp + 1 hours);
    }

    // setRecipients

    function test_SetRecipients_RevertWhen_Nobody() external {
        vm.startPrank(governor);
        reverts(IExchange.Exchange_InvalidRecipient.selector);
        exchange.setRecipients(address(0), taxAuthority);
        reverts(IExchange.Exchange_InvalidRecipient.selector);
        exchange.setRecipients(treasury, address(0));
    }

    function test_threat_C21_SetRecipients_RevertWhen_MoneyWouldBeLocked() external {
        vm.startPrank(governor);
        reverts(IExchange.Exchange_InvalidRecipient.selector);
        exchange.setRecipients(address(exchange), taxAuthority);
        reverts(IExchange.Exchange_InvalidRecipient.selector);
        exchange.setRecipients(treasury, address(exchange));
    }

    function test_SetRecipients() external {
        vm.expectEmit(address(exchange));
        emit IExchange.RecipientsSet(second, buyer);
        vm.prank(governor);
        exchange.setRecipients(second, buyer);
        assertEq(exchange.treasury(), second);
        assertEq(exchange.taxAuthority(), buyer);
        checkJournals();
    }

    function test_SetRecipients_WhatIsOwedStaysWithTheFormerOnes() external {
        confirm(buy(listed()));
        vm.prank(governor);
        exchange.setRecipients(second, second);
        assertEq(withdraw(treasury), FEE_PART);
        assertEq(withdraw(taxAuthority), TAX_PART);
    }

    // Currencies

    function test_threat_C05_AddCurrency_RevertWhen_NoCode() external {
        vm.startPrank(governor);
        reverts(abi.encodeWithSelector(IExchange.Exchange_InvalidToken.selector, outsider));
        exchange.addCurrency(outsider);
        reverts(abi.encodeWithSelector(IExchange.Exchange_InvalidToken.selector, address(0)));
        exchange.addCurrency(address(0));
    }

    function test_AddCurrency_RevertWhen_ListedBefore() external {
        vm.prank(governor);
        reverts(abi.encodeWithSelector(IExchange.Exchange_InvalidToken.selector, address(token)));
        exchange.addCurrency(address(token));
    }

    function test_AddCurrency() external {
        QuirkyToken other = new QuirkyToken();
        vm.expectEmit(address(exchange));
        emit IExchange.CurrencyAdded(Currency.wrap(2), address(other));
        vm.prank(governor);
        Currency added = exchange.addCurrency(address(other));
        assertEq(Currency.unwrap(added), 2);
        assertEq(exchange.currencies(), 3);
        assertEq(exchange.money(added).token, address(other));
        assertTrue(exchange.money(added).active);
        checkJournals();
    }

    function test_threat_C15_AddCurrency_RevertWhen_TheListIsFull() external {
        vm.startPrank(governor);
        for (uint160 i = exchange.currencies(); i < 255; ++i) {
            vm.etch(address(0xc0de + i), hex"00");
            exchange.addCurrency(address(0xc0de + i));
        }
        vm.etch(address(0xc0de), hex"00");
        reverts(panic(0x11));
        exchange.addCurrency(address(0xc0de));
        assertEq(exchange.currencies(), 255);
    }

    function testFuzz_ActivateCurrency_RevertWhen_Unknown(uint8 currency) external {
        vm.assume(currency != 1);
        reverts(abi.encodeWithSelector(IExchange.Exchange_UnknownCurrency.selector, Currency.wrap(currency)));
        vm.prank(governor);
        exchange.activateCurrency(Currency.wrap(currency), true);
    }

    function test_ActivateCurrency() external {
        vm.expectEmit(address(exchange));
        emit IExchange.CurrencyActivated(DONG, false);
        vm.prank(governor);
        exchange.activateCurrency(DONG, false);
        assertFalse(exchange.money(DONG).active);
        vm.expectEmit(address(exchange));
        emit IExchange.CurrencyActivated(DONG, true);
        vm.prank(governor);
        exchange.activateCurrency(DONG, true);
        buy(listed());
        checkJournals();
    }

    // halt, resume

    function test_R19_Halt_RevertWhen_NoReason() external {
        reverts(IExchange.Exchange_NoReason.selector);
        vm.prank(guardian);
        exchange.halt(0);
    }

    function test_threat_C21_HaltAndResume() external {
        PlanId plan = listed();
        vm.expectEmit(address(exchange));
        emit IExchange.Halted(guardian, REASON);
        haltMarket();
        assertTrue(exchange.terms().halted);
        reverts(IExchange.Exchange_IsHalted.selector);
        vm.prank(buyer);
        exchange.buy(plan, 1, 0);
        vm.expectEmit(address(exchange));
        emit IExchange.Resumed(governor);
        vm.prank(governor);
        exchange.resume();
        buy(plan);
        checkJournals();
    }

    // Who may

    /// @dev Every administrative function, tried by everybody who is not meant to call it: the deployer and administrator of
    /// the authority, who is this test, included.
    function test_R20_threat_C21_EveryAdminFunctionIsRefusedToEverybodyElse() external {
        address[9] memory everybody =
            [address(this), operator, guardian, governor, seller, buyer, supervisor, arbiter, outsider];
        bytes[] memory calls = adminCalls();
        for (uint256 i; i < calls.length; ++i) {
            address allowed = bytes4(calls[i]) == IExchange.halt.selector ? guardian : governor;
            for (uint256 j; j < everybody.length; ++j) {
                if (everybody[j] == allowed) continue;
                vm.prank(everybody[j]);
                (bool ok, bytes memory result) = address(exchange).call(calls[i]);
                assertFalse(ok);
                assertEq(
                    result,
                    abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, everybody[j])
                );
            }
        }
    }

    function testFuzz_threat_C21_AdminFunctionsAreRefusedToAnybody(address anybody, uint8 which) external {
        vm.assume(anybody != governor && anybody != guardian);
        bytes[] memory calls = adminCalls();
        vm.prank(anybody);
        (bool ok,) = address(exchange).call(calls[which % calls.length]);
        assertFalse(ok);
    }

    function test_threat_C21_AnUngrantedSelectorBelongsToTheAdminAlone() external {
        // An exchange under a fresh authority, in which nothing is granted yet
        AccessManager fresh = new AccessManager(governor);
        Exchange bare = Exchange(
            deploy(
                "Exchange",
                abi.encode(
                    address(fresh), participants, listings, licences, exchange.terms(), treasury, taxAuthority
                )
            )
        );
        reverts(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(this)));
        bare.halt(REASON); // deployed by this test, which keeps no right
        reverts(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, guardian));
        vm.prank(guardian);
        bare.halt(REASON);
        vm.prank(governor);
        bare.halt(REASON);
    }

    function test_threat_C21_TheAdminWhoRenouncesKeepsNothing() external {
        authority.renounceRole(authority.ADMIN_ROLE(), address(this));
        reverts(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerUnauthorizedAccount.selector, address(this), uint64(0)
            )
        );
        authority.grantRole(GOVERNOR_ROLE, address(this), 0);
        reverts(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerUnauthorizedAccount.selector, address(this), uint64(0)
            )
        );
        authority.updateAuthority(address(exchange), address(this));
        reverts(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(this)));
        exchange.setAuthority(address(this));
    }

    function test_threat_C21_SetAuthority_OnlyThroughTheAuthorityAndOnTheRecord() external {
        address[3] memory others = [governor, guardian, address(this)];
        for (uint256 i; i < others.length; ++i) {
            reverts(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, others[i]));
            vm.prank(others[i]);
            exchange.setAuthority(address(token));
        }
        AccessManager next = new AccessManager(governor);
        vm.expectEmit(address(exchange));
        emit IAccessManaged.AuthorityUpdated(address(next));
        authority.updateAuthority(address(exchange), address(next));
        assertEq(exchange.authority(), address(next));
        checkJournals();
    }

    /// @dev The governor under a delay of two days: no way round it.
    function test_R20_threat_C21_ADelayCannotBeBypassed() external {
        address council = makeAddr("council");
        authority.grantRole(GOVERNOR_ROLE, council, 2 days);
        bytes memory call = abi.encodeCall(exchange.setTerms, (0, 0, CONFIRM, ARBITRATION));
        bytes32 operation = authority.hashOperation(council, address(exchange), call);
        bytes memory notScheduled =
            abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, operation);
        vm.startPrank(council);

        reverts(notScheduled); // directly
        exchange.setTerms(0, 0, CONFIRM, ARBITRATION);
        reverts(notScheduled); // through the manager
        authority.execute(address(exchange), call);
        uint48 now_ = uint48(block.timestamp);
        reverts( // scheduled for tomorrow
            abi.encodeWithSelector(
                IAccessManager.AccessManagerUnauthorizedCall.selector,
                council,
                address(exchange),
                IExchange.setTerms.selector
            )
        );
        authority.schedule(address(exchange), call, now_ + 1 days);
        authority.schedule(address(exchange), call, 0);
        skip(2 days - 1);
        bytes memory notReady =
            abi.encodeWithSelector(IAccessManager.AccessManagerNotReady.selector, operation);
        reverts(notReady); // a second early
        exchange.setTerms(0, 0, CONFIRM, ARBITRATION);
        reverts(notReady);
        authority.execute(address(exchange), call);

        skip(1);
        reverts( // other arguments than those announced
            abi.encodeWithSelector(
                IAccessManager.AccessManagerNotScheduled.selector,
                authority.hashOperation(
                    council,
                    address(exchange),
                    abi.encodeCall(exchange.setTerms, (1000, 2000, CONFIRM, ARBITRATION))
                )
            )
        );
        exchange.setTerms(1000, 2000, CONFIRM, ARBITRATION);
        exchange.setTerms(0, 0, CONFIRM, ARBITRATION);
        assertEq(exchange.terms().feeBps, 0);
        reverts(notScheduled); // once
        exchange.setTerms(0, 0, CONFIRM, ARBITRATION);
        vm.stopPrank();
    }

    function test_R20_threat_C21_ADelayedCallCanBeCancelledByItsGuardian() external {
        address council = makeAddr("council");
        authority.grantRole(GOVERNOR_ROLE, council, 2 days);
        authority.setRoleGuardian(GOVERNOR_ROLE, GUARDIAN_ROLE);
        bytes memory call = abi.encodeCall(exchange.setRecipients, (council, council));
        vm.prank(council);
        authority.schedule(address(exchange), call, 0);
        vm.prank(guardian);
        authority.cancel(council, address(exchange), call);
        skip(2 days);
        reverts(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerNotScheduled.selector,
                authority.hashOperation(council, address(exchange), call)
            )
        );
        vm.prank(council);
        exchange.setRecipients(council, council);
    }

    /// @dev No role of any kind takes money that is somebody's: whoever calls what, only the owed withdraw.
    function test_threat_C21_NoAdminTakesEscrowOrWhatIsOwed() external {
        PlanId plan = listed();
        confirm(buy(plan));
        buy(plan); // still open
        address[6] memory powers = [address(this), operator, governor, guardian, arbiter, supervisor];
        for (uint256 i; i < powers.length; ++i) {
            reverts(abi.encodeWithSelector(IExchange.Exchange_NothingOwed.selector, powers[i], DONG));
            withdraw(powers[i]);
        }
        assertEq(token.balanceOf(address(exchange)), 2 * uint256(PRICE));
    }

    function adminCalls() private view returns (bytes[] memory calls) {
        calls = new bytes[](6);
        calls[0] = abi.encodeCall(exchange.setTerms, (0, 0, CONFIRM, ARBITRATION));
        calls[1] = abi.encodeCall(exchange.setRecipients, (outsider, outsider));
        calls[2] = abi.encodeCall(exchange.addCurrency, (address(pack)));
        calls[3] = abi.encodeCall(exchange.activateCurrency, (DONG, false));
        calls[4] = abi.encodeCall(exchange.halt, (REASON));
        calls[5] = abi.encodeCall(exchange.resume, ());
    }

    function deploy(IExchange.Terms memory t, address treasury_, address taxAuthority_)
        private
        returns (Exchange)
    {
        return Exchange(
            deploy(
                "Exchange",
                abi.encode(address(authority), participants, listings, licences, t, treasury_, taxAuthority_)
            )
        );
    }

    function termsRefused(uint16 fee, uint16 tax, uint32 confirmW, uint32 arbW) private {
        reverts(IExchange.Exchange_InvalidTerms.selector);
        vm.prank(governor);
        exchange.setTerms(fee, tax, confirmW, arbW);
    }
}
