// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPriceCurve} from "../interfaces/IPriceCurve.sol";
import {CurveParams} from "../libraries/CurveParams.sol";

/// @title The base of curves that price one key at a time
/// @dev A batch costs exactly what its keys cost singly.
abstract contract PerKeyCurve is IPriceCurve {
    /// @inheritdoc IPriceCurve
    function cost(
        uint256 sold,
        uint256 count,
        uint256 time,
        bytes calldata params
    ) external pure returns (uint256 sum) {
        CurveParams.checkCount(count);
        for (uint256 i; i < count; ++i) {
            sum += _price(sold + i, time, params);
        }
    }

    /// @dev The price of the key before which `sold` were sold: below 2^96, and no revert for parameters that `validate` accepts.
    function _price(uint256 sold, uint256 time, bytes calldata params) internal pure virtual returns (uint256);
}
