// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title The validators' part of a listing's sales, until it is shared out
interface IBountyPot {
    /// @notice What the listing's pot holds in `token`.
    function bountyOf(uint256 ekId, address token) external view returns (uint256);

    /// @notice Moves `amounts` from the pot to the agents' credits. The {IConsensus} alone, which knows whose they are;
    /// never more than the pot holds.
    function payBounty(uint256 ekId, address token, uint256[] calldata agentIds, uint256[] calldata amounts) external;
}
