// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC1271 } from "@openzeppelin/contracts/interfaces/IERC1271.sol";

enum Mood {
    Yes,
    No,
    Reverts,
    Short,
    Bomb,
    EatsGas
}

/// @notice A payment provider that is a contract, and changes its mind.
contract MoodySigner is IERC1271 {
    error MoodySigner_Sulks();

    Mood public mood;

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function isValidSignature(bytes32, bytes memory) external view returns (bytes4) {
        if (mood == Mood.Yes) return IERC1271.isValidSignature.selector;
        if (mood == Mood.No) return 0xffffffff;
        if (mood == Mood.Reverts) revert MoodySigner_Sulks();
        if (mood == Mood.EatsGas) {
            for (uint256 i;; ++i) {
                keccak256(abi.encode(i));
            }
        }
        bytes32 magic = IERC1271.isValidSignature.selector;
        uint256 size = mood == Mood.Short ? 4 : 1000000;
        assembly ("memory-safe") {
            mstore(0, magic)
            return(0, size)
        }
    }
}
