// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { PlanId } from "contracts/types/Ids.sol";
import { Base } from "../Base.t.sol";

/// forge-config: default.isolate = true
contract GasTest is Base {
    function test_gas_purchase() public {
        PlanId plan = listed();
        address someone = makeAddr("someone");
        accredit(someone, 2);
        fund(someone, 1e12);
        buy(plan, someone);
        vm.startPrank(buyer);
        exchange.buy(plan, 1, 0);
        vm.snapshotGasLastCall("buy, first of a buyer");
        exchange.buy(plan, 1, 1);
        vm.snapshotGasLastCall("buy, again");
    }
}
