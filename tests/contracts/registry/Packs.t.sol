// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IRulePack } from "contracts/interfaces/IRulePack.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial } from "contracts/types/Licence.sol";
import { LEGAL, PersonalData, VersionDraft } from "contracts/types/Listing.sol";
import { SELLER } from "contracts/types/Participant.sol";
import { TRANSFERABLE, PlanDraft } from "contracts/types/Plan.sol";
import { BrokenPack, SetPack } from "../mocks/registry/Packs.sol";
import { Registry } from "./Registry.sol";

/// @dev Every call has a gas limit: a pack that eats gas would otherwise eat the whole test's.
contract PacksTest is Registry {
    uint256 internal constant GAS = 12_000_000;

    PlanId internal plan;
    uint48 internal id;
    LicenceId internal licence;
    address internal heir = makeAddr("heir");

    function setUp() public override {
        super.setUp();
        accredit(heir, SELLER);
        PlanDraft memory draft = planDraft();
        draft.duration = 30 days;
        plan = listed(draft);
        id = plan.listing();
        licence = owned(plan);
    }

    function test_threat_C25_aPackThatReverts() public {
        everything(BrokenPack.Fault.Revert, abi.encodeWithSelector(BrokenPack.Broken.selector));
    }

    function test_threat_C25_aPackThatAnswersNothing() public {
        everything(BrokenPack.Fault.Nothing, "");
    }

    function test_threat_C25_aPackThatAnswersTooLittle() public {
        everything(BrokenPack.Fault.Short, "");
    }

    function test_threat_C25_aPackThatAnswersOutOfRange() public {
        everything(BrokenPack.Fault.TooWide, "");
    }

    function test_threat_C25_aPackThatEatsTheGas() public {
        everything(BrokenPack.Fault.EatGas, "");
    }

    function test_threat_C25_C23_aPackThatReturnsABomb() public {
        everything(BrokenPack.Fault.ReturnBomb, "");
    }

    function test_threat_C25_C23_aPackThatRevertsWithABomb() public {
        force(BrokenPack.Fault.RevertBomb);
        fails(seller, abi.encodeCall(listings.reclassify, (id, ordinary(), 0, REASON)));
        fails(buyer, abi.encodeCall(listings.gate, (plan, 1, buyer)));
        restOfTheExchangeGoesOn();
    }

    function test_threat_C25_aPackThatTriesToWrite() public {
        everything(BrokenPack.Fault.Write, "");
    }

    /// @dev What it asks for beyond the known kinds nobody can attest: it locks its own listings, no others.
    function test_threat_C25_aPackThatAsksForTheImpossible() public {
        SetPack impossible = new SetPack(2);
        impossible.set(0, 0xff, 0);
        setPack(address(impossible));
        assertDenial(licence, Denial.Granted);
        vm.prank(seller);
        listings.reclassify(id, ordinary(), 0, REASON);
        attest(id, 1, LEGAL);
        assertDenial(licence, Denial.NotAttested);
        setPack(address(new SetPack(3)));
        vm.prank(seller);
        listings.reclassify(id, ordinary(), 0, REASON);
        assertDenial(licence, Denial.Granted);
    }

    function everything(BrokenPack.Fault fault, bytes memory reason) private {
        force(fault);
        VersionDraft memory draft = versionDraft(seller);
        bytes memory publishing =
            abi.encodeCall(listings.publish, (ordinary(), 0, draft, one(planDraft()), none()));
        assertEq(fails(seller, publishing), reason);
        bytes memory classifying = abi.encodeCall(listings.reclassify, (id, core(), 0, REASON));
        assertEq(fails(seller, classifying), reason);
        assertEq(fails(supervisor, classifying), reason);
        assertEq(fails(seller, abi.encodeCall(listings.transferFrom, (seller, heir, id))), reason);
        assertEq(fails(buyer, abi.encodeCall(listings.gate, (plan, 1, buyer))), reason);
        assertEq(fails(buyer, abi.encodeCall(listings.checkHolder, (id, 1, buyer))), reason);
        uint40 expiresAt = licences.licence(licence).expiresAt;
        vm.startPrank(buyer);
        (bool bought,) = address(exchange).call{ gas: GAS }(abi.encodeCall(exchange.buy, (plan, 1, 1)));
        (bool renewed,) =
            address(exchange).call{ gas: GAS }(abi.encodeCall(exchange.renew, (licence, 1, expiresAt)));
        vm.stopPrank();
        assertFalse(bought);
        assertFalse(renewed);
        restOfTheExchangeGoesOn();
    }

    function restOfTheExchangeGoesOn() private {
        assertDenial(licence, Denial.Granted);
        uint24 second = addVersion(id);
        addPlan(id, planDraft());
        attest(id, second, LEGAL);
        freeze(id);
        assertDenial(licence, Denial.ListingFrozen);
        vm.prank(arbiter);
        listings.unfreeze(id, REASON);
        withdrawVersion(id, second);
        vm.prank(seller);
        exchange.withdraw(DONG);
        delist(id);
        assertDenial(licence, Denial.Granted);

        setPack(address(new SetPack(8)));
        vm.prank(seller);
        listings.reclassify(id, ordinary(), 0, REASON);
        assertEq(listings.checkHolder(id, 1, buyer), 8);
        vm.prank(seller);
        listings.transferFrom(seller, heir, id);
        publish(seller, planDraft(), none());
    }

    function force(BrokenPack.Fault fault) private {
        setPack(address(new BrokenPack(fault)));
    }

    function setPack(address next) private {
        vm.prank(governor);
        listings.setRulePack(next);
        (address inForce, uint24 version) = listings.rulePack();
        assertEq(inForce, next);
        assertEq(version, IRulePack(next).version());
    }

    function fails(address by, bytes memory call) private returns (bytes memory reason) {
        bytes32 head = listings.journalHead();
        bool done;
        vm.prank(by);
        (done, reason) = address(listings).call{ gas: GAS }(call);
        assertFalse(done);
        assertEq(listings.journalHead(), head);
    }
}
