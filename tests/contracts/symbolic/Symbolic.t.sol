// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Journal } from "contracts/Journal.sol";
import { BPS, Split } from "contracts/libraries/Split.sol";
import { LicenceId, licenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Licence, PackedLicence } from "contracts/types/Licence.sol";
import { Classification } from "contracts/types/Listing.sol";
import { Participant, Standing } from "contracts/types/Participant.sol";

/// @notice Proofs for all inputs, by halmos: `scripts/analyse`. Every parameter of a `check_` function is any value of its type. A
/// proof that something holds of a result is also one that nothing panics on the way to it; what is unchecked here is only what
/// the types of the parameters keep far below 256 bits.
contract SplitProofs {
    // the caps that Exchange sets on its rates
    uint256 private constant MAX_FEE_BPS = 1000;
    uint256 private constant MAX_TAX_BPS = 2000;

    function check_R26_partsSumToThePrice(uint96 price, uint16 feeBps, uint16 taxBps) external pure {
        if (feeBps > MAX_FEE_BPS || taxBps > MAX_TAX_BPS) return;
        (uint256 fee, uint256 tax, uint256 proceeds) = Split.divide(price, feeBps, taxBps);
        unchecked {
            assert(fee <= price && tax <= price && proceeds <= price);
            assert(fee + tax + proceeds == price);
        }
    }

    /// @dev Rounded down, by less than one đồng.
    function check_R26_noPartBeyondItsRate(uint96 price, uint16 feeBps, uint16 taxBps) external pure {
        if (feeBps > MAX_FEE_BPS || taxBps > MAX_TAX_BPS) return;
        (uint256 fee, uint256 tax,) = Split.divide(price, feeBps, taxBps);
        unchecked {
            assert(fee * BPS <= uint256(price) * feeBps && (fee + 1) * BPS > uint256(price) * feeBps);
            assert(tax * BPS <= uint256(price) * taxBps && (tax + 1) * BPS > uint256(price) * taxBps);
        }
    }

    function check_R06_noShareBeyondItsRate(uint96 proceeds, uint16 shareBps) external pure {
        if (shareBps > BPS) return;
        uint256 share = Split.share(proceeds, shareBps);
        unchecked {
            assert(share <= proceeds);
            assert(share * BPS <= uint256(proceeds) * shareBps);
        }
    }

    /// @dev The step of the loop that pays upstreams, resting on the proof before: when `share` is no more than it is `due` by its
    /// rate, and `rest` no less than that and all that is due `later`, it covers the share, and what remains is no less than
    /// what is due later. The seller is never left with less than nothing, however many upstreams there are.
    function check_R06_restCoversTheNextShare(uint96 rest, uint96 share, uint112 due, uint112 later)
        external
        pure
    {
        unchecked {
            if (share * BPS > due || rest * BPS < uint256(due) + later) return;
            assert(share <= rest);
            assert((rest - share) * BPS >= later);
        }
    }
}

contract JournalProofs is Journal {
    function check_headCommitsToEverything(bytes32 head, bytes32 topic, bytes32 a, uint256 b) external {
        journalHead = head;
        _journal(topic, abi.encode(a, b));
        assert(journalHead == keccak256(abi.encodePacked(head, topic, keccak256(abi.encodePacked(a, b)))));
    }

    /// @dev Under collision freedom, as halmos takes Keccak-256: another order is another head.
    function check_orderMatters(bytes32 topic, bytes32 a, bytes32 b) external {
        if (a == b) return;
        _journal(topic, abi.encode(a));
        _journal(topic, abi.encode(b));
        bytes32 forwards = journalHead;
        journalHead = 0;
        _journal(topic, abi.encode(b));
        _journal(topic, abi.encode(a));
        assert(forwards != journalHead);
    }

    /// @dev Nothing altered: the same head was reached only by the same entry on the same history.
    function check_onlyTheSameEntryGivesTheHead(
        bytes32 headA,
        bytes32 headB,
        bytes32 topicA,
        bytes32 topicB,
        bytes32 a,
        bytes32 b
    ) external {
        journalHead = headA;
        _journal(topicA, abi.encode(a));
        bytes32 first = journalHead;
        journalHead = headB;
        _journal(topicB, abi.encode(b));
        if (first == journalHead) assert(headA == headB && topicA == topicB && a == b);
    }
}

contract PackingProofs {
    function check_licenceSurvivesPacking(Licence memory l) external pure {
        Licence memory m = l.packed().unpack();
        assert(m.version == l.version && m.issuedAt == l.issuedAt && m.expiresAt == l.expiresAt);
        assert(m.used == l.used && m.pack == l.pack && m.byBank == l.byBank);
        assert(m.status == l.status && m.order == l.order);
        assert(m.feeBps == l.feeBps && m.taxBps == l.taxBps && m.deadline == l.deadline);
    }

    /// @dev Fields in declared order, the first in the lowest bits: the layout that proofs of storage rely on.
    function check_licenceLayout(Licence memory l) external pure {
        uint256 word = PackedLicence.unwrap(l.packed());
        assert(uint24(word) == l.version && uint40(word >> 24) == l.issuedAt);
        assert(uint40(word >> 64) == l.expiresAt && uint32(word >> 104) == l.used);
        assert(uint24(word >> 136) == l.pack && (uint8(word >> 160) == 1) == l.byBank);
        assert(uint8(word >> 168) == uint8(l.status) && uint8(word >> 176) == uint8(l.order));
        assert(uint16(word >> 184) == l.feeBps && uint16(word >> 200) == l.taxBps);
        assert(word >> 216 == l.deadline);
    }

    function check_participantSurvivesPacking(Participant memory p) external pure {
        Participant memory q = p.packed().unpack();
        assert(q.roles == p.roles && q.jurisdiction == p.jurisdiction && q.publicBody == p.publicBody);
        assert(q.validUntil == p.validUntil && q.suspendedUntil == p.suspendedUntil);
    }

    function check_R02_standing(Participant memory p, uint16 role) external view {
        Standing s = p.packed().standing(role);
        bool eligible =
            p.roles & role != 0 && p.validUntil > block.timestamp && p.suspendedUntil <= block.timestamp;
        assert((s == Standing.Eligible) == eligible);
    }

    function check_classificationSurvivesPacking(Classification memory c) external pure {
        Classification memory d = c.packed().unpack();
        assert(d.importance == c.importance && d.sharing == c.sharing);
        assert(d.subject == c.subject && d.personal == c.personal);
    }

    function check_idsNameWhatTheyBelongTo(uint48 listing_, uint16 index_, uint32 serial_) external pure {
        PlanId p = planId(listing_, index_);
        assert(p.listing() == listing_ && p.index() == index_);
        LicenceId l = licenceId(p, serial_);
        assert(PlanId.unwrap(l.plan()) == PlanId.unwrap(p) && l.serial() == serial_);
        assert(uint96(l.tokenId()) == LicenceId.unwrap(l));
    }

    /// @dev No two licences share an id.
    function check_idsAreUnique(LicenceId a, LicenceId b) external pure {
        bool same = PlanId.unwrap(a.plan()) == PlanId.unwrap(b.plan()) && a.serial() == b.serial();
        assert(same == (LicenceId.unwrap(a) == LicenceId.unwrap(b)));
    }
}
