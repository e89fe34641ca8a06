// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IRulePack } from "contracts/interfaces/IRulePack.sol";
import { Classification } from "contracts/types/Listing.sol";

/// @notice A pack that answers whatever it is told to.
contract SetPack is IRulePack {
    bytes2 public constant jurisdiction = "VN";
    bytes32 public constant rules = "set";

    uint24 public version;
    uint16 public listingRule;
    uint8 public required;
    uint16 public saleRule;

    constructor(uint24 version_) {
        version = version_;
    }

    function set(uint16 listingRule_, uint8 required_, uint16 saleRule_) external {
        (listingRule, required, saleRule) = (listingRule_, required_, saleRule_);
    }

    function decideListing(Classification calldata, bool, bool) external view returns (uint16, uint8) {
        return (listingRule, required);
    }

    function decideSale(Classification calldata, uint8, bytes2, bytes2, bool) external view returns (uint16) {
        return saleRule;
    }
}

/// @notice A pack that states a version and fails at every decision, in the way it is told to.
contract BrokenPack {
    enum Fault {
        Revert,
        Nothing,
        Short,
        TooWide,
        EatGas,
        ReturnBomb,
        RevertBomb,
        Write
    }

    error Broken();

    uint24 public constant version = 7;

    Fault public immutable FAULT;

    uint256 public writes;

    constructor(Fault fault) {
        FAULT = fault;
    }

    fallback() external {
        Fault fault = FAULT;
        if (fault == Fault.Revert) revert Broken();
        if (fault == Fault.Write) ++writes;
        if (fault == Fault.EatGas) while (true) { }
        if (fault == Fault.Short) _give(31, 0, false);
        if (fault == Fault.TooWide) _give(64, type(uint256).max, false);
        if (fault == Fault.ReturnBomb) _give(1 << 20, type(uint256).max, false);
        if (fault == Fault.RevertBomb) _give(1 << 20, 0, true);
    }

    function _give(uint256 size, uint256 word, bool failing) private pure {
        assembly {
            mstore(0, word)
            mstore(32, word)
            if failing { revert(0, size) }
            return(0, size)
        }
    }
}
