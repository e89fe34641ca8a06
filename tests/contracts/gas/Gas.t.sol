// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IExchange } from "contracts/interfaces/IExchange.sol";
import { LicenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { LEGAL, Upstream, VersionDraft } from "contracts/types/Listing.sol";
import { BUYER, SELLER } from "contracts/types/Participant.sol";
import { DERIVABLE, PlanDraft } from "contracts/types/Plan.sol";
import { Base } from "../Base.t.sol";

/// @notice What each act costs as a transaction of its own, against `snapshots/GasTest.json`: `scripts/test forge` fails when they
/// differ; without `FORGE_SNAPSHOT_CHECK` the same test writes them anew. Every account acts for the first time unless its
/// snapshot says otherwise.
/// forge-config: default.isolate = true
contract GasTest is Base {
    /// @dev Takes payment, opens escrow, mints the licence and journals both: about 137,000 of it are the transaction, cold
    /// accounts and slots, new slots and logs.
    uint256 private constant FIRST_PURCHASE_BUDGET = 182_000;
    uint256 private constant PURCHASE_BUDGET = 160_000;

    PlanId private plan;

    /// @dev Slots that all participants share have been written before.
    function setUp() public override {
        super.setUp();
        plan = listed();
        address someone = makeAddr("someone");
        accredit(someone, BUYER);
        fund(someone, 1e12);
        confirm(buy(plan, someone));
        buy(plan, someone);
    }

    function test_gas_purchase() public {
        vm.startPrank(buyer);
        exchange.buy(plan, 1, 0);
        assertLe(vm.snapshotGasLastCall("buy, first of a buyer"), FIRST_PURCHASE_BUDGET);
        exchange.buy(plan, 1, 1);
        assertLe(vm.snapshotGasLastCall("buy, again"), PURCHASE_BUDGET);
    }

    function test_gas_purchaseWithPermit() public {
        vm.prank(buyer);
        token.approve(address(exchange), 0);
        IExchange.Permit memory permit = signPermit(PRICE);
        vm.prank(buyer);
        exchange.buyWithPermit(plan, 1, 0, permit);
        vm.snapshotGasLastCall("buy with permit, first of a buyer");
    }

    function test_gas_purchaseByBank() public {
        IExchange.BankPayment memory payment = bankPayment("ref", buyer, plan, LicenceId.wrap(0));
        vm.prank(buyer);
        exchange.buyWithBank(plan, 1, 0, payment);
        vm.snapshotGasLastCall("buy by bank, first of a buyer");
    }

    function test_gas_purchaseFree() public {
        PlanDraft memory draft = planDraft();
        draft.price = 0;
        PlanId free = listed(draft);
        vm.prank(buyer);
        exchange.buy(free, 1, 0);
        vm.snapshotGasLastCall("buy free, first of a buyer");
    }

    function test_gas_publish() public {
        PlanDraft[] memory plans = new PlanDraft[](1);
        plans[0] = planDraft();
        VersionDraft memory first = versionDraft(seller);
        VersionDraft memory second = versionDraft(seller);
        vm.startPrank(seller);
        listings.publish(ordinary(), 0, first, plans, new Upstream[](0));
        vm.snapshotGasLastCall("publish, one version and one plan");
        listings.addVersion(2, second);
        vm.snapshotGasLastCall("add version");
        listings.addPlan(2, planDraft());
        vm.snapshotGasLastCall("add plan");
        vm.stopPrank();
        vm.prank(reviewer);
        reviews.attest(2, 1, LEGAL, "evidence", 0);
        vm.snapshotGasLastCall("attest");
    }

    function test_gas_renew() public {
        PlanDraft memory draft = planDraft();
        draft.duration = 30 days;
        LicenceId licence = owned(listed(draft));
        uint40 expiresAt = licences.licence(licence).expiresAt;
        vm.prank(buyer);
        exchange.renew(licence, 1, expiresAt);
        vm.snapshotGasLastCall("renew");
    }

    function test_gas_confirm() public {
        LicenceId licence = buy(plan);
        vm.prank(buyer);
        exchange.confirm(licence);
        vm.snapshotGasLastCall("confirm");
    }

    function test_gas_confirmWithUpstreams() public {
        PlanId derived = derivedFrom(listings.MAX_UPSTREAMS());
        LicenceId licence = buy(derived);
        vm.prank(buyer);
        exchange.confirm(licence);
        vm.snapshotGasLastCall("confirm, 8 upstreams paid for the first time");
    }

    function test_gas_dispute() public {
        LicenceId licence = buy(plan);
        vm.prank(buyer);
        exchange.dispute(licence, REASON);
        vm.snapshotGasLastCall("dispute");
        vm.prank(arbiter);
        exchange.resolve(licence, PRICE / 2, REASON);
        vm.snapshotGasLastCall("resolve, in halves");
    }

    function test_gas_refund() public {
        LicenceId licence = buy(plan);
        vm.prank(seller);
        exchange.refund(licence);
        vm.snapshotGasLastCall("refund");
    }

    function test_gas_withdraw() public {
        vm.prank(seller);
        exchange.withdraw(DONG);
        vm.snapshotGasLastCall("withdraw");
    }

    function signPermit(uint256 amount) private view returns (IExchange.Permit memory permit) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 message = keccak256(
            abi.encode(
                typehash, buyer, address(exchange), amount, token.nonces(buyer), block.timestamp + 1 hours
            )
        );
        permit.deadline = block.timestamp + 1 hours;
        (permit.v, permit.r, permit.s) =
            vm.sign(buyerKey, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), message)));
    }

    /// @dev A listing that pays a share to each of `count` listings, all of different sellers.
    function derivedFrom(uint256 count) private returns (PlanId) {
        PlanDraft memory draft = planDraft();
        draft.flags = DERIVABLE;
        address deriver = makeAddr("deriver");
        accredit(deriver, SELLER | BUYER);
        fund(deriver, 1e12);
        Upstream[] memory upstreams = new Upstream[](count);
        for (uint256 i; i < count; ++i) {
            address owner = makeAddr(string(abi.encode(i)));
            accredit(owner, SELLER);
            uint48 id = publish(owner, draft, new Upstream[](0));
            attest(id, 1, LEGAL);
            LicenceId licence = buy(planOf(id), deriver);
            confirm(licence);
            upstreams[i] = Upstream({ licence: licence, shareBps: 500 });
        }
        uint48 derived = publish(deriver, draft, upstreams);
        attest(derived, 1, LEGAL);
        return planOf(derived);
    }

    function planOf(uint48 listing) private pure returns (PlanId) {
        return planId(listing, 0);
    }
}
