// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { PlanId } from "./Ids.sol";

enum LicenceStatus {
    None,
    Active,
    Revoked,
    Refunded
}

/// @notice Where the money of a purchase stands.
///
///     Open ──confirm, release──▶ Settled
///     Open ──dispute──▶ Disputed ──resolve──▶ Settled or Refunded
///     Open, Disputed ──refund──▶ Refunded        Disputed ──lapse──▶ Refunded
enum OrderStatus {
    None,
    Open,
    Disputed,
    Settled,
    Refunded
}

uint40 constant NEVER = type(uint40).max;

/// @notice A licence and the order it was bought under: one slot. What never changes (price, currency, quota, terms) is
/// the plan's, and the licence's id names the plan.
/// @param version the listing version it is for
/// @param issuedAt second of purchase
/// @param expiresAt valid before this second; `NEVER` for no expiry
/// @param used uses counted against the plan's quota
/// @param pack version of the rule pack that allowed the latest purchase or renewal
/// @param byBank paid by bank confirmation rather than by token
/// @param status of the licence
/// @param order status of the money
/// @param feeBps platform fee agreed at purchase
/// @param taxBps tax agreed at purchase
/// @param deadline when an open order may be released, or a disputed one lapses
struct Licence {
    uint24 version;
    uint40 issuedAt;
    uint40 expiresAt;
    uint32 used;
    uint24 pack;
    bool byBank;
    LicenceStatus status;
    OrderStatus order;
    uint16 feeBps;
    uint16 taxBps;
    uint40 deadline;
}

/// @notice A `Licence` as it is stored: its fields in declared order, the first in the lowest bits.
type PackedLicence is uint256;

using { unpack, version, issuedAt, expiresAt } for PackedLicence global;
using { packed } for Licence global;

function packed(Licence memory l) pure returns (PackedLicence) {
    return PackedLicence.wrap(
        uint256(l.version) | uint256(l.issuedAt) << 24 | uint256(l.expiresAt) << 64 | uint256(l.used) << 104
            | uint256(l.pack) << 136 | uint256(l.byBank ? 1 : 0) << 160 | uint256(l.status) << 168
            | uint256(l.order) << 176 | uint256(l.feeBps) << 184 | uint256(l.taxBps) << 200
            | uint256(l.deadline) << 216
    );
}

function unpack(PackedLicence word_) pure returns (Licence memory l) {
    uint256 word = PackedLicence.unwrap(word_);
    l.version = word_.version();
    l.issuedAt = word_.issuedAt();
    l.expiresAt = word_.expiresAt();
    l.used = uint32(word >> 104);
    l.pack = uint24(word >> 136);
    l.byBank = uint8(word >> 160) != 0;
    l.status = LicenceStatus(uint8(word >> 168));
    l.order = OrderStatus(uint8(word >> 176));
    l.feeBps = uint16(word >> 184);
    l.taxBps = uint16(word >> 200);
    l.deadline = uint40(word >> 216);
}

function version(PackedLicence word) pure returns (uint24) {
    return uint24(PackedLicence.unwrap(word));
}

function issuedAt(PackedLicence word) pure returns (uint40) {
    return uint40(PackedLicence.unwrap(word) >> 24);
}

function expiresAt(PackedLicence word) pure returns (uint40) {
    return uint40(PackedLicence.unwrap(word) >> 64);
}

/// @notice Why a key is not released; `Granted` when it is.
enum Denial {
    Granted,
    UnknownLicence,
    NotHolder,
    Revoked,
    Refunded,
    Expired,
    QuotaSpent,
    HolderIneligible,
    ListingFrozen,
    NotAttested,
    VersionWithdrawn
}

/// @notice The answer to "may this account have the key now?", with everything its keeper needs to act on it.
struct Entitlement {
    Denial denial;
    uint48 listing;
    uint24 version;
    PlanId plan;
    uint40 expiresAt;
    uint32 usesLeft;
    uint16 flags;
    uint64 size;
    bytes32 root;
    bytes32 depositId;
}
