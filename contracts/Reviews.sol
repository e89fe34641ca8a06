// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { SignatureChecker } from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import { Journal } from "./Journal.sol";
import { IListings } from "./interfaces/IListings.sol";
import { IParticipants } from "./interfaces/IParticipants.sol";
import { IReviews } from "./interfaces/IReviews.sol";
import { Attestation, REVIEWED_KINDS, VersionDraft } from "./types/Listing.sol";
import { CUSTODIAN, REVIEWER } from "./types/Participant.sol";

/// @notice See {IReviews}.
contract Reviews is IReviews, Journal, EIP712 {
    bytes32 public constant CUSTODY_TYPEHASH = keccak256(
        "Custody(address seller,bytes32 root,uint64 size,bytes32 depositId,bytes2 region,uint64 deadline)"
    );

    IParticipants public immutable PARTICIPANTS;
    IListings public immutable LISTINGS;

    mapping(uint48 listing => mapping(uint24 version => mapping(uint8 kind => Attestation))) private
        _attestations;

    constructor(IParticipants participants, IListings listings) EIP712("Socai Reviews", "1") {
        (PARTICIPANTS, LISTINGS) = (participants, listings);
    }

    /// @inheritdoc IReviews
    function attest(uint48 listing, uint24 version, uint8 kind, bytes32 evidence, uint16 epoch) external {
        _check(listing, kind, evidence);

        uint40 time = uint40(block.timestamp);
        _attestations[listing][version][kind] =
            Attestation({ reviewer: msg.sender, time: time, evidence: evidence });
        LISTINGS.review(listing, version, kind, true, epoch);

        emit Attested(listing, version, msg.sender, kind, evidence, epoch, time);
        _journal(Attested.selector, abi.encode(listing, version, msg.sender, kind, evidence, epoch, time));
    }

    /// @inheritdoc IReviews
    function refuse(uint48 listing, uint24 version, uint8 kind, bytes32 reason, uint16 epoch) external {
        _check(listing, kind, reason);

        LISTINGS.review(listing, version, kind, false, epoch);

        emit Refused(listing, version, msg.sender, kind, reason, epoch);
        _journal(Refused.selector, abi.encode(listing, version, msg.sender, kind, reason, epoch));
    }

    /// @inheritdoc IReviews
    function checkCustody(address seller, VersionDraft calldata d) external view {
        require(d.deadline >= block.timestamp, Reviews_CustodyExpired(d.deadline));
        PARTICIPANTS.check(d.custodian, CUSTODIAN);
        bytes32 message = keccak256(
            abi.encode(CUSTODY_TYPEHASH, seller, d.root, d.size, d.depositId, d.region, d.deadline)
        );
        require(
            SignatureChecker.isValidSignatureNowCalldata(d.custodian, _hashTypedDataV4(message), d.signature),
            Reviews_InvalidCustody(d.custodian)
        );
    }

    /// @inheritdoc IReviews
    function attestation(uint48 listing, uint24 version, uint8 kind)
        external
        view
        returns (Attestation memory)
    {
        return _attestations[listing][version][kind];
    }

    function _check(uint48 listing, uint8 kind, bytes32 evidence) private view {
        PARTICIPANTS.check(msg.sender, REVIEWER);
        require(LISTINGS.holderOf(listing) != msg.sender, Reviews_OwnListing(listing, msg.sender));
        require(
            kind & REVIEWED_KINDS == kind && kind != 0 && kind & (kind - 1) == 0, Reviews_InvalidKind(kind)
        );
        require(evidence != 0, Reviews_NoEvidence());
    }
}
