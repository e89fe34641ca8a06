// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice ERC-7858: Expirable NFTs and SBTs. Interface id 0x3ebdfa31.
interface IERC7858 {
    enum EXPIRY_TYPE {
        BLOCKS_BASED,
        TIME_BASED
    }

    event TokenExpiryUpdated(uint256 indexed tokenId, uint256 indexed startTime, uint256 indexed endTime);

    function expiryType() external view returns (EXPIRY_TYPE);

    function isTokenExpired(uint256 tokenId) external view returns (bool);

    function startTime(uint256 tokenId) external view returns (uint256);

    function endTime(uint256 tokenId) external view returns (uint256);
}
