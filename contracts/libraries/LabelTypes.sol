// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title What a label can say, as bits, and which way each bit points
library LabelTypes {
    uint8 internal constant VERIFIED_REAL = 1 << 0;
    uint8 internal constant REPRODUCIBLE = 1 << 1;
    uint8 internal constant HIGH_UTILITY = 1 << 2;
    /// @notice Points neither way: it may stand beside any other.
    uint8 internal constant NEEDS_CONTEXT = 1 << 3;
    uint8 internal constant LOW_QUALITY = 1 << 4;
    uint8 internal constant SUSPECTED_FRAUD = 1 << 5;
    uint8 internal constant OUTDATED = 1 << 6;
    uint8 internal constant POLICY_RISK = 1 << 7;

    uint8 internal constant POSITIVE = VERIFIED_REAL | REPRODUCIBLE | HIGH_UTILITY;
    uint8 internal constant NEGATIVE = LOW_QUALITY | SUSPECTED_FRAUD | OUTDATED | POLICY_RISK;

    /// @notice Says something good and nothing bad.
    function isPositive(uint8 types) internal pure returns (bool) {
        return types & POSITIVE != 0 && types & NEGATIVE == 0;
    }

    /// @notice Says something bad, whatever else it says.
    function isNegative(uint8 types) internal pure returns (bool) {
        return types & NEGATIVE != 0;
    }
}
