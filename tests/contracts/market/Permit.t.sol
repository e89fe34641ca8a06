// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { MessageHashUtils } from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { OrderStatus } from "contracts/types/Licence.sol";
import { BUYER, Standing } from "contracts/types/Participant.sol";
import { Currency } from "contracts/types/Plan.sol";
import { BombToken, QuirkyToken } from "../mocks/market/Tokens.sol";
import { Market } from "./Market.sol";

contract PermitTest is Market {
    bytes32 internal constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    uint256 internal constant ORDER_OF_CURVE =
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    PlanId internal plan;
    IExchange.Permit internal permit;

    function setUp() public override {
        super.setUp();
        plan = listed();
        vm.prank(buyer);
        token.approve(address(exchange), 0);
        permit = signed(buyerKey, address(exchange), PRICE, block.timestamp + 1 hours);
    }

    function test_BuyWithPermit_RevertWhen_CurrencyHasNoToken() external {
        plan = listed(priced(PRICE, BANK));
        refused(abi.encodeWithSelector(IExchange.Exchange_NotPayableByToken.selector, BANK));
    }

    function test_BuyWithPermit_RevertWhen_CurrencyInactive() external {
        vm.prank(governor);
        exchange.activateCurrency(DONG, false);
        refused(abi.encodeWithSelector(IExchange.Exchange_NotPayableByToken.selector, DONG));
    }

    function test_BuyWithPermit_RevertWhen_Halted() external {
        haltMarket();
        refused(abi.encodeWithSelector(IExchange.Exchange_IsHalted.selector));
    }

    function test_R17_BuyWithPermit_RevertWhen_TheGateRefuses() external {
        suspend(buyer);
        refused(ineligible(buyer, BUYER, Standing.Suspended));
        vm.prank(supervisor);
        participants.reinstate(buyer, REASON);
        closePlan(plan);
        refused(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, plan));
    }

    function test_BuyWithPermit_InOneTransactionAndLeavesNoAllowance() external {
        LicenceId id = first(plan);
        uint40 deadline = uint40(block.timestamp) + CONFIRM;
        vm.expectEmit(address(exchange));
        emit IExchange.Purchased(id, buyer, 1, PACK, PRICE, FEE, TAX, deadline);
        buyNow();
        assertOrder(id, OrderStatus.Open);
        assertEq(token.allowance(buyer, address(exchange)), 0);
        assertEq(token.balanceOf(address(exchange)), PRICE);
        checkJournals();
    }

    function test_BuyWithPermit_WithAnAllowanceAndARottenPermit() external {
        vm.prank(buyer);
        token.approve(address(exchange), PRICE);
        permit.r = 0;
        buyNow();
        assertEq(token.allowance(buyer, address(exchange)), 0);
    }

    function test_BuyWithPermit_ATokenWithoutPermitTakesTheAllowance() external {
        QuirkyToken plain = new QuirkyToken();
        plan = listed(priced(PRICE, addCurrency(address(plain))));
        plain.mint(buyer, PRICE);
        vm.prank(buyer);
        plain.approve(address(exchange), PRICE);
        buyNow();
        assertEq(plain.balanceOf(address(exchange)), PRICE);
    }

    function test_threat_C09_BuyWithPermit_RevertWhen_ThePermitIsSomebodyElses() external {
        vm.prank(second);
        token.approve(address(exchange), 0);
        reverts(lacksAllowance());
        vm.prank(second);
        exchange.buyWithPermit(plan, 1, 0, permit); // the buyer's
        assertEq(token.nonces(buyer), 0);
    }

    function test_threat_C10_BuyWithPermit_WhenThePermitWasFrontRun() external {
        vm.prank(outsider);
        token.permit(buyer, address(exchange), PRICE, permit.deadline, permit.v, permit.r, permit.s);
        buyNow();
        assertOrder(first(plan), OrderStatus.Open);
        assertEq(token.allowance(buyer, address(exchange)), 0);
    }

    function test_threat_C11_BuyWithPermit_RevertWhen_Replayed() external {
        buyNow();
        reverts(lacksAllowance());
        vm.prank(buyer);
        exchange.buyWithPermit(plan, 1, 1, permit);
    }

    function test_threat_C11_BuyWithPermit_RevertWhen_AfterItsDeadline() external {
        vm.warp(permit.deadline + 1);
        refused(lacksAllowance());
        vm.warp(permit.deadline);
        buyNow();
    }

    function test_threat_C11_BuyWithPermit_RevertWhen_SignedForAnotherChain() external {
        vm.chainId(block.chainid + 1);
        refused(lacksAllowance());
    }

    function test_threat_C11_BuyWithPermit_RevertWhen_SignedForAnotherSpender() external {
        permit = signed(buyerKey, outsider, PRICE, permit.deadline);
        refused(lacksAllowance());
    }

    function testFuzz_threat_C11_BuyWithPermit_RevertWhen_SignedForAnotherAmount(uint256 amount) external {
        vm.assume(amount != PRICE);
        permit = signed(buyerKey, address(exchange), amount, permit.deadline);
        refused(lacksAllowance());
    }

    function test_threat_C11_BuyWithPermit_RevertWhen_Malleated() external {
        permit.s = bytes32(ORDER_OF_CURVE - uint256(permit.s));
        permit.v = permit.v == 27 ? 28 : 27;
        refused(lacksAllowance());
    }

    function test_threat_C11_BuyWithPermit_RevertWhen_RecoveryGivesTheZeroAddress() external {
        (permit.v, permit.r, permit.s) = (0, 0, 0);
        refused(lacksAllowance());
    }

    function test_threat_C23_BuyWithPermit_APermitThatAnswersWithAMegabyteDoesNoHarm() external {
        BombToken bomb = new BombToken();
        plan = listed(priced(PRICE, addCurrency(address(bomb))));
        bomb.mint(buyer, PRICE);
        vm.prank(buyer);
        bomb.approve(address(exchange), PRICE);
        buyNow();
        assertEq(bomb.balanceOf(address(exchange)), PRICE);
    }

    function addCurrency(address token_) private returns (Currency) {
        vm.prank(governor);
        return exchange.addCurrency(token_);
    }

    function buyNow() private {
        vm.prank(buyer);
        exchange.buyWithPermit(plan, 1, 0, permit);
    }

    function refused(bytes memory why) private {
        reverts(why);
        vm.prank(buyer);
        exchange.buyWithPermit(plan, 1, 0, permit);
    }

    function lacksAllowance() private view returns (bytes memory) {
        return abi.encodeWithSelector(
            IERC20Errors.ERC20InsufficientAllowance.selector, address(exchange), uint256(0), PRICE
        );
    }

    function signed(uint256 key, address spender, uint256 amount, uint256 deadline)
        private
        view
        returns (IExchange.Permit memory p)
    {
        bytes32 message =
            keccak256(abi.encode(PERMIT_TYPEHASH, buyer, spender, amount, token.nonces(buyer), deadline));
        p.deadline = deadline;
        (p.v, p.r, p.s) = vm.sign(key, MessageHashUtils.toTypedDataHash(token.DOMAIN_SEPARATOR(), message));
    }
}
