// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// What an account may do, one bit each. An account holds market roles (seller, buyer, or both) or exactly one
// oversight role, never a mixture and for good: no key both lists and attests, or both accuses and decides (R20), not
// even one after the other. Whoever changes sides takes a new account.
uint16 constant SELLER = 1 << 0;
uint16 constant BUYER = 1 << 1;
uint16 constant MARKET_ROLES = SELLER | BUYER;

uint16 constant REVIEWER = 1 << 2; // attests or refuses listing versions
uint16 constant CUSTODIAN = 1 << 3; // holds payloads and keys, signs custody, counts uses, anchors the access log
uint16 constant PAYMENT_PROVIDER = 1 << 4; // confirms bank payments
uint16 constant ARBITER = 1 << 5; // decides disputes, reviews the supervisor's measures
uint16 constant SUPERVISOR = 1 << 6; // suspends, freezes, revokes, approves transfers across borders
uint16 constant ALL_ROLES = (1 << 7) - 1;

/// @notice Read on every purchase; one slot.
/// @param roles bits as above; 0 for an account never accredited or retired
/// @param jurisdiction ISO 3166-1 alpha-2, two capital letters
/// @param publicBody whether a state body, which must state how its data is shared (R04)
/// @param validUntil accreditation ends at this second
/// @param suspendedUntil suspended before this second
struct Participant {
    uint16 roles;
    bytes2 jurisdiction;
    bool publicBody;
    uint40 validUntil;
    uint40 suspendedUntil;
}

/// @notice A `Participant` as it is stored: its fields in declared order, the first in the lowest bits.
type PackedParticipant is uint256;

using { unpack, standing, jurisdiction } for PackedParticipant global;
using { packed } for Participant global;

function packed(Participant memory p) pure returns (PackedParticipant) {
    return PackedParticipant.wrap(
        uint256(p.roles) | uint256(uint16(p.jurisdiction)) << 16 | uint256(p.publicBody ? 1 : 0) << 32
            | uint256(p.validUntil) << 40 | uint256(p.suspendedUntil) << 80
    );
}

function unpack(PackedParticipant word_) pure returns (Participant memory) {
    uint256 word = PackedParticipant.unwrap(word_);
    return Participant({
        roles: uint16(word),
        jurisdiction: word_.jurisdiction(),
        publicBody: uint8(word >> 32) != 0,
        validUntil: uint40(word >> 40),
        suspendedUntil: uint40(word >> 80)
    });
}

function jurisdiction(PackedParticipant word) pure returns (bytes2) {
    return bytes2(uint16(PackedParticipant.unwrap(word) >> 16));
}

/// @notice Why the account may not act in `role` now; `Eligible` when it may.
function standing(PackedParticipant word_, uint16 role) view returns (Standing) {
    uint256 word = PackedParticipant.unwrap(word_);
    if (word & role == 0) return Standing.RoleMissing;
    if (uint40(word >> 40) <= block.timestamp) return Standing.Expired;
    if (uint40(word >> 80) > block.timestamp) return Standing.Suspended;
    return Standing.Eligible;
}

/// @notice Whether a code has the form of ISO 3166-1 alpha-2: two capital letters.
function isAlpha2(bytes2 code) pure returns (bool) {
    return code[0] >= "A" && code[0] <= "Z" && code[1] >= "A" && code[1] <= "Z";
}

/// @notice Why an account may not act now; `Eligible` when it may.
enum Standing {
    Eligible,
    RoleMissing,
    Expired,
    Suspended
}
