// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Attestation, VersionDraft } from "../types/Listing.sol";

/// @notice What has been said of a listing version by those appointed to say it (R01): reviews by reviewers, custody by the
/// vault that holds the payload. Which of them a sale needs, the rule pack decides.
interface IReviews {
    event Attested(
        uint48 indexed listing,
        uint24 indexed version,
        address indexed reviewer,
        uint8 kind,
        bytes32 evidence,
        uint16 epoch,
        uint40 time
    );
    event Refused(
        uint48 indexed listing,
        uint24 indexed version,
        address indexed reviewer,
        uint8 kind,
        bytes32 reason,
        uint16 epoch
    );

    error Reviews_InvalidKind(uint8 kind);
    error Reviews_NoEvidence();
    /// @notice A seller's key cannot review what it sells, not even after a change of role (R20).
    error Reviews_OwnListing(uint48 listing, address account);
    error Reviews_CustodyExpired(uint64 deadline);
    /// @notice The custody receipt does not carry this custodian's signature over this seller and draft.
    error Reviews_InvalidCustody(address custodian);

    /// @notice Records a review of one kind. Caller: a reviewer who does not hold the listing.
    /// @param kind `LEGAL`, `SECURITY` or `QUALITY`
    /// @param evidence hash of the review (for `QUALITY`, of the quality report, R15)
    /// @param epoch that of the classification reviewed: the review of one that has changed meanwhile is refused (R04)
    function attest(uint48 listing, uint24 version, uint8 kind, bytes32 evidence, uint16 epoch) external;

    /// @notice Refuses a kind of attestation, or takes an earlier one back. Caller: as for `attest`.
    function refuse(uint48 listing, uint24 version, uint8 kind, bytes32 reason, uint16 epoch) external;

    /// @notice Reverts unless the draft carries a custodian's valid receipt for a deposit of `seller`.
    function checkCustody(address seller, VersionDraft calldata draft) external view;

    /// @notice The latest attestation of a kind, standing or not.
    function attestation(uint48 listing, uint24 version, uint8 kind)
        external
        view
        returns (Attestation memory);
}
