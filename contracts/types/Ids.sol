// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Identifiers say what they belong to: a licence names its plan, a plan its listing. Nothing has to be stored,
/// and nothing can disagree.
///
///     listing  uint48                      1, 2, 3 …                also its ERC-721 token id
///     plan     uint64  listing ‖ uint16    0, 1, 2 … in a listing
///     licence  uint96  plan ‖ uint32       1, 2, 3 … in a plan       also its ERC-721 token id
type PlanId is uint64;

type LicenceId is uint96;

using { listing, index } for PlanId global;
using { plan, serial, tokenId } for LicenceId global;

function planId(uint48 listing_, uint16 index_) pure returns (PlanId) {
    return PlanId.wrap((uint64(listing_) << 16) | index_);
}

function licenceId(PlanId plan_, uint32 serial_) pure returns (LicenceId) {
    return LicenceId.wrap((uint96(PlanId.unwrap(plan_)) << 32) | serial_);
}

function listing(PlanId id) pure returns (uint48) {
    return uint48(PlanId.unwrap(id) >> 16);
}

function index(PlanId id) pure returns (uint16) {
    return uint16(PlanId.unwrap(id));
}

function plan(LicenceId id) pure returns (PlanId) {
    return PlanId.wrap(uint64(LicenceId.unwrap(id) >> 32));
}

function serial(LicenceId id) pure returns (uint32) {
    return uint32(LicenceId.unwrap(id));
}

function tokenId(LicenceId id) pure returns (uint256) {
    return LicenceId.unwrap(id);
}
