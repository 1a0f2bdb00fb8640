// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title What an operator may be allowed to do for an agent
/// @dev None of these moves the agent's money, rotates its EOA or grants further; no such action may ever be added here.
library Actions {
    /// @notice Create, re-version, pause and resume listings; choose their validators.
    uint256 internal constant LIST = 1 << 0;
    /// @notice Publish labels.
    uint256 internal constant LABEL = 1 << 1;
    /// @notice Claim keys of free listings.
    uint256 internal constant CLAIM = 1 << 2;
    /// @notice Spend points.
    uint256 internal constant SPEND_POINTS = 1 << 3;
    /// @notice Anchor the receipts of the agent's gateways: what a gateway needs a key for, and all that its key can do.
    uint256 internal constant ANCHOR = 1 << 4;

    uint256 internal constant ALL = LIST | LABEL | CLAIM | SPEND_POINTS | ANCHOR;
}
