// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { CommonBase } from "forge-std/Base.sol";
import { StdAssertions } from "forge-std/StdAssertions.sol";
import { StdInvariant } from "forge-std/StdInvariant.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { IJournal } from "contracts/interfaces/IJournal.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { LicenceId, licenceId, PlanId } from "contracts/types/Ids.sol";
import { Licence, LicenceStatus, OrderStatus } from "contracts/types/Licence.sol";
import { MARKET_ROLES } from "contracts/types/Participant.sol";
import { Currency, Plan } from "contracts/types/Plan.sol";
import { Exchange, Licences, Listings, Participants } from "../Deployed.sol";
import { Market } from "./Market.sol";
import { Witness } from "./Witness.sol";

/// @notice What holds of every market, whatever happened in it. What each single act may change, {Witness} checks.
contract InvariantsTest is CommonBase, StdAssertions, StdInvariant {
    bool public constant IS_TEST = true;

    Market private market;

    function setUp() public {
        market = new Market();
        market.setUp();
        targetContract(address(market));
        targetSelector(FuzzSelector(address(market), market.acts()));
    }

    /// @dev After a random history comes every act once: nothing below holds only because something never happened.
    function afterInvariant() public {
        market.complete();
        invariant_R19_R20_R26_market();
        for (uint256 i; i <= uint256(type(Witness.Act).max); ++i) {
            assertGt(market.counts(Witness.Act(i)), 0, "an act never happened");
        }
    }

    /// @dev One campaign for all: each of them looks at every step of the same histories.
    function invariant_R19_R20_R26_market() public view {
        _moneyReconciles();
        _salesStayWithinCaps();
        _licencesHaveOrders();
        _journalsAreComplete();
        _rolesStayApart();
    }

    /// @dev All that was paid is allocated or in escrow, to the last đồng; all that is owed is there.
    function _moneyReconciles() private view {
        Exchange exchange = market.exchange_();
        for (uint8 i; i < exchange.currencies(); ++i) {
            Currency currency = Currency.wrap(i);
            (uint256 held, uint256 atBanks) = _escrow(currency);
            assertEq(market.paid(currency, false), _allocated(currency, false) + held, "paid by token");
            assertEq(market.paid(currency, true), _allocated(currency, true) + atBanks, "paid by bank");
            uint256 owed;
            address[] memory payees = market.payees();
            for (uint256 j; j < payees.length; ++j) {
                uint256 due = exchange.owed(currency, payees[j]);
                assertEq(due, market.credited(currency, payees[j]), "owed = allocated - withdrawn");
                owed += due;
            }
            address token = exchange.money(currency).token;
            if (token == address(0)) continue;
            uint256 balance = IERC20(token).balanceOf(address(exchange));
            assertGe(balance, owed + held, "liabilities exceed the balance");
            assertEq(balance, owed + held + market.donated(currency), "money of nobody");
        }
    }

    function _salesStayWithinCaps() private view {
        for (uint256 i; i < market.planCount(); ++i) {
            PlanId id = market.plans(i);
            Plan memory p = market.listings_().plan(id);
            assertLe(p.sold, p.cap, "sold beyond the cap");
            assertEq(p.sold, market.soldOf(id), "sold without purchase");
        }
    }

    /// @dev Every licence was bought and has an order; the next one of each plan does not exist yet.
    function _licencesHaveOrders() private view {
        Licences licences = market.licences_();
        uint256 held;
        for (uint256 i; i < market.soldCount(); ++i) {
            LicenceId id = market.sold(i);
            Licence memory l = licences.licence(id);
            assertTrue(l.order != OrderStatus.None && l.status != LicenceStatus.None, "licence without order");
            assertTrue(licences.holderOf(id) != address(0), "licence without holder");
        }
        address[] memory payees = market.payees();
        for (uint256 i; i < payees.length; ++i) {
            held += licences.balanceOf(payees[i]);
        }
        assertEq(held, market.soldCount(), "licences held that were never sold");
        for (uint256 i; i < market.planCount(); ++i) {
            LicenceId next = licenceId(market.plans(i), uint32(market.soldOf(market.plans(i)) + 1));
            try licences.licence(next) {
                assertTrue(false, "licence before its purchase");
            } catch (bytes memory error_) {
                assertEq(error_, abi.encodeWithSelector(ILicences.Licences_Unknown.selector, next));
            }
        }
    }

    function _journalsAreComplete() private view {
        for (uint256 i; i < 6; ++i) {
            address emitter = market.journalled(i);
            bytes32 head = IJournal(emitter).journalHead();
            assertEq(head, market.heads(emitter), "the journal does not fold to its head");
        }
    }

    function _rolesStayApart() private view {
        Participants participants = market.participants_();
        address[] memory accounts = market.accounts();
        for (uint256 i; i < accounts.length; ++i) {
            uint16 roles = participants.participant(accounts[i]).roles;
            bool oversight = roles & ~MARKET_ROLES != 0;
            assertFalse(oversight && roles & MARKET_ROLES != 0, "market and oversight in one hand");
            assertFalse(oversight && roles & (roles - 1) != 0, "two offices in one hand");
        }
    }

    function _escrow(Currency currency) private view returns (uint256 held, uint256 atBanks) {
        Listings listings = market.listings_();
        for (uint256 i; i < market.soldCount(); ++i) {
            LicenceId id = market.sold(i);
            Licence memory l = market.licences_().licence(id);
            Plan memory p = listings.plan(id.plan());
            bool pending = l.order == OrderStatus.Open || l.order == OrderStatus.Disputed;
            if (!pending || Currency.unwrap(p.currency) != Currency.unwrap(currency)) continue;
            if (l.byBank) atBanks += p.price;
            else held += p.price;
        }
    }

    function _allocated(Currency currency, bool byBank) private view returns (uint256 sum) {
        for (uint256 i; i <= uint256(type(IExchange.Part).max); ++i) {
            sum += market.allocated(currency, byBank, IExchange.Part(i));
        }
    }
}
