// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IPriceCurve} from "../interfaces/IPriceCurve.sol";
import {CurveParams} from "../libraries/CurveParams.sol";
import {PerKeyCurve} from "./PerKeyCurve.sol";

/// @title The fewer are left, the dearer
/// @notice Key number i (from 0) costs min(max, base × quota / (quota − i)), rounded up; from the quota on it costs `max`.
/// @dev `params` = abi.encode(uint256 base, uint256 quota, uint256 max); 0 < base ≤ max < 2^96; `quota` a number of keys, 1 to 2^32 − 1.
contract QuotaPrice is PerKeyCurve {
    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external pure {
        CurveParams.checkWords(params, 3);
        (uint256 base, uint256 quota, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        CurveParams.checkAtMost("max", max, CurveParams.MAX_AMOUNT);
        CurveParams.checkAtMost("base", base, max);
        CurveParams.checkAtLeast("base", base, 1); // from 0 it would leap to the maximum at the quota
        CurveParams.checkAtLeast("quota", quota, 1);
        CurveParams.checkAtMost("quota", quota, CurveParams.MAX_KEYS);
    }

    /// @inheritdoc PerKeyCurve
    function _price(uint256 sold, uint256, bytes calldata params) internal pure override returns (uint256) {
        (uint256 base, uint256 quota, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        if (sold >= quota) return max;
        return FixedPointMathLib.min(max, FixedPointMathLib.divUp(base * quota, quota - sold));
    }
}
