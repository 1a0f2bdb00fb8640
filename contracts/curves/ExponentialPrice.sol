// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IPriceCurve} from "../interfaces/IPriceCurve.sol";
import {CurveMath} from "../libraries/CurveMath.sol";
import {CurveParams} from "../libraries/CurveParams.sol";
import {PerKeyCurve} from "./PerKeyCurve.sol";

/// @title Each sale raises the price by the same factor, up to a maximum
/// @notice Key number i (from 0) costs min(max, base × e^(k × i)), rounded up.
/// @dev `params` = abi.encode(uint256 base, uint256 k, uint256 max); 0 < base ≤ max < 2^96; `k` per sale, 18 decimals, at most 67.
contract ExponentialPrice is PerKeyCurve {
    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external pure {
        CurveParams.checkWords(params, 3);
        (uint256 base, uint256 k, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        CurveParams.checkAtMost("max", max, CurveParams.MAX_AMOUNT);
        CurveParams.checkAtMost("base", base, max);
        CurveParams.checkAtLeast("base", base, 1); // nothing grows from 0
        CurveParams.checkAtMost("k", k, CurveMath.MAX_EXPONENT);
    }

    /// @inheritdoc PerKeyCurve
    function _price(uint256 sold, uint256, bytes calldata params) internal pure override returns (uint256) {
        (uint256 base, uint256 k, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        uint256 growth = CurveMath.growth(k * sold); // k is below 2^66
        return FixedPointMathLib.min(max, FixedPointMathLib.divUp(base * growth, CurveMath.WAD));
    }
}
