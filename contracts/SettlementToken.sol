// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { ERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @notice A đồng token for pilots and local chains ONLY. On a real exchange this is a licensed bank's tokenised deposit, or
/// payments are confirmed by banks and no token is used at all.
contract SettlementToken is ERC20, ERC20Permit, AccessManaged {
    constructor(address authority)
        ERC20(unicode"Socai đồng (pilot)", "sVND")
        ERC20Permit(unicode"Socai đồng (pilot)")
        AccessManaged(authority)
    { }

    /// @notice The đồng has no smaller unit.
    function decimals() public pure override returns (uint8) {
        return 0;
    }

    /// @notice Creates money.
    /// @dev WARNING, admin power: on a pilot this stands for a deposit at the bank.
    function mint(address to, uint256 amount) external restricted {
        _mint(to, amount);
    }

    /// @notice Destroys the caller's own money, as when it is paid out by the bank.
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }
}
