// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Vm } from "forge-std/Vm.sol";
import { IJournal } from "contracts/interfaces/IJournal.sol";
import { Base } from "../Base.t.sol";

/// @notice Replays what was logged since before deployment and compares with every `journalHead`. Any test that inherits it may call
/// `checkJournals` at any point, any number of times.
/// @dev Every argument of every event here is of a static type and the indexed ones come first, so that the encoding of all of them
/// is the topics and then the data. An event that broke this would not fold.
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
        for (uint256 i = 1; i < log.topics.length; ++i) {
            encoded = bytes.concat(encoded, log.topics[i]);
        }
        return bytes.concat(encoded, log.data);
    }
}
