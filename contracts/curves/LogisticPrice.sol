// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IPriceCurve} from "../interfaces/IPriceCurve.sol";
import {CurveMath} from "../libraries/CurveMath.sol";
import {CurveParams} from "../libraries/CurveParams.sol";
import {PerKeyCurve} from "./PerKeyCurve.sol";

/// @title The price saturates: slow, then fast, then slow again between a minimum and a maximum
/// @notice Key number i (from 0) costs min + (max − min) / (1 + e^(−k × (i − mid))), rounded up.
/// @dev `params` = abi.encode(uint256 min, uint256 max, uint256 k, uint256 mid); min ≤ max < 2^96; `k` per sale, 18 decimals, at most 67;
/// `mid` a number of sales below 2^32.
contract LogisticPrice is PerKeyCurve {
    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external pure {
        CurveParams.checkWords(params, 4);
        (uint256 min, uint256 max, uint256 k, uint256 mid) = abi.decode(params, (uint256, uint256, uint256, uint256));
        CurveParams.checkAtMost("max", max, CurveParams.MAX_AMOUNT);
        CurveParams.checkAtMost("min", min, max);
        CurveParams.checkAtMost("k", k, CurveMath.MAX_EXPONENT);
        CurveParams.checkAtMost("mid", mid, CurveParams.MAX_KEYS);
    }

    /// @inheritdoc PerKeyCurve
    function _price(uint256 sold, uint256, bytes calldata params) internal pure override returns (uint256) {
        (uint256 min, uint256 max, uint256 k, uint256 mid) = abi.decode(params, (uint256, uint256, uint256, uint256));
        bool rising = sold >= mid;
        uint256 growth = CurveMath.growth(k * (rising ? sold - mid : mid - sold)); // k is below 2^66
        // Before `mid` the exponent is positive as it stands; after it the fraction is extended: 1/(1+e^−x) = e^x/(1+e^x).
        return min + FixedPointMathLib.divUp((max - min) * (rising ? growth : CurveMath.WAD), CurveMath.WAD + growth);
    }
}
