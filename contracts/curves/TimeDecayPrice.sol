// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IPriceCurve} from "../interfaces/IPriceCurve.sol";
import {CurveMath} from "../libraries/CurveMath.sol";
import {CurveParams} from "../libraries/CurveParams.sol";
import {PerKeyCurve} from "./PerKeyCurve.sol";

/// @title The price falls with age, down to a minimum
/// @notice A key costs max(min, base × e^(−k × age in days)), rounded up; until `start` the age is 0. What is not free never becomes
/// free: it falls to one unit.
/// @dev `params` = abi.encode(uint256 base, uint256 k, uint256 min, uint256 start); min ≤ base < 2^96; `k` per day, 18 decimals; `start`
/// Unix time below 2^40.
contract TimeDecayPrice is PerKeyCurve {
    /// @dev From here on every price is down at its minimum after one second.
    uint256 private constant MAX_K = CurveMath.MAX_EXPONENT * 1 days;

    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external pure {
        CurveParams.checkWords(params, 4);
        (uint256 base, uint256 k, uint256 min, uint256 start) = abi.decode(
            params,
            (uint256, uint256, uint256, uint256)
        );
        CurveParams.checkAtMost("base", base, CurveParams.MAX_AMOUNT);
        CurveParams.checkAtMost("min", min, base);
        CurveParams.checkAtMost("k", k, MAX_K);
        CurveParams.checkAtMost("start", start, CurveParams.MAX_TIME);
    }

    /// @inheritdoc PerKeyCurve
    function _price(uint256, uint256 time, bytes calldata params) internal pure override returns (uint256) {
        (uint256 base, uint256 k, uint256 min, uint256 start) = abi.decode(
            params,
            (uint256, uint256, uint256, uint256)
        );
        if (time <= start) return base;
        uint256 growth = CurveMath.growth((k * (time - start)) / 1 days); // k is below 2^83
        return FixedPointMathLib.max(min, FixedPointMathLib.divUp(base * CurveMath.WAD, growth));
    }
}
