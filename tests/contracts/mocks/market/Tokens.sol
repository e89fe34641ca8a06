// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { Wallet } from "./Wallet.sol";

enum Quirk {
    None,
    TakesFee,
    GivesBonus,
    DrainsReceiver,
    ReturnsFalse,
    RevertsTransfer
}

/// @notice An ERC-20 that misbehaves as told, and that has no `permit`.
contract QuirkyToken is ERC20("Quirky", "QRK") {
    error Quirky_Blocked(address to);

    Quirk public quirk;
    address public blocked;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setQuirk(Quirk quirk_) external {
        quirk = quirk_;
    }

    function setBlocked(address account) external {
        blocked = account;
    }

    /// @notice As a rebase does: nobody asked.
    function rebase(address account, uint256 loss) external {
        _burn(account, loss);
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (to == blocked || quirk == Quirk.RevertsTransfer) revert Quirky_Blocked(to);
        if (quirk == Quirk.ReturnsFalse) return false;
        return super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (quirk == Quirk.ReturnsFalse) return false;
        super.transferFrom(from, to, value);
        if (quirk == Quirk.TakesFee) _burn(to, 1);
        if (quirk == Quirk.GivesBonus) _mint(to, 1);
        if (quirk == Quirk.DrainsReceiver) _burn(to, balanceOf(to));
        return true;
    }
}

/// @notice Calls the accounts that money moves between, as ERC-777 does.
contract HookToken is ERC20("Hook", "HOOK") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from.code.length != 0 && to != address(0)) _call(from);
        super._update(from, to, value);
        if (to.code.length != 0 && from != address(0)) _call(to);
    }

    function permit(address owner, address, uint256, uint256, uint8, bytes32, bytes32) external {
        _call(owner);
        revert("no");
    }

    function _call(address account) private {
        // Accounts without the hook are no wallets of ours.
        (bool ok,) = account.call(abi.encodeCall(Wallet.onMoney, ()));
        ok;
    }
}

/// @notice Moves money and returns nothing, as some old tokens do.
contract SilentToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice Eats everything it is given when asked for a permit, and answers with a megabyte.
contract BombToken is ERC20("Bomb", "BOMB") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external pure {
        assembly ("memory-safe") {
            revert(0, 1000000)
        }
    }
}
