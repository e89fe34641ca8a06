// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;
abstract contract Journal {
    bytes32 public journalHead;
    function _journal(bytes32 topic0, bytes memory args) internal {
        journalHead = keccak256(abi.encode(journalHead, topic0, keccak256(args)));
    }
}
