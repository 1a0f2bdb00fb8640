// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title ERC-4907, rental NFTs
interface IERC4907 {
    /// @notice The token's user or the end of its use changed. The zero address: it has no user any more.
    event UpdateUser(uint256 indexed tokenId, address indexed user, uint64 expires);

    /// @notice Lets `user` use the token before `expires`; the zero address ends the use.
    /// @param expires Unix time, exclusive.
    function setUser(uint256 tokenId, address user, uint64 expires) external;

    /// @notice The token's user now; the zero address when it has none.
    function userOf(uint256 tokenId) external view returns (address);

    /// @notice Unix time at which the present user's use ends, exclusive; 0 when the token has no user.
    function userExpires(uint256 tokenId) external view returns (uint256);
}
