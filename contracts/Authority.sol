// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// OpenZeppelin's AccessManager, deployed as it is, decides who may call the administrative functions.
// forge-lint: disable-next-line(unused-import)
import { AccessManager } from "@openzeppelin/contracts/access/manager/AccessManager.sol";
