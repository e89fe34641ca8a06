// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Journal } from "./Journal.sol";
import { ILogAnchor } from "./interfaces/ILogAnchor.sol";
import { IParticipants } from "./interfaces/IParticipants.sol";
import { CUSTODIAN } from "./types/Participant.sol";

/// @notice See {ILogAnchor}.
contract LogAnchor is ILogAnchor, Journal {
    IParticipants public immutable PARTICIPANTS;

    Checkpoint[] private _checkpoints;

    constructor(IParticipants participants) {
        PARTICIPANTS = participants;
    }

    /// @inheritdoc ILogAnchor
    function anchor(uint64 size, bytes32 root) external {
        PARTICIPANTS.check(msg.sender, CUSTODIAN);
        uint256 index = _checkpoints.length;
        if (index != 0) {
            Checkpoint memory last = _checkpoints[index - 1];
            require(size >= last.size, LogAnchor_Shrunk(size, last.size));
            if (size == last.size) {
                require(root == last.root, LogAnchor_Forked(size, root, last.root));
                return;
            }
        }

        _checkpoints.push(Checkpoint({ size: size, time: uint40(block.timestamp), root: root }));

        emit Anchored(index, size, root, msg.sender);
        _journal(Anchored.selector, abi.encode(index, size, root, msg.sender));
    }

    /// @inheritdoc ILogAnchor
    function latest() external view returns (Checkpoint memory) {
        require(_checkpoints.length != 0, LogAnchor_NoCheckpoint());
        return _checkpoints[_checkpoints.length - 1];
    }

    /// @inheritdoc ILogAnchor
    function checkpoint(uint256 index) external view returns (Checkpoint memory) {
        require(index < _checkpoints.length, LogAnchor_NoCheckpoint());
        return _checkpoints[index];
    }

    /// @inheritdoc ILogAnchor
    function count() external view returns (uint256) {
        return _checkpoints.length;
    }
}
