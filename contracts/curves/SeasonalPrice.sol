// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPriceCurve} from "../interfaces/IPriceCurve.sol";
import {CurveParams} from "../libraries/CurveParams.sol";
import {PerKeyCurve} from "./PerKeyCurve.sol";

/// @title Another price while a season lasts, again and again
/// @notice A key costs `inSeason` for the first `length` seconds of each `period` from `start` on, and `base` otherwise.
/// @dev `params` = abi.encode(uint256 base, uint256 inSeason, uint256 start, uint256 period, uint256 length); prices below 2^96, either of
/// them the higher; times in seconds below 2^40, 0 < length < period.
contract SeasonalPrice is PerKeyCurve {
    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external pure {
        CurveParams.checkWords(params, 5);
        (uint256 base, uint256 inSeason, uint256 start, uint256 period, uint256 length) = abi.decode(
            params,
            (uint256, uint256, uint256, uint256, uint256)
        );
        CurveParams.checkAtMost("base", base, CurveParams.MAX_AMOUNT);
        CurveParams.checkAtMost("inSeason", inSeason, CurveParams.MAX_AMOUNT);
        CurveParams.checkAtMost("start", start, CurveParams.MAX_TIME);
        CurveParams.checkAtLeast("period", period, 2);
        CurveParams.checkAtMost("period", period, CurveParams.MAX_TIME);
        CurveParams.checkAtLeast("length", length, 1);
        CurveParams.checkAtMost("length", length, period - 1);
    }

    /// @inheritdoc PerKeyCurve
    function _price(uint256, uint256 time, bytes calldata params) internal pure override returns (uint256) {
        (uint256 base, uint256 inSeason, uint256 start, uint256 period, uint256 length) = abi.decode(
            params,
            (uint256, uint256, uint256, uint256, uint256)
        );
        return time >= start && (time - start) % period < length ? inSeason : base;
    }
}
