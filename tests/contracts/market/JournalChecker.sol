// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Vm } from "forge-std/Vm.sol";
import { IJournal } from "contracts/interfaces/IJournal.sol";
import { ILogAnchor } from "contracts/interfaces/ILogAnchor.sol";
import { Base } from "../Base.t.sol";

/// @notice Replays what was logged since before deployment and compares with every `journalHead`. Any test that inherits it may call
/// `checkJournals` at any point, any number of times.
/// @dev Every argument of every event here is of a static type, so that the encoding of all of them is one word (of a struct, one
/// a member) after the other, those that are indexed taken from the topics. An event that broke this would not fold.
/// forge also records what a call emitted before it reverted, which is no part of history: a test that goes on after such
/// a call puts it between `foldLogs` and `forgetLogs`.
abstract contract JournalChecker is Base {
    mapping(address emitter => bytes32) internal folded;
    mapping(address emitter => mapping(bytes32 topic0 => uint256)) internal seen;
    mapping(address emitter => bytes32[]) internal kinds;

    function setUp() public virtual override {
        vm.recordLogs();
        super.setUp();
    }

    function journalled() internal view returns (address[] memory list) {
        list = new address[](6);
        (list[0], list[1], list[2]) = (address(participants), address(listings), address(reviews));
        (list[3], list[4], list[5]) = (address(licences), address(exchange), address(logAnchor));
    }

    /// @dev Folds the logs recorded since the last call, then compares.
    function checkJournals() internal {
        foldLogs();
        address[] memory list = journalled();
        for (uint256 i; i < list.length; ++i) {
            assertEq(IJournal(list[i]).journalHead(), folded[list[i]], vm.toString(list[i]));
        }
    }

    /// @dev Takes the recorded logs, as `vm.getRecordedLogs` does, and folds them on the way.
    function foldLogs() internal returns (Vm.Log[] memory logs) {
        logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            Vm.Log memory log = logs[i];
            folded[log.emitter] = fold(folded[log.emitter], log);
            if (seen[log.emitter][log.topics[0]]++ == 0) kinds[log.emitter].push(log.topics[0]);
        }
    }

    function forgetLogs() internal {
        vm.getRecordedLogs();
    }

    function fold(bytes32 head, Vm.Log memory log) internal pure returns (bytes32) {
        return keccak256(abi.encode(head, log.topics[0], keccak256(arguments(log))));
    }

    /// @dev `abi.encode(all arguments in declared order)` of the event that was logged.
    function arguments(Vm.Log memory log) internal pure returns (bytes memory encoded) {
        bytes32[] memory data = words(log.data);
        uint256 indexed_ = indexedWords(log);
        (uint256 topic, uint256 word) = (1, 0);
        for (uint256 i; i < log.topics.length - 1 + data.length; ++i) {
            bytes32 next = indexed_ >> i & 1 == 1 ? log.topics[topic++] : data[word++];
            encoded = bytes.concat(encoded, next);
        }
    }

    /// @dev One bit a word: the indexed arguments come first, but for one event.
    function indexedWords(Vm.Log memory log) internal pure returns (uint256) {
        if (log.topics[0] == ILogAnchor.Anchored.selector) return 1 << 0 | 1 << 3;
        return 2 ** (log.topics.length - 1) - 1;
    }

    function words(bytes memory data) private pure returns (bytes32[] memory) {
        // Read as the array that this is, once its offset and length stand in front
        return abi.decode(bytes.concat(bytes32(uint256(32)), bytes32(data.length / 32), data), (bytes32[]));
    }
}
