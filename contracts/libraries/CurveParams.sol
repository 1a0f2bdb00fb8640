// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IPriceCurve} from "../interfaces/IPriceCurve.sol";

/// @title The bounds that price curves share, and how they refuse what is outside of them
library CurveParams {
    /// @dev The most that one key may cost: the exchange stores amounts in 96 bits.
    uint256 internal constant MAX_AMOUNT = type(uint96).max;
    /// @dev The most keys that a listing sells, and so the highest number of a key.
    uint256 internal constant MAX_KEYS = type(uint32).max;
    /// @dev The last Unix time.
    uint256 internal constant MAX_TIME = type(uint40).max;
    /// @dev The most keys priced by one call: what bounds its loop.
    uint256 internal constant MAX_COUNT = 256;

    /// @dev `params` must be that many ABI words. Exactly: then every accepted set of parameters has one encoding.
    function checkWords(bytes calldata params, uint256 words) internal pure {
        if (params.length != words * 32) revert IPriceCurve.CurveParamsLength(params.length, words * 32);
    }

    function checkAtMost(string memory name, uint256 value, uint256 maximum) internal pure {
        if (value > maximum) revert IPriceCurve.CurveParamTooLarge(name, value, maximum);
    }

    function checkAtLeast(string memory name, uint256 value, uint256 minimum) internal pure {
        if (value < minimum) revert IPriceCurve.CurveParamTooSmall(name, value, minimum);
    }

    function checkCount(uint256 count) internal pure {
        if (count > MAX_COUNT) revert IPriceCurve.CurveCountTooLarge(count, MAX_COUNT);
    }
}
