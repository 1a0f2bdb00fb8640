// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title ERC-5192, minimal soulbound NFTs
interface IERC5192 {
    event Locked(uint256 tokenId);
    event Unlocked(uint256 tokenId);

    /// @notice Whether the token can't be transferred. Reverts for a token that does not exist.
    function locked(uint256 tokenId) external view returns (bool);
}
