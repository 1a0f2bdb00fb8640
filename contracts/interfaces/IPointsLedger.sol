// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Bootstrap points: not transferable, kept by agent id
/// @notice Each completed trade earns the seller 2 points and the buyer 1. A trade with oneself earns nothing.
interface IPointsLedger {
    /// @notice A completed trade's points. The balances are those after it.
    event PointsAwarded(
        uint256 indexed ekId,
        uint256 indexed sellerId,
        uint256 indexed buyerId,
        uint256 keyId,
        uint256 sellerDelta,
        uint256 buyerDelta,
        uint256 sellerBalance,
        uint256 buyerBalance
    );

    error NotExchange(address caller);

    /// @notice Awards the points of one completed order. The exchange alone, once per order.
    function award(uint256 ekId, uint256 keyId, uint256 sellerId, uint256 buyerId) external;

    /// @notice Points that the agent can spend.
    function balanceOf(uint256 agentId) external view returns (uint256);

    /// @notice Points that the agent ever earned.
    function lifetimeOf(uint256 agentId) external view returns (uint256);

    function SELLER_AWARD() external view returns (uint256);

    function BUYER_AWARD() external view returns (uint256);
}
