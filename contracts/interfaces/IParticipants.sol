// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Participant, Standing } from "../types/Participant.sol";

/// @notice Who may take part, and in what role (R02). Holds no personal data: an identity is a salted hash.
interface IParticipants {
    event Accredited(
        address indexed account,
        uint16 roles,
        bytes2 jurisdiction,
        bool publicBody,
        uint40 validUntil,
        bytes32 credential
    );
    event Retired(address indexed account, bytes32 reason);
    event Suspended(address indexed account, address indexed by, uint40 until, bytes32 reason);
    event Reinstated(address indexed account, address indexed by, bytes32 reason);

    /// @notice `account` may not act in `role`, for the reason `standing`.
    error Participants_Ineligible(address account, uint16 role, Standing standing);
    /// @notice Roles that no single account may hold together or one after the other, or that this function does not grant.
    error Participants_InvalidRoles(uint16 roles);
    error Participants_InvalidJurisdiction(bytes2 jurisdiction);
    error Participants_InvalidPeriod(uint40 until);
    error Participants_NoCredential();
    error Participants_NoReason();
    error Participants_NotSuspended(address account);

    /// @notice Accredits `account` for the market, or renews and changes its accreditation. A running suspension stands.
    /// @dev WARNING, admin power: whoever may call this decides who may sell and buy. It cannot grant oversight, and
    /// cannot touch an account that holds or ever held oversight.
    /// @param roles `SELLER`, `BUYER` or both
    /// @param jurisdiction ISO 3166-1 alpha-2
    /// @param validUntil second at which the accreditation ends, in the future
    /// @param credential salted hash of the identity documents
    function accredit(
        address account,
        uint16 roles,
        bytes2 jurisdiction,
        bool publicBody,
        uint40 validUntil,
        bytes32 credential
    ) external;

    /// @notice Appoints `account` to one oversight role, for good, or renews it: no account ever holds another (R20).
    /// @dev WARNING, admin power: whoever may call this chooses reviewers, custodians, payment providers, arbiters and
    /// supervisors. To be held behind the governance delay. Cannot touch an account that holds or ever held another role.
    function appoint(address account, uint16 role, bytes2 jurisdiction, uint40 validUntil, bytes32 credential)
        external;

    /// @notice Takes every role from `account`. What it is owed it can still withdraw.
    /// @dev WARNING, admin power: ends anyone's participation, oversight included. To be held behind the governance delay.
    function retire(address account, bytes32 reason) external;

    /// @notice Suspends `account` until `until`, at most `MAX_SUSPENSION` ahead: every measure expires (R19). Arbiters and
    /// supervisors cannot be suspended, only retired by governance: the accuser cannot silence the judge.
    /// @dev Caller: a supervisor.
    function suspend(address account, uint40 until, bytes32 reason) external;

    /// @notice Ends a suspension. Caller: an arbiter on review, or a supervisor.
    function reinstate(address account, bytes32 reason) external;

    /// @notice Reverts with `Participants_Ineligible` unless `account` may act in `role` now.
    /// @return jurisdiction of the account
    function check(address account, uint16 role) external view returns (bytes2 jurisdiction);

    /// @notice Why `account` may not act in `role` now; `Eligible` when it may.
    function standing(address account, uint16 role) external view returns (Standing);

    function participant(address account) external view returns (Participant memory);

    /// @notice Salted hash of the account's identity documents.
    function credentialOf(address account) external view returns (bytes32);
}
