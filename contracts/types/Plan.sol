// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { LicenceId } from "./Ids.sol";

/// @notice Index into the Exchange's append-only list of currencies. 0 is the đồng by bank confirmation only.
type Currency is uint8;

// What a plan grants, one bit each.
uint16 constant TRANSFERABLE = 1 << 0; // the licence may change hands, through the same gate
uint16 constant DERIVABLE = 1 << 1; // derived datasets may be listed, for at least the plan's royalty
uint16 constant UPDATES = 1 << 2; // the holder may move to newer attested versions
uint16 constant STREAMING = 1 << 3; // the vault may decrypt and stream over TLS
uint16 constant RESEARCH = 1 << 4; // bound to research; the terms say how (R16)
uint16 constant STATE_FEE = 1 << 5; // the price is a fee set by law (R05)
uint16 constant ALL_FLAGS = (1 << 6) - 1;

enum PlanStatus {
    None,
    Open,
    Reserved,
    Closed
}

/// @notice What the seller offers. Never edited: close the plan and add another.
/// @param price whole price of a purchase or renewal in the currency's smallest unit; 0 for free
/// @param currency what it is paid in
/// @param duration seconds a licence runs; 0 for no expiry
/// @param cap most licences ever sold, at least 1
/// @param quota uses a licence allows; 0 for unmetered
/// @param flags as above
/// @param royaltyBps least share of its sales that a derived listing must pay; 0 unless `DERIVABLE`
/// @param onlyBuyer the one account that may take a negotiated plan; zero for anyone
/// @param terms hash of the licence text (ODRL policy)
struct PlanDraft {
    uint96 price;
    Currency currency;
    uint32 duration;
    uint32 cap;
    uint32 quota;
    uint16 flags;
    uint16 royaltyBps;
    address onlyBuyer;
    bytes32 terms;
}

/// @notice A plan on record; the first slot is all that a purchase from an open plan reads.
struct Plan {
    uint96 price;
    Currency currency;
    uint32 duration;
    uint32 cap;
    uint32 sold;
    uint32 quota;
    uint16 flags;
    PlanStatus status;
    // second slot
    address onlyBuyer;
    uint16 royaltyBps;
    // third slot
    bytes32 terms;
}

/// @notice A sale that Listings has allowed and counted.
struct Sale {
    LicenceId licence;
    uint96 price;
    Currency currency;
    uint32 duration;
    uint24 pack;
}
