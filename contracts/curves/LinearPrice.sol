// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPriceCurve} from "../interfaces/IPriceCurve.sol";
import {CurveParams} from "../libraries/CurveParams.sol";

/// @title Each sale raises the price by the same amount, up to a maximum
/// @notice Key number i (from 0) costs min(max, base + slope × i).
/// @dev `params` = abi.encode(uint256 base, uint256 slope, uint256 max), each below 2^96, base ≤ max.
contract LinearPrice is IPriceCurve {
    /// @inheritdoc IPriceCurve
    function cost(uint256 sold, uint256 count, uint256, bytes calldata params) external pure returns (uint256) {
        CurveParams.checkCount(count);
        (uint256 base, uint256 slope, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        // Of the `count` keys from number `sold` on, the first `rising` are still below the maximum.
        uint256 rising = slope == 0 ? count : _below(sold, count, (max - base) / slope + 1);
        // Arithmetic series. All values are below 2^96, `sold` below 2^32, counts up to 2^8: the sum stays below 2^137.
        uint256 series = rising * base;
        if (rising != 0) series += slope * (rising * sold + (rising * (rising - 1)) / 2);
        return series + (count - rising) * max;
    }

    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external pure {
        CurveParams.checkWords(params, 3);
        (uint256 base, uint256 slope, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        CurveParams.checkAtMost("max", max, CurveParams.MAX_AMOUNT);
        CurveParams.checkAtMost("slope", slope, CurveParams.MAX_AMOUNT);
        CurveParams.checkAtMost("base", base, max);
    }

    /// @dev How many of the numbers sold … sold + count − 1 are below `end`.
    function _below(uint256 sold, uint256 count, uint256 end) private pure returns (uint256) {
        if (sold >= end) return 0;
        return sold + count <= end ? count : end - sold;
    }
}
