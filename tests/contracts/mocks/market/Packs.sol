// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IRulePack } from "contracts/interfaces/IRulePack.sol";
import { Classification } from "contracts/types/Listing.sol";

enum Fault {
    None,
    Refuses,
    Reverts,
    Empty,
    Garbage,
    Bomb,
    EatsGas
}

/// @notice A rule pack that fails in the way it is told; without fault it allows every sale.
contract FaultyPack is IRulePack {
    error FaultyPack_Broken();

    uint24 public version = 2;
    bytes2 public constant jurisdiction = "VN";
    bytes32 public constant rules = "faulty";
    Fault public fault;
    IRulePack private immutable _SOUND;

    constructor(IRulePack sound) {
        _SOUND = sound;
    }

    function setFault(Fault fault_) external {
        fault = fault_;
    }

    function decideListing(Classification calldata class, bool publicBody, bool legalBasis)
        external
        view
        returns (uint16, uint8)
    {
        return _SOUND.decideListing(class, publicBody, legalBasis);
    }

    function decideSale(Classification calldata, uint8, bytes2, bytes2, bool)
        external
        view
        returns (uint16 rule)
    {
        if (fault == Fault.Refuses) return 77;
        if (fault == Fault.Reverts) revert FaultyPack_Broken();
        if (fault == Fault.EatsGas) {
            for (uint256 i;; ++i) {
                keccak256(abi.encode(i));
            }
        }
        uint256 size = fault == Fault.Empty ? 0 : fault == Fault.Garbage ? 32 : 1000000;
        if (fault != Fault.None) {
            assembly ("memory-safe") {
                mstore(0, not(0))
                return(0, size)
            }
        }
    }
}
