// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { JournalledAccess } from "./Journal.sol";
import { IParticipants } from "./interfaces/IParticipants.sol";
import {
    ALL_ROLES,
    ARBITER,
    isAlpha2,
    MARKET_ROLES,
    PackedParticipant,
    Participant,
    Standing,
    SUPERVISOR
} from "./types/Participant.sol";

/// @notice See {IParticipants}.
contract Participants is IParticipants, JournalledAccess {
    uint40 public constant MAX_SUSPENSION = 180 days;

    mapping(address account => PackedParticipant) private _participants;
    mapping(address account => bytes32) public credentialOf;
    /// @dev Every role an account was ever given; retirement does not forget.
    mapping(address account => uint16) private _everHeld;

    constructor(address authority) AccessManaged(authority) { }

    /// @inheritdoc IParticipants
    function accredit(
        address account,
        uint16 roles,
        bytes2 jurisdiction,
        bool publicBody,
        uint40 validUntil,
        bytes32 credential
    ) external restricted {
        bool marketOnly = roles != 0 && roles & ~MARKET_ROLES == 0;
        require(marketOnly && _everHeld[account] & ~MARKET_ROLES == 0, Participants_InvalidRoles(roles));

        _admit(account, roles, jurisdiction, publicBody, validUntil, credential);
    }

    /// @inheritdoc IParticipants
    function appoint(address account, uint16 role, bytes2 jurisdiction, uint40 validUntil, bytes32 credential)
        external
        restricted
    {
        uint16 oversight = ALL_ROLES & ~MARKET_ROLES;
        bool oneOversight = role & oversight == role && role != 0 && role & (role - 1) == 0;
        require(oneOversight && _everHeld[account] & ~role == 0, Participants_InvalidRoles(role));

        _admit(account, role, jurisdiction, false, validUntil, credential);
    }

    /// @inheritdoc IParticipants
    function retire(address account, bytes32 reason) external restricted {
        require(reason != 0, Participants_NoReason());

        Participant memory p = _participants[account].unpack();
        p.roles = 0;
        _participants[account] = p.packed();

        emit Retired(account, reason);
        _journal(Retired.selector, abi.encode(account, reason));
    }

    /// @inheritdoc IParticipants
    function suspend(address account, uint40 until, bytes32 reason) external {
        check(msg.sender, SUPERVISOR);
        Participant memory p = _participants[account].unpack();
        require(p.roles & (ARBITER | SUPERVISOR) == 0, Participants_InvalidRoles(p.roles));
        require(
            until > block.timestamp && until <= block.timestamp + MAX_SUSPENSION,
            Participants_InvalidPeriod(until)
        );
        require(reason != 0, Participants_NoReason());

        p.suspendedUntil = until;
        _participants[account] = p.packed();

        emit Suspended(account, msg.sender, until, reason);
        _journal(Suspended.selector, abi.encode(account, msg.sender, until, reason));
    }

    /// @inheritdoc IParticipants
    function reinstate(address account, bytes32 reason) external {
        if (standing(msg.sender, ARBITER) != Standing.Eligible) check(msg.sender, SUPERVISOR);
        Participant memory p = _participants[account].unpack();
        require(p.suspendedUntil > block.timestamp, Participants_NotSuspended(account));
        require(reason != 0, Participants_NoReason());

        p.suspendedUntil = 0;
        _participants[account] = p.packed();

        emit Reinstated(account, msg.sender, reason);
        _journal(Reinstated.selector, abi.encode(account, msg.sender, reason));
    }

    /// @inheritdoc IParticipants
    function check(address account, uint16 role) public view returns (bytes2 jurisdiction) {
        PackedParticipant p = _participants[account];
        Standing s = p.standing(role);
        require(s == Standing.Eligible, Participants_Ineligible(account, role, s));
        return p.jurisdiction();
    }

    /// @inheritdoc IParticipants
    function standing(address account, uint16 role) public view returns (Standing) {
        return _participants[account].standing(role);
    }

    /// @inheritdoc IParticipants
    function participant(address account) external view returns (Participant memory) {
        return _participants[account].unpack();
    }

    function _admit(
        address account,
        uint16 roles,
        bytes2 jurisdiction,
        bool publicBody,
        uint40 validUntil,
        bytes32 credential
    ) private {
        require(isAlpha2(jurisdiction), Participants_InvalidJurisdiction(jurisdiction));
        require(validUntil > block.timestamp, Participants_InvalidPeriod(validUntil));
        require(credential != 0, Participants_NoCredential());

        Participant memory p = _participants[account].unpack();
        (p.roles, p.jurisdiction, p.publicBody, p.validUntil) = (roles, jurisdiction, publicBody, validUntil);
        _participants[account] = p.packed();
        credentialOf[account] = credential;
        _everHeld[account] |= roles;

        emit Accredited(account, roles, jurisdiction, publicBody, validUntil, credential);
        _journal(
            Accredited.selector, abi.encode(account, roles, jurisdiction, publicBody, validUntil, credential)
        );
    }
}
