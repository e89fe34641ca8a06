// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Vm } from "forge-std/Vm.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Licence, LicenceStatus, OrderStatus } from "contracts/types/Licence.sol";
import { Version } from "contracts/types/Listing.sol";
import { Currency, Plan, PlanStatus } from "contracts/types/Plan.sol";
import { Base } from "../Base.t.sol";
import { Exchange, Licences, Listings, Participants } from "../Deployed.sol";

/// @notice Looks at the market after every single act: folds and adds up what was emitted, and holds what has changed against
/// what that act may change.
abstract contract Witness is Base {
    /// @dev Those up to `CountUses` may change licences.
    enum Act {
        Buy,
        BuyWithPermit,
        BuyWithBank,
        BuyFree,
        Renew,
        RenewWithBank,
        Confirm,
        Release,
        Dispute,
        Resolve,
        Refund,
        Lapse,
        Revoke,
        ReinstateLicence,
        Transfer,
        Upgrade,
        CountUses,
        Meddle,
        Withdraw,
        Suspend,
        Reinstate,
        AddVersion,
        Attest,
        AddPlan,
        ClosePlan,
        Derive,
        Freeze,
        Unfreeze,
        Reclassify,
        ApproveTransfer,
        TransferListing,
        Admit,
        Govern,
        Anchor,
        Donate,
        MixRoles
    }

    mapping(Act => uint256) public counts;

    // What was emitted

    mapping(address emitter => bytes32) public heads;
    address[] public journalled;
    mapping(Currency => mapping(bool byBank => uint256)) public paid;
    mapping(Currency => mapping(bool byBank => mapping(IExchange.Part => uint256))) public allocated;
    mapping(Currency => mapping(address => uint256)) public credited;
    mapping(Currency => uint256) public donated;
    LicenceId[] public sold;
    mapping(PlanId => uint256) public soldOf;

    // What was seen last

    PlanId[] public plans;
    address[] internal _payees;
    mapping(LicenceId => Licence) private _seen;
    mapping(LicenceId => address) private _holders;
    mapping(PlanId => bytes32) private _terms;
    mapping(PlanId => PlanStatus) private _planStatus;
    mapping(uint48 => mapping(uint24 => bytes32)) private _versions;

    /// @dev From the deployment on: all that the fixture has emitted is on record.
    function setUp() public virtual override {
        vm.recordLogs();
        super.setUp();
    }

    function witness() internal {
        journalled = [
            address(participants),
            address(listings),
            address(reviews),
            address(licences),
            address(exchange),
            address(logAnchor)
        ];
        read();
    }

    /// @dev What an act cannot change is looked at after the next one that can: `Meddle` looks at all of it.
    function done(Act a) internal {
        ++counts[a];
        read();
        for (uint256 i; a <= Act.Meddle && i < sold.length; ++i) {
            _compare(sold[i], a);
        }
        for (uint256 i; a > Act.CountUses && i < plans.length; ++i) {
            _comparePlan(plans[i], a);
        }
    }

    // What the invariants read

    function exchange_() external view returns (Exchange) {
        return exchange;
    }

    function licences_() external view returns (Licences) {
        return licences;
    }

    function listings_() external view returns (Listings) {
        return listings;
    }

    function participants_() external view returns (Participants) {
        return participants;
    }

    function soldCount() external view returns (uint256) {
        return sold.length;
    }

    function planCount() external view returns (uint256) {
        return plans.length;
    }

    function payees() external view returns (address[] memory) {
        return _payees;
    }

    function read() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            for (uint256 j; j < journalled.length; ++j) {
                if (journalled[j] == logs[i].emitter) _fold(logs[i]);
            }
            if (logs[i].emitter == address(exchange)) _add(logs[i]);
        }
    }

    function _fold(Vm.Log memory log) private {
        bytes memory arguments;
        for (uint256 i = 1; i < log.topics.length; ++i) {
            arguments = abi.encodePacked(arguments, log.topics[i]);
        }
        arguments = abi.encodePacked(arguments, log.data);
        bytes32 head = heads[log.emitter];
        heads[log.emitter] = keccak256(abi.encode(head, log.topics[0], keccak256(arguments)));
    }

    function _add(Vm.Log memory log) private {
        bytes32 topic = log.topics[0];
        if (topic == IExchange.Purchased.selector) {
            LicenceId id = LicenceId.wrap(uint96(uint256(log.topics[1])));
            sold.push(id);
            ++soldOf[id.plan()];
            (,, uint96 price) = abi.decode(log.data, (uint24, uint24, uint96));
            paid[listings.plan(id.plan()).currency][false] += price;
        } else if (topic == IExchange.Renewed.selector) {
            LicenceId id = LicenceId.wrap(uint96(uint256(log.topics[1])));
            (,, uint96 price) = abi.decode(log.data, (uint24, uint24, uint96));
            paid[listings.plan(id.plan()).currency][false] += price;
        } else if (topic == IExchange.PaymentUsed.selector) {
            (Currency currency, uint96 amount) = abi.decode(log.data, (Currency, uint96));
            paid[currency][false] -= amount;
            paid[currency][true] += amount;
        } else if (topic == IExchange.Allocated.selector) {
            (IExchange.Part part, Currency currency, uint256 amount, bool byBank) =
                abi.decode(log.data, (IExchange.Part, Currency, uint256, bool));
            allocated[currency][byBank][part] += amount;
            if (!byBank) credited[currency][address(uint160(uint256(log.topics[2])))] += amount;
        } else if (topic == IExchange.Withdrawn.selector) {
            Currency currency = Currency.wrap(uint8(uint256(log.topics[2])));
            credited[currency][address(uint160(uint256(log.topics[1])))] -= abi.decode(log.data, (uint256));
        }
    }

    /// @dev What a licence is may change only by the acts that say so.
    function _compare(LicenceId id, Act a) private {
        Licence memory was = _seen[id];
        Licence memory now_ = licences.licence(id);
        address holder = licences.holderOf(id);
        if (was.status == LicenceStatus.None) {
            assertTrue(a <= Act.BuyFree, "a licence appears by a purchase");
            assertEq(uint8(now_.status), uint8(LicenceStatus.Active), "a licence begins active");
            bool free = listings.plan(id.plan()).price == 0;
            assertTrue(
                now_.order == (free ? OrderStatus.Settled : OrderStatus.Open), "an order begins open, or free"
            );
        } else {
            bool renewal = a == Act.Renew || a == Act.RenewWithBank;
            assertTrue(now_.issuedAt == was.issuedAt, "issuedAt never changes");
            assertTrue(now_.feeBps == was.feeBps && now_.taxBps == was.taxBps, "rates never change");
            assertTrue(now_.byBank == was.byBank || renewal, "byBank changes by renewal");
            assertTrue(now_.expiresAt == was.expiresAt || renewal, "expiry changes by renewal");
            assertGe(now_.expiresAt, was.expiresAt, "expiry never comes nearer");
            assertTrue(now_.used == was.used || renewal || a == Act.CountUses, "uses are counted");
            assertTrue(
                now_.version == was.version || renewal || a == Act.Upgrade, "version changes by the holder"
            );
            assertGe(now_.version, was.version, "version never goes back");
            assertTrue(now_.pack == was.pack || renewal || a == Act.Upgrade, "pack of the latest decision");
            assertTrue(_mayMove(was.status, now_.status, a), "transition of a licence");
            assertTrue(_mayMove(was.order, now_.order, a), "transition of an order");
            assertTrue(
                now_.deadline == was.deadline || now_.order != was.order, "deadline moves with the order"
            );
            assertTrue(holder == _holders[id] || a == Act.Transfer, "a licence moves by transfer");
        }
        assertEq(
            now_.status == LicenceStatus.Refunded,
            now_.order == OrderStatus.Refunded,
            "licence and order are refunded together"
        );
        (_seen[id], _holders[id]) = (now_, holder);
    }

    function _mayMove(LicenceStatus from, LicenceStatus to, Act a) private pure returns (bool) {
        if (from == to) return true;
        if (to == LicenceStatus.Revoked) return from == LicenceStatus.Active && a == Act.Revoke;
        if (to == LicenceStatus.Active) return from == LicenceStatus.Revoked && a == Act.ReinstateLicence;
        return to == LicenceStatus.Refunded && (a == Act.Refund || a == Act.Resolve || a == Act.Lapse);
    }

    function _mayMove(OrderStatus from, OrderStatus to, Act a) private pure returns (bool) {
        if (from == to) return true;
        if (from == OrderStatus.Open) {
            return (to == OrderStatus.Disputed && a == Act.Dispute)
                || (to == OrderStatus.Settled && (a == Act.Confirm || a == Act.Release))
                || (to == OrderStatus.Refunded && a == Act.Refund);
        }
        if (from == OrderStatus.Disputed) {
            return (to == OrderStatus.Settled && a == Act.Resolve)
                || (to == OrderStatus.Refunded && (a == Act.Refund || a == Act.Resolve || a == Act.Lapse));
        }
        return false;
    }

    /// @dev What was offered, and the versions it may be bought in, stay as they were.
    function _comparePlan(PlanId id, Act a) private {
        Plan memory p = listings.plan(id);
        PlanStatus was = _planStatus[id];
        assertTrue(
            was == PlanStatus.None || p.status == was
                || (p.status == PlanStatus.Closed && a == Act.ClosePlan),
            "a plan is closed, for good"
        );
        _planStatus[id] = p.status;
        (p.sold, p.status) = (0, PlanStatus.None);
        bytes32 terms = keccak256(abi.encode(p));
        assertTrue(_terms[id] == 0 || _terms[id] == terms, "the terms of a plan never change");
        _terms[id] = terms;
        if (id.index() == 0) _compareVersions(id.listing());
    }

    function _compareVersions(uint48 id) private {
        uint24 count = listings.listing(id).versions;
        for (uint24 n = 1; n <= count; ++n) {
            Version memory v = listings.version(id, n);
            (v.attestations, v.epoch, v.withdrawn) = (0, 0, false);
            bytes32 content = keccak256(abi.encode(v));
            assertTrue(
                _versions[id][n] == 0 || _versions[id][n] == content, "the content of a version never changes"
            );
            _versions[id][n] = content;
        }
    }
}
