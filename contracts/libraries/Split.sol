// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

uint256 constant BPS = 10_000;

/// @notice Divides a price so that the parts sum to it exactly (R26). Fee and tax are taken of the price, upstream shares
/// of what remains; every part is rounded down and the seller receives the rest.
library Split {
    function divide(uint256 price, uint256 feeBps, uint256 taxBps)
        internal
        pure
        returns (uint256 fee, uint256 tax, uint256 proceeds)
    {
        fee = price * feeBps / BPS;
        tax = price * taxBps / BPS;
        proceeds = price - fee - tax;
    }

    function share(uint256 proceeds, uint256 shareBps) internal pure returns (uint256) {
        return proceeds * shareBps / BPS;
    }
}
