// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Checkpoints of the off-chain access logs (C2SP tlog, RFC 6962 tree), one log for each custodian, so that none can
/// spoil another's: once anchored, a log can only grow.
interface ILogAnchor {
    /// @param size leaves in the tree
    /// @param time second of anchoring
    /// @param root RFC 6962 tree hash
    struct Checkpoint {
        uint64 size;
        uint40 time;
        bytes32 root;
    }

    event Anchored(address indexed custodian, uint256 indexed index, uint64 size, bytes32 root, uint40 time);

    /// @notice The log has shrunk since `anchored`.
    error LogAnchor_Shrunk(uint64 size, uint64 anchored);
    /// @notice Another root is already anchored for this size.
    error LogAnchor_Forked(uint64 size, bytes32 root, bytes32 anchored);
    error LogAnchor_NoCheckpoint();

    /// @notice Anchors a checkpoint of the caller's log; repeating the latest one changes nothing. Caller: a custodian.
    function anchor(uint64 size, bytes32 root) external;

    function latest(address custodian) external view returns (Checkpoint memory);

    function checkpoint(address custodian, uint256 index) external view returns (Checkpoint memory);

    function count(address custodian) external view returns (uint256);
}
