// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Journal } from "./Journal.sol";
import { ILogAnchor } from "./interfaces/ILogAnchor.sol";
import { IParticipants } from "./interfaces/IParticipants.sol";
import { CUSTODIAN } from "./types/Participant.sol";

/// @notice See {ILogAnchor}.
contract LogAnchor is ILogAnchor, Journal {
    IParticipants public immutable PARTICIPANTS;

    mapping(address custodian => Checkpoint[]) private _checkpoints;

    constructor(IParticipants participants) {
        PARTICIPANTS = participants;
    }

    /// @inheritdoc ILogAnchor
    function anchor(uint64 size, bytes32 root) external {
        PARTICIPANTS.check(msg.sender, CUSTODIAN);
        Checkpoint[] storage log = _checkpoints[msg.sender];
        uint256 index = log.length;
        if (index != 0) {
            Checkpoint memory last = log[index - 1];
            require(size >= last.size, LogAnchor_Shrunk(size, last.size));
            if (size == last.size) {
                require(root == last.root, LogAnchor_Forked(size, root, last.root));
                return;
            }
        }

        uint40 time = uint40(block.timestamp);
        _checkpoints[msg.sender].push(Checkpoint({ size: size, time: time, root: root }));

        emit Anchored(msg.sender, index, size, root, time);
        _journal(Anchored.selector, abi.encode(msg.sender, index, size, root, time));
    }

    /// @inheritdoc ILogAnchor
    function latest(address custodian) external view returns (Checkpoint memory) {
        Checkpoint[] storage log = _checkpoints[custodian];
        require(log.length != 0, LogAnchor_NoCheckpoint());
        return log[log.length - 1];
    }

    /// @inheritdoc ILogAnchor
    function checkpoint(address custodian, uint256 index) external view returns (Checkpoint memory) {
        require(index < _checkpoints[custodian].length, LogAnchor_NoCheckpoint());
        return _checkpoints[custodian][index];
    }

    /// @inheritdoc ILogAnchor
    function count(address custodian) external view returns (uint256) {
        return _checkpoints[custodian].length;
    }
}
