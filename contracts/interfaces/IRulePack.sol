// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Classification } from "../types/Listing.sol";

/// @notice The dated, replaceable rules that decide what may be listed and sold (R01, R14). A pack is code without state:
/// new rules are a new pack, put in force through the governance delay. A pack is an engineering artefact, not legal advice.
/// A refusal is the id (not 0) of the rule that refuses; 0 allows.
interface IRulePack {
    /// @notice Version recorded with every decision, higher than its predecessor's.
    function version() external view returns (uint24);

    /// @notice Whose law it models, ISO 3166-1 alpha-2.
    function jurisdiction() external view returns (bytes2);

    /// @notice Keccak-256 of the rules' text.
    function rules() external view returns (bytes32);

    /// @notice May data of this class be listed, and which attestations must a version of it carry?
    /// @param publicBody whether the seller is a state body
    /// @param legalBasis whether a legal basis for personal data is on record
    function decideListing(Classification calldata class, bool publicBody, bool legalBasis)
        external
        view
        returns (uint16 rule, uint8 required);

    /// @notice May a version of this class, with these attestations, go to a buyer in this jurisdiction?
    /// @param approved whether a transfer approval for this buyer is on record (R07)
    function decideSale(
        Classification calldata class,
        uint8 attestations,
        bytes2 home,
        bytes2 buyer,
        bool approved
    ) external view returns (uint16 rule);
}
