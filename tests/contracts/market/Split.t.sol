// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { BPS, Split } from "contracts/libraries/Split.sol";
import { Base } from "../Base.t.sol";

contract SplitTest is Base {
    function setUp() public override { }

    function testFuzz_R26_threat_C07_Divide_PartsSumToThePrice(uint96 price, uint16 fee, uint16 tax)
        external
        pure
    {
        (uint256 feeBps, uint256 taxBps) = (bound(fee, 0, 1000), bound(tax, 0, 2000));
        (uint256 feePart, uint256 taxPart, uint256 proceeds) = Split.divide(price, feeBps, taxBps);
        assertEq(feePart + taxPart + proceeds, price);
        assertEq(feePart, uint256(price) * feeBps / 10_000);
        assertEq(taxPart, uint256(price) * taxBps / 10_000);
        assertGe(proceeds, uint256(price) * 7000 / 10_000, "at the caps the seller side keeps 70 %");
    }

    function testFuzz_R26_Divide_EvenARateOfTheWholeNeverTakesMore(uint96 price, uint16 fee) external pure {
        uint256 feeBps = bound(fee, 0, BPS);
        (uint256 feePart, uint256 taxPart, uint256 proceeds) = Split.divide(price, feeBps, BPS - feeBps);
        assertEq(feePart + taxPart + proceeds, price);
        assertLe(proceeds, 1, "rounding leaves one at most");
    }

    function testFuzz_R06_Share_SharesOfAtMostTheWholeNeverExceedIt(
        uint256 proceeds,
        uint16[8] calldata wishes
    ) external pure {
        proceeds = bound(proceeds, 0, type(uint96).max);
        (uint256 room, uint256 total) = (BPS, 0);
        for (uint256 i; i < 8; ++i) {
            uint256 shareBps = bound(wishes[i], 0, room);
            room -= shareBps;
            total += Split.share(proceeds, shareBps);
        }
        assertLe(total, proceeds);
        assertLe(
            proceeds - total, proceeds * room / BPS + 9, "what is lost to rounding stays below one a part"
        );
    }

    function testFuzz_Share_RoundsDown(uint96 proceeds, uint16 shareBps) external pure {
        shareBps = uint16(bound(shareBps, 0, BPS));
        uint256 part = Split.share(proceeds, shareBps);
        assertLe(part * BPS, uint256(proceeds) * shareBps);
        assertGt((part + 1) * BPS, uint256(proceeds) * shareBps);
    }

    function test_R26_Divide_KnownAmounts() external pure {
        known(0, 250, 1000, 0, 0, 0);
        known(1, 250, 1000, 0, 0, 1);
        known(39, 250, 1000, 0, 3, 36);
        known(40, 250, 1000, 1, 4, 35);
        known(9999, 1, 1, 0, 0, 9999);
        known(10_000, 1, 1, 1, 1, 9998);
        known(1_000_003, 250, 1000, 25_000, 100_000, 875_003);
        known(1_000_003, 0, 0, 0, 0, 1_000_003);
    }

    function known(uint256 price, uint256 feeBps, uint256 taxBps, uint256 fee, uint256 tax, uint256 rest)
        private
        pure
    {
        (uint256 f, uint256 t, uint256 r) = Split.divide(price, feeBps, taxBps);
        assertEq(f, fee);
        assertEq(t, tax);
        assertEq(r, rest);
    }
}
