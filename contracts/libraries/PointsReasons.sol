// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Why an order earned less than the policy's full award: a bit set
/// @notice Each of the first four withholds the whole award; the others cut it, perhaps to nothing.
library PointsReasons {
    /// @notice Seller and buyer are one agent.
    uint8 internal constant SELF_TRADE = 1 << 0;
    /// @notice The payer is, or ever was, an EOA of the seller's agent.
    uint8 internal constant PAID_BY_SELLER = 1 << 1;
    /// @notice One of the two was seen to be the other's operator.
    uint8 internal constant LINKED = 1 << 2;
    /// @notice The two have traded as often today as earns points.
    uint8 internal constant PAIR_CAP = 1 << 3;
    /// @notice The seller earns no more, or not all of it, today.
    uint8 internal constant SELLER_CAP = 1 << 4;
    /// @notice The buyer earns no more, or not all of it, today.
    uint8 internal constant BUYER_CAP = 1 << 5;
    /// @notice The Experience has sold more than a handful of keys and nobody endorses it.
    uint8 internal constant UNENDORSED = 1 << 6;
}
