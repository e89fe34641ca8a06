// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { LicenceId } from "./Ids.sol";

enum Importance {
    Unclassified,
    Other,
    Important,
    Core
}

enum Sharing {
    Unstated,
    Open,
    Shared,
    Private
}

enum Subject {
    Unstated,
    People,
    Locations,
    Activities,
    Items
}

enum PersonalData {
    None,
    Deidentified,
    Consented
}

/// @notice How a dataset is classified (R04, R21, R22).
struct Classification {
    Importance importance;
    Sharing sharing;
    Subject subject;
    PersonalData personal;
}

/// @notice A `Classification` as it is stored: its fields in declared order, one byte each, the first lowest.
type PackedClass is uint32;

using { unpack } for PackedClass global;
using { packed } for Classification global;

function packed(Classification memory c) pure returns (PackedClass) {
    return PackedClass.wrap(
        uint32(c.importance) | uint32(c.sharing) << 8 | uint32(c.subject) << 16 | uint32(c.personal) << 24
    );
}

function unpack(PackedClass word_) pure returns (Classification memory) {
    uint32 word = PackedClass.unwrap(word_);
    return Classification({
        importance: Importance(uint8(word)),
        sharing: Sharing(uint8(word >> 8)),
        subject: Subject(uint8(word >> 16)),
        personal: PersonalData(uint8(word >> 24))
    });
}

// What a version may be attested for, one bit each.
uint8 constant LEGAL = 1 << 0;
uint8 constant SECURITY = 1 << 1;
uint8 constant QUALITY = 1 << 2;
uint8 constant CUSTODY = 1 << 3; // set by the vault's receipt when the version is published; reviewers cannot set it
uint8 constant REVIEWED_KINDS = LEGAL | SECURITY | QUALITY;
// Never attested. Stands among the required attestations while the classification is one that a supervisor has set against
// the rule pack: no sale and no key release until the listing is classified within the rules.
uint8 constant REFUSED = 1 << 7;

/// @notice Read on every purchase and every key release.
/// @param class the present classification
/// @param home jurisdiction of the seller that listed it
/// @param versions how many there are, numbered from 1
/// @param plans how many there are, numbered from 0
/// @param upstreams how many listings it derives from
/// @param required attestations asked for when it was classified, or `REFUSED`; without them no key is released
/// @param epoch counts reclassifications: reviews of an earlier epoch no longer stand
/// @param delisted no more sales; licences already sold are unaffected
/// @param frozenUntil no sales and no key release before this second
/// @param pack version of the rule pack that decided the present classification
/// @param imposed a supervisor has classified it: its holder may raise the class, not lower it
struct Listing {
    Classification class;
    bytes2 home;
    uint24 versions;
    uint16 plans;
    uint8 upstreams;
    uint8 required;
    uint16 epoch;
    bool delisted;
    uint40 frozenUntil;
    uint24 pack;
    bool imposed;
}

/// @notice A `Listing` as it is stored: one slot, which a nested struct would make two.
struct StoredListing {
    PackedClass class;
    bytes2 home;
    uint24 versions;
    uint16 plans;
    uint8 upstreams;
    uint8 required;
    uint16 epoch;
    bool delisted;
    uint40 frozenUntil;
    uint24 pack;
    bool imposed;
}

/// @notice One immutable version of a dataset; only attestations and withdrawal change.
/// @param root RFC 6962 Merkle root of the ciphertext
/// @param metadata Keccak-256 of the DCAT document
/// @param depositId the vault's deposit that holds it; part of the encryption context
/// @param size ciphertext bytes
/// @param region ISO 3166-1 alpha-2 of where the payload is stored (R07)
/// @param publishedAt second of publication
/// @param staleAt from this second on it counts as stale; 0 for never (R15)
/// @param attestations bits, standing for `epoch` only
/// @param epoch the listing's epoch of its latest review
/// @param withdrawn no more sales and no key release, for good
struct Version {
    bytes32 root;
    bytes32 metadata;
    bytes32 depositId;
    uint64 size;
    bytes2 region;
    uint40 publishedAt;
    uint40 staleAt;
    uint8 attestations;
    uint16 epoch;
    bool withdrawn;
}

/// @notice A version to be published, with the vault's signed receipt that it holds the payload: EIP-712
/// `Custody(address seller,bytes32 root,uint64 size,bytes32 depositId,bytes2 region,uint64 deadline)`.
struct VersionDraft {
    bytes32 root;
    bytes32 metadata;
    bytes32 depositId;
    uint64 size;
    bytes2 region;
    uint40 staleAt;
    address custodian;
    uint64 deadline;
    bytes signature;
}

/// @notice A dataset that another derives from, named by the licence that permits it, and its share of every sale (R06).
struct Upstream {
    LicenceId licence;
    uint16 shareBps;
}

/// @notice A review on record.
struct Attestation {
    address reviewer;
    uint40 time;
    bytes32 evidence;
}
