// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Whether a key's money is still in escrow
interface IEscrowView {
    /// @notice Whether the key's order is not final yet, so that the key may still be burnt for a refund. Never reverts.
    function isHeld(uint256 keyId) external view returns (bool);
}
