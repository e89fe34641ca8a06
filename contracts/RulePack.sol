// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IRulePack } from "./interfaces/IRulePack.sol";
import {
    Classification,
    CUSTODY,
    Importance,
    LEGAL,
    PersonalData,
    SECURITY,
    Sharing
} from "./types/Listing.sol";

/// @notice The default pack. Modelled on Việt Nam's data regime as drafted in 2025; not legal advice.
contract RulePack is IRulePack {
    /// @notice Data that is not classified by importance cannot be listed (R04).
    uint16 public constant RULE_UNCLASSIFIED = 1;
    /// @notice A public body must state how its data is shared (R04).
    uint16 public constant RULE_SHARING_UNSTATED = 2;
    /// @notice Personal data needs a recorded legal basis (R22).
    uint16 public constant RULE_NO_LEGAL_BASIS = 3;
    /// @notice Core data cannot be open.
    uint16 public constant RULE_CORE_NOT_OPEN = 4;
    /// @notice A version is sold only with every attestation its class needs (R01).
    uint16 public constant RULE_NOT_ATTESTED = 5;
    /// @notice Important and core data cross a border only with a transfer approval (R07).
    uint16 public constant RULE_NO_TRANSFER_APPROVAL = 6;

    uint24 public constant version = 1;
    bytes2 public constant jurisdiction = "VN";
    bytes32 public constant rules = keccak256(
        "1 unclassified; 2 sharing unstated; 3 no legal basis; 4 core not open; 5 not attested; 6 no transfer approval"
    );

    /// @inheritdoc IRulePack
    function decideListing(Classification calldata class, bool publicBody, bool legalBasis)
        external
        pure
        returns (uint16 rule, uint8 required)
    {
        required = _required(class);
        if (class.importance == Importance.Unclassified) {
            rule = RULE_UNCLASSIFIED;
        } else if (publicBody && class.sharing == Sharing.Unstated) {
            rule = RULE_SHARING_UNSTATED;
        } else if (class.personal != PersonalData.None && !legalBasis) {
            rule = RULE_NO_LEGAL_BASIS;
        } else if (class.importance == Importance.Core && class.sharing == Sharing.Open) {
            rule = RULE_CORE_NOT_OPEN;
        }
    }

    /// @inheritdoc IRulePack
    function decideSale(
        Classification calldata class,
        uint8 attestations,
        bytes2 home,
        bytes2 buyer,
        bool approved
    ) external pure returns (uint16 rule) {
        uint8 required = _required(class);
        if (attestations & required != required) rule = RULE_NOT_ATTESTED;
        else if (_sensitive(class) && buyer != home && !approved) rule = RULE_NO_TRANSFER_APPROVAL;
    }

    function _required(Classification calldata class) private pure returns (uint8) {
        bool secured = _sensitive(class) || class.personal != PersonalData.None;
        return secured ? CUSTODY | LEGAL | SECURITY : CUSTODY | LEGAL;
    }

    function _sensitive(Classification calldata class) private pure returns (bool) {
        return class.importance >= Importance.Important;
    }
}
