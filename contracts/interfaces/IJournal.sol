// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A contract whose whole event history is committed to by one storage slot. For every event it emits, inherited
/// ones included, in order of emission:
///
///     head' = keccak256(head ‖ topic0 ‖ keccak256(abi.encode(all arguments in declared order)))
///
/// A history that folds to `journalHead` is complete: nothing altered, reordered, left out or cut off. The first head is 0.
interface IJournal {
    function journalHead() external view returns (bytes32);
}
