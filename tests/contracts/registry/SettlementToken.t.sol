// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IERC20Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { ERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import { SettlementToken } from "../Deployed.sol";
import { Registry } from "./Registry.sol";

contract SettlementTokenTest is Registry {
    bytes32 internal constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function test_names() public view {
        assertEq(token.name(), unicode"Socai đồng (pilot)");
        assertEq(token.symbol(), "sVND");
        assertEq(token.decimals(), 0);
    }

    function testFuzz_threat_C21_mint_onlyTheMinter(address caller, uint256 amount) public {
        vm.assume(caller != operator && caller != address(authority));
        vm.prank(caller);
        expectUnauthorized(caller);
        token.mint(caller, amount);
    }

    function testFuzz_mint_creates(address to, uint128 amount) public {
        vm.assume(to != address(0));
        (uint256 supply, uint256 balance) = (token.totalSupply(), token.balanceOf(to));
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), to, amount);
        vm.prank(operator);
        token.mint(to, amount);
        assertEq(token.balanceOf(to), balance + amount);
        assertEq(token.totalSupply(), supply + amount);
    }

    function testFuzz_burn_destroysOnesOwn(uint256 amount) public {
        uint256 balance = token.balanceOf(buyer);
        amount = bound(amount, 0, 2 * balance);
        vm.prank(buyer);
        if (amount > balance) {
            vm.expectRevert(
                abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, balance, amount)
            );
        } else {
            vm.expectEmit(address(token));
            emit IERC20.Transfer(buyer, address(0), amount);
        }
        token.burn(amount);
        if (amount <= balance) {
            assertEq(token.balanceOf(buyer), balance - amount);
            assertEq(token.totalSupply(), balance - amount);
        }
    }

    function testFuzz_permit_setsAnAllowanceOnce(uint256 value, uint32 ahead) public {
        uint256 deadline = time() + ahead;
        (uint8 v, bytes32 r, bytes32 s) = permit(token, buyerKey, value, deadline);
        token.permit(buyer, outsider, value, deadline, v, r, s);
        assertEq(token.allowance(buyer, outsider), value);
        assertEq(token.nonces(buyer), 1);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        token.permit(buyer, outsider, value, deadline, v, r, s);
    }

    function test_threat_C11_permit_deadline() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(token, buyerKey, 1, time() - 1);
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, time() - 1));
        token.permit(buyer, outsider, 1, time() - 1, v, r, s);
    }

    function test_threat_C11_permit_otherKeyChainOrToken() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(token, custodianKey, 1, time());
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612InvalidSigner.selector, custodian, buyer));
        token.permit(buyer, outsider, 1, time(), v, r, s);

        SettlementToken other = SettlementToken(deploy("SettlementToken", abi.encode(address(authority))));
        (v, r, s) = permit(other, buyerKey, 1, time());
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        token.permit(buyer, outsider, 1, time(), v, r, s);

        (v, r, s) = permit(token, buyerKey, 1, time());
        vm.chainId(777);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        token.permit(buyer, outsider, 1, time(), v, r, s);
    }

    function permit(SettlementToken of_, uint256 key, uint256 value, uint256 deadline)
        private
        view
        returns (uint8, bytes32, bytes32)
    {
        bytes32 message = keccak256(abi.encode(PERMIT, buyer, outsider, value, of_.nonces(buyer), deadline));
        return vm.sign(key, keccak256(abi.encodePacked("\x19\x01", of_.DOMAIN_SEPARATOR(), message)));
    }
}
