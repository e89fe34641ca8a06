// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice ERC-6454: Minimal Transferable NFT detection. Interface id 0x91a6262f.
interface IERC6454 {
    /// @notice Whether `tokenId` may be transferred from `from` to `to` now. `from` 0 asks about minting, `to` 0 about
    /// burning, both 0 whether the token may be transferred at all.
    function isTransferable(uint256 tokenId, address from, address to) external view returns (bool);
}
