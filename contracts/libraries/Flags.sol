// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Switches of a listing's version
library Flags {
    /// @notice Keys of this version may be transferred between agents.
    uint8 internal constant TRANSFERABLE = 1 << 0;
    /// @notice Only validators on the listing's allowlist may label it.
    uint8 internal constant RESTRICTED_VALIDATORS = 1 << 1;
    /// @notice Keys of this version may be lent to other agents for a time.
    uint8 internal constant LENDABLE = 1 << 2;

    uint8 internal constant ALL = TRANSFERABLE | RESTRICTED_VALIDATORS | LENDABLE;
}
