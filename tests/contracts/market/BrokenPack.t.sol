// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IExchange } from "contracts/interfaces/IExchange.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial } from "contracts/types/Licence.sol";
import { PlanDraft, TRANSFERABLE, UPDATES } from "contracts/types/Plan.sol";
import { Fault, FaultyPack } from "../mocks/market/Packs.sol";
import { Market } from "./Market.sol";

/// @notice A rule pack that fails stops what it decides, purchases, renewals, transfers and upgrades, and nothing else.
contract BrokenPackTest is Market {
    uint256 internal constant BLOCK_GAS = 30_000_000;

    PlanId internal plan;
    FaultyPack internal faulty;
    LicenceId internal mine;
    LicenceId[6] internal open;

    function setUp() public override {
        super.setUp();
        PlanDraft memory draft = monthly();
        draft.flags = TRANSFERABLE | UPDATES;
        plan = listed(draft);
        addVersion(plan);
        mine = owned(plan);
        for (uint256 i; i < open.length; ++i) {
            open[i] = buy(plan);
        }
        dispute(open[1]);
        dispute(open[2]);
        faulty = new FaultyPack(pack);
        vm.prank(governor);
        listings.setRulePack(address(faulty));
    }

    function test_R14_threat_C25_APackThatRefusesNamesItsRule() external {
        faulty.setFault(Fault.Refuses);
        failsClosed(abi.encodeWithSelector(IListings.Listings_Refused.selector, uint24(2), uint16(77)));
        goesOn();
    }

    function test_threat_C25_APackThatReverts() external {
        faulty.setFault(Fault.Reverts);
        failsClosed(abi.encodeWithSelector(FaultyPack.FaultyPack_Broken.selector));
        goesOn();
    }

    function test_threat_C25_APackThatAnswersNothing() external {
        faulty.setFault(Fault.Empty);
        failsClosed("");
        goesOn();
    }

    function test_threat_C25_APackThatAnswersGarbage() external {
        faulty.setFault(Fault.Garbage);
        failsClosed("");
        goesOn();
    }

    function test_threat_C23_C25_APackThatAnswersAMegabyteOfGarbage() external {
        faulty.setFault(Fault.Bomb);
        failsClosed("");
        goesOn();
    }

    function test_threat_C23_C25_APackThatEatsAllGas() external {
        faulty.setFault(Fault.EatsGas);
        failsClosed("");
        goesOn();
    }

    function test_threat_C25_APackWithoutCode() external {
        vm.etch(address(faulty), "");
        failsClosed("");
        goesOn();
    }

    function test_R14_APackThatIsRepairedSellsAgainUnderItsOwnVersion() external {
        faulty.setFault(Fault.Reverts);
        failsClosed(abi.encodeWithSelector(FaultyPack.FaultyPack_Broken.selector));
        faulty.setFault(Fault.None);
        LicenceId id = buy(plan);
        assertEq(licences.licence(id).pack, 2);
        assertEq(licences.licence(mine).pack, 1, "what was sold keeps the pack it was sold under");
        renew(mine);
        assertEq(licences.licence(mine).pack, 2);
    }

    function failsClosed(bytes memory why) private {
        uint32 held = uint32(licences.balanceOf(buyer));
        uint40 end = licences.licence(mine).expiresAt;
        IExchange.BankPayment memory payment = bankPayment("ref", buyer, plan, LicenceId.wrap(0));
        IExchange.Permit memory permit;
        bytes32 sold = keccak256(abi.encode(listings.plan(plan)));
        uint256 money = token.balanceOf(buyer);
        fails(address(exchange), abi.encodeCall(exchange.buy, (plan, 1, held)), why);
        fails(address(exchange), abi.encodeCall(exchange.buyWithPermit, (plan, 1, held, permit)), why);
        fails(address(exchange), abi.encodeCall(exchange.buyWithBank, (plan, 1, held, payment)), why);
        fails(address(exchange), abi.encodeCall(exchange.renew, (mine, 1, end)), why);
        fails(address(licences), abi.encodeCall(licences.upgrade, (mine, 2)), why);
        fails(address(licences), abi.encodeCall(licences.transferFrom, (buyer, second, mine.tokenId())), why);
        assertFalse(licences.isTransferable{ gas: BLOCK_GAS }(mine.tokenId(), buyer, second));
        assertEq(keccak256(abi.encode(listings.plan(plan))), sold);
        assertEq(token.balanceOf(buyer), money);
        assertFalse(exchange.paymentUsed("ref"));
    }

    function goesOn() private {
        assertDenial(mine, buyer, Denial.Granted);
        confirm(open[0]);
        resolve(open[1], 5);
        refund(open[3]);
        dispute(open[4]);
        skip(ARBITRATION);
        release(open[5]);
        lapse(open[2]);
        lapse(open[4]);
        revoke(mine);
        withdraw(buyer);
        withdraw(seller);
        withdraw(treasury);
        withdraw(taxAuthority);
        assertEq(token.balanceOf(address(exchange)), 0);
    }

    function fails(address target, bytes memory call, bytes memory why) private {
        vm.prank(buyer);
        (bool ok, bytes memory result) = target.call{ gas: BLOCK_GAS }(call);
        assertFalse(ok);
        assertEq(result, why);
    }
}
