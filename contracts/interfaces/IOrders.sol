// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IEscrowView} from "./IEscrowView.sol";

/// @title Orders as a dispute sees them
/// @notice An order is a paid key: the key's id is the order's. Its money waits until `releaseTime`, or until a dispute has ended. A sale
/// without a refund window leaves no order: the seller has the money at once.
///
///     Held ─ release, accept ──────────▶ Released
///       │ ─ refund ────────────────────▶ Refunded
///       └ freeze ▶ Disputed ─ settle ──▶ Released or Refunded
///
/// Released and Refunded are final.
/// @dev Amounts are in the smallest units of the order's token. {freeze} and {settle} move money between the order's two sides only.
interface IOrders is IEscrowView {
    enum OrderStatus {
        None,
        /// The money waits for the refund window to end.
        Held,
        /// The money waits for a dispute to end.
        Disputed,
        /// The seller's side has the money; the key stays.
        Released,
        /// The buyer has the money back; the key is burnt.
        Refunded
    }

    struct Order {
        uint64 sellerId;
        /// The agent that paid and is refunded.
        uint64 buyerId;
        /// The listing's version that was sold.
        uint32 version;
        address token;
        uint96 amount;
        /// Unix time from which anyone may release the money.
        uint40 releaseTime;
        OrderStatus status;
        /// Whether the key was used.
        bool accessed;
    }

    /// @notice The order can't go from `status` the way that was asked.
    error OrderNotInStatus(uint256 keyId, OrderStatus status);
    error RefundWindowOver(uint256 keyId, uint256 releaseTime, uint256 time);
    error SettlementAboveAmount(uint256 keyId, uint256 toBuyer, uint256 amount);

    /// @notice The order behind a key; status None for an unknown one.
    function orderOf(uint256 keyId) external view returns (Order memory);

    /// @notice Held → Disputed, before `releaseTime`. The disputes' contract alone.
    function freeze(uint256 keyId) external;

    /// @notice Ends a disputed order: `toBuyer` is credited to the buyer, the rest split to the seller's side. The whole amount back
    /// burns the key (Refunded); else the key stays (Released). The disputes' contract alone. Does nothing when the order is not Disputed
    /// any more: a card's chargeback ended it.
    function settle(uint256 keyId, uint256 toBuyer) external;
}
