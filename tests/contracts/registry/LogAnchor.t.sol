// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ILogAnchor } from "contracts/interfaces/ILogAnchor.sol";
import { CUSTODIAN, Standing } from "contracts/types/Participant.sol";
import { Registry } from "./Registry.sol";

contract LogAnchorTest is Registry {
    function test_R20_anchor_onlyACustodianInGoodStanding() public {
        address[7] memory callers = [seller, buyer, reviewer, provider, arbiter, supervisor, operator];
        for (uint256 i; i < 7; ++i) {
            expectAnchorIneligible(callers[i], Standing.RoleMissing);
        }
        uint256 snapshot = vm.snapshotState();
        for (uint8 how = 1; how <= 3; ++how) {
            lose(custodian, Standing(how));
            expectAnchorIneligible(custodian, Standing(how));
            vm.revertToState(snapshot);
        }
    }

    function test_latest_ofNothing() public {
        assertEq(logAnchor.count(custodian), 0);
        expectError(ILogAnchor.LogAnchor_NoCheckpoint.selector);
        logAnchor.latest(custodian);
        expectError(ILogAnchor.LogAnchor_NoCheckpoint.selector);
        logAnchor.checkpoint(custodian, 0);
    }

    function testFuzz_anchor_appendsAndEmits(uint64[8] memory steps, bytes32[8] memory roots) public {
        uint64 size;
        for (uint256 i; i < 8; ++i) {
            size += uint64(bound(steps[i], i == 0 ? 0 : 1, type(uint64).max / 8));
            skip(1 hours);
            vm.expectEmit(address(logAnchor));
            emit ILogAnchor.Anchored(custodian, i, size, roots[i], time());
            anchor(size, roots[i]);
            assertEq(logAnchor.count(custodian), i + 1);
            bytes memory expected = abi.encode(ILogAnchor.Checkpoint(size, time(), roots[i]));
            assertSame(abi.encode(logAnchor.latest(custodian)), expected);
            assertSame(abi.encode(logAnchor.checkpoint(custodian, i)), expected);
        }
        expectError(ILogAnchor.LogAnchor_NoCheckpoint.selector);
        logAnchor.checkpoint(custodian, 8);
        assertEq(logAnchor.checkpoint(custodian, 0).root, roots[0]);
    }

    function testFuzz_threat_C20_theLogNeverShrinks(uint64 anchored, uint64 size, bytes32 root) public {
        anchored = uint64(bound(anchored, 1, type(uint64).max));
        size = uint64(bound(size, 0, anchored - 1));
        anchor(anchored, "root");
        vm.prank(custodian);
        vm.expectRevert(abi.encodeWithSelector(ILogAnchor.LogAnchor_Shrunk.selector, size, anchored));
        logAnchor.anchor(size, root);
    }

    function testFuzz_threat_C20_theLogNeverForks(uint64 size, bytes32 root, bytes32 other) public {
        vm.assume(root != other);
        anchor(size, root);
        vm.prank(custodian);
        vm.expectRevert(abi.encodeWithSelector(ILogAnchor.LogAnchor_Forked.selector, size, other, root));
        logAnchor.anchor(size, other);
        assertEq(logAnchor.latest(custodian).root, root);
    }

    function test_threat_C20_noCustodianCanSpoilTheLogOfAnother() public {
        address second = makeAddr("second custodian");
        appoint(second, CUSTODIAN);
        anchor(5, "root");
        vm.prank(second);
        logAnchor.anchor(type(uint64).max, "spoilt");
        anchor(6, "longer");
        assertEq(logAnchor.latest(custodian).root, "longer");
        assertEq(logAnchor.latest(second).root, "spoilt");
        assertEq(logAnchor.count(second), 1);
    }

    function testFuzz_anchor_repeatingChangesNothing(uint64 size, bytes32 root, uint32 later) public {
        anchor(size, root);
        bytes32 head = logAnchor.journalHead();
        bytes32 before = keccak256(abi.encode(logAnchor.latest(custodian)));
        skip(later % 300 days);
        vm.recordLogs();
        anchor(size, root);
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(logAnchor.count(custodian), 1);
        assertEq(logAnchor.journalHead(), head);
        assertEq(keccak256(abi.encode(logAnchor.latest(custodian))), before);
    }

    function test_threat_C20_theEmptyLogIsAnchoredOnceLikeAnyOther() public {
        bytes32 empty = sha256("");
        anchor(0, empty);
        vm.prank(custodian);
        vm.expectRevert(abi.encodeWithSelector(ILogAnchor.LogAnchor_Forked.selector, 0, bytes32("x"), empty));
        logAnchor.anchor(0, "x");
        anchor(type(uint64).max, "last");
    }

    function anchor(uint64 size, bytes32 root) private {
        vm.prank(custodian);
        logAnchor.anchor(size, root);
    }

    function expectAnchorIneligible(address caller, Standing standing) private {
        vm.prank(caller);
        expectIneligible(caller, CUSTODIAN, standing);
        logAnchor.anchor(1, "root");
    }
}
