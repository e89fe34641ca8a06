// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IAccessManaged } from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { IERC5267 } from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import { IERC20Metadata } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import { IERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import { IERC721Metadata } from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import { IERC6454 } from "contracts/interfaces/IERC6454.sol";
import { IERC7858 } from "contracts/interfaces/IERC7858.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { IJournal } from "contracts/interfaces/IJournal.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { ILogAnchor } from "contracts/interfaces/ILogAnchor.sol";
import { IParticipants } from "contracts/interfaces/IParticipants.sol";
import { IReviews } from "contracts/interfaces/IReviews.sol";
import { IRulePack } from "contracts/interfaces/IRulePack.sol";

// The contracts as tests see them: their interfaces and public constants. What is deployed is the bytecode that production
// deploys, from `out/`; importing the contracts themselves would make every test wait for the optimiser.

interface Participants is IParticipants, IJournal, IAccessManaged {
    function MAX_SUSPENSION() external view returns (uint40);
}

interface Listings is IListings, IJournal, IAccessManaged, IERC721Metadata, IERC4906, IERC6454 {
    function MAX_UPSTREAMS() external view returns (uint256);

    function MAX_FREEZE() external view returns (uint40);
}

interface Reviews is IReviews, IJournal, IERC5267 {
    function CUSTODY_TYPEHASH() external view returns (bytes32);
}

interface Licences is ILicences, IJournal, IERC721Metadata, IERC4906, IERC6454, IERC7858 {
    function PARTICIPANTS() external view returns (address);

    function LISTINGS() external view returns (address);

    function EXCHANGE() external view returns (address);
}

interface Exchange is IExchange, IJournal, IAccessManaged, IERC5267 {
    function PARTICIPANTS() external view returns (address);

    function LISTINGS() external view returns (address);

    function LICENCES() external view returns (address);

    function MAX_FEE_BPS() external view returns (uint16);

    function MAX_TAX_BPS() external view returns (uint16);

    function MIN_WINDOW() external view returns (uint32);

    function MAX_WINDOW() external view returns (uint32);

    function MAX_AHEAD() external view returns (uint40);

    function PAYMENT_TYPEHASH() external view returns (bytes32);
}

interface LogAnchor is ILogAnchor, IJournal { }

interface RulePack is IRulePack {
    function RULE_UNCLASSIFIED() external view returns (uint16);

    function RULE_SHARING_UNSTATED() external view returns (uint16);

    function RULE_NO_LEGAL_BASIS() external view returns (uint16);

    function RULE_CORE_NOT_OPEN() external view returns (uint16);

    function RULE_NOT_ATTESTED() external view returns (uint16);

    function RULE_NO_TRANSFER_APPROVAL() external view returns (uint16);
}

interface SettlementToken is IERC20Metadata, IERC20Permit, IAccessManaged, IERC5267 {
    function mint(address to, uint256 amount) external;

    function burn(uint256 amount) external;
}
