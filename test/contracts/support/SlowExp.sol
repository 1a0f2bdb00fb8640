// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @title e^x by its series, with 128 binary places: slow, and computed in another way than the curves compute it
library SlowExp {
    uint256 internal constant ONE = 2 ** 128;
    /// @dev 40! is above 2^159: the terms that follow don't show.
    uint256 private constant TERMS = 40;

    /// @dev `x` with 128 binary places, at most 67: e^67 × 2^128 is below 2^225. Good to about 2^-120 of the result.
    function exp(uint256 x) internal pure returns (uint256 result) {
        result = _series(x % ONE);
        uint256 e = _series(ONE);
        for (uint256 i; i < x / ONE; ++i) {
            result = FixedPointMathLib.fullMulDiv(result, e, ONE);
        }
    }

    /// @dev The sum of x^n / n!.
    function _series(uint256 x) private pure returns (uint256 sum) {
        uint256 term = ONE;
        for (uint256 n = 1; n <= TERMS; ++n) {
            sum += term;
            term = FixedPointMathLib.fullMulDiv(term, x, ONE) / n;
        }
    }
}
