// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @title e^x for prices
library CurveMath {
    uint256 internal constant WAD = 1e18;
    /// @dev e^67 is above 2^96: beyond it a price of one unit has grown above every maximum, and every price has decayed to one unit.
    uint256 internal constant MAX_EXPONENT = 67e18;

    /// @dev e^x with 18 decimals, from 1e18 to below 2^157; x, with 18 decimals, counts for {MAX_EXPONENT} at most. Times an amount it stays
    /// below 2^253. Only growth is computed, and decay divides by it: e^−x itself would lose its digits.
    function growth(uint256 x) internal pure returns (uint256) {
        return uint256(FixedPointMathLib.expWad(int256(FixedPointMathLib.min(x, MAX_EXPONENT))));
    }
}
