// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPriceCurve} from "../interfaces/IPriceCurve.sol";

/// @title Each sale raises the price by the same amount, up to a maximum
/// @notice The key sold as number i (from 0) costs min(max, base + slope × i).
/// @dev `params` = abi.encode(uint256 base, uint256 slope, uint256 max), each below 2^128, base ≤ max.
contract LinearPrice is IPriceCurve {
    /// @inheritdoc IPriceCurve
    function cost(uint256 sold, uint256 count, uint256, bytes calldata params) external pure returns (uint256) {
        (uint256 base, uint256 slope, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        // Of the `count` keys from number `sold` on, the first `rising` are still below the maximum.
        uint256 rising = slope == 0 ? count : _below(sold, count, (max - base) / slope + 1);
        // Arithmetic series. All values are below 2^128, all counts below 2^32: the sum stays below 2^194.
        uint256 series = rising * base;
        if (rising != 0) series += slope * (rising * sold + (rising * (rising - 1)) / 2);
        return series + (count - rising) * max;
    }

    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external pure {
        if (params.length != 96) {
            revert InvalidCurveParams("linear: params must be abi.encode(uint256 base, uint256 slope, uint256 max)");
        }
        (uint256 base, uint256 slope, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        if (max > type(uint128).max) revert InvalidCurveParams("linear: max must be below 2^128");
        if (slope > type(uint128).max) revert InvalidCurveParams("linear: slope must be below 2^128");
        if (base > max) revert InvalidCurveParams("linear: base must not be above max");
    }

    /// @dev How many of the numbers sold … sold + count − 1 are below `end`.
    function _below(uint256 sold, uint256 count, uint256 end) private pure returns (uint256) {
        if (sold >= end) return 0;
        return sold + count <= end ? count : end - sold;
    }
}
