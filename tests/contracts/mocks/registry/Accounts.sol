// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC1271 } from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import { IERC721Receiver } from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";

/// @notice An account that reverts whenever it is called.
contract Trap {
    error Called();

    fallback() external payable {
        revert Called();
    }
}

/// @notice An account that accepts tokens, and counts how often it was asked to.
contract Acceptor is IERC721Receiver {
    uint256 public asked;

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        ++asked;
        return IERC721Receiver.onERC721Received.selector;
    }
}

/// @notice An ERC-1271 wallet that accepts one hash, or answers in a way it should not.
contract Wallet is IERC1271 {
    enum Mode {
        Honest,
        WrongMagic,
        Reverts,
        EatsGas
    }

    error Refuses();

    Mode public mode;
    bytes32 public accepted;

    function accept(bytes32 hash) external {
        accepted = hash;
    }

    function set(Mode mode_) external {
        mode = mode_;
    }

    function isValidSignature(bytes32 hash, bytes calldata) external view returns (bytes4) {
        if (mode == Mode.Reverts) revert Refuses();
        if (mode == Mode.EatsGas) while (true) { }
        if (mode == Mode.WrongMagic) return 0xffffffff;
        return hash == accepted ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
