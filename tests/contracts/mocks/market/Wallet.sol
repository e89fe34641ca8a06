// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A contract that buys: does what it is told, and again from inside a token's hook. Refuses every ERC-721 hook.
contract Wallet {
    error Wallet_Hooked();

    struct Act {
        address target;
        bytes data;
    }

    struct Outcome {
        bool ok;
        bytes result;
    }

    Act[] private _plan;
    Outcome[] private _outcomes;

    /// @notice What to do the next time a hook is called, one after the other.
    function plan(address target, bytes calldata data) external {
        _plan.push(Act(target, data));
    }

    function outcome(uint256 i) external view returns (bool ok, bytes memory result) {
        return (_outcomes[i].ok, _outcomes[i].result);
    }

    function outcomes() external view returns (uint256) {
        return _outcomes.length;
    }

    function act(address target, bytes calldata data) external returns (bytes memory result) {
        bool ok;
        (ok, result) = target.call(data);
        if (!ok) _revert(result);
    }

    /// @notice Called by `HookToken` while money leaves or reaches this wallet.
    function onMoney() external {
        while (_outcomes.length < _plan.length) {
            Act memory a = _plan[_outcomes.length];
            _outcomes.push();
            (bool ok, bytes memory result) = a.target.call(a.data);
            Outcome storage last = _outcomes[_outcomes.length - 1];
            (last.ok, last.result) = (ok, result);
        }
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        revert Wallet_Hooked();
    }

    function _revert(bytes memory result) private pure {
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }
}
