// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title ERC-7858, expirable NFTs
interface IERC7858 {
    enum EXPIRY_TYPE {
        BLOCK_BASED,
        TIME_BASED
    }

    event TokenExpiryUpdated(uint256 indexed tokenId, uint256 indexed startTime, uint256 indexed endTime);

    function expiryType() external view returns (EXPIRY_TYPE);

    function isTokenExpired(uint256 tokenId) external view returns (bool);

    function startTime(uint256 tokenId) external view returns (uint256);

    function endTime(uint256 tokenId) external view returns (uint256);
}
