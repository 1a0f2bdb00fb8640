// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SlowExp} from "./SlowExp.sol";

/// @title What one key costs, in the plainest words
/// @dev `i` is the key's number from 0. Whatever has e^x in it is the formula's own value but for about 2^-100 of it.
library CurveModels {
    function fixedPrice(uint256, uint256, bytes memory params) internal pure returns (uint256) {
        return abi.decode(params, (uint256));
    }

    function linear(uint256 i, uint256, bytes memory params) internal pure returns (uint256) {
        (uint256 base, uint256 slope, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        return _lower(base + slope * i, max);
    }

    function exponential(uint256 i, uint256, bytes memory params) internal pure returns (uint256) {
        (uint256 base, uint256 k, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        return _lower(FixedPointMathLib.fullMulDivUp(base, _exp(k * i, 1e18), SlowExp.ONE), max);
    }

    function logistic(uint256 i, uint256, bytes memory params) internal pure returns (uint256) {
        (uint256 min, uint256 max, uint256 k, uint256 mid) = abi.decode(params, (uint256, uint256, uint256, uint256));
        uint256 e = _exp(k * (i < mid ? mid - i : i - mid), 1e18);
        return min + FixedPointMathLib.fullMulDivUp(max - min, i < mid ? SlowExp.ONE : e, SlowExp.ONE + e);
    }

    function timeDecay(uint256, uint256 time, bytes memory params) internal pure returns (uint256) {
        (uint256 base, uint256 k, uint256 min, uint256 start) = abi.decode(
            params,
            (uint256, uint256, uint256, uint256)
        );
        uint256 age = time < start ? 0 : time - start;
        uint256 price = FixedPointMathLib.fullMulDivUp(base, SlowExp.ONE, _exp(k * age, 1e18 * 1 days));
        return price < min ? min : price;
    }

    function seasonal(uint256, uint256 time, bytes memory params) internal pure returns (uint256) {
        (uint256 base, uint256 inSeason, uint256 start, uint256 period, uint256 length) = abi.decode(
            params,
            (uint256, uint256, uint256, uint256, uint256)
        );
        if (time < start) return base;
        uint256 seasons = (time - start) / period;
        return time < start + seasons * period + length ? inSeason : base;
    }

    function quota(uint256 i, uint256, bytes memory params) internal pure returns (uint256) {
        (uint256 base, uint256 keys, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        if (i >= keys) return max;
        uint256 product = base * keys;
        uint256 left = keys - i;
        return _lower(product / left + (product % left == 0 ? 0 : 1), max);
    }

    /// @dev The piece is found by going through all of them.
    function piecewise(uint256 i, uint256 time, bytes memory params) internal pure returns (uint256) {
        uint256 pieces = number(params, 24, 1);
        uint256 piece = 0;
        while (piece + 1 < pieces && number(params, 25 + 8 * (piece + 1), 4) <= i) ++piece;
        uint256 head = 25 + 8 * piece;
        uint256 data = 25 + 8 * pieces;
        uint256 end = piece + 1 == pieces ? params.length : data + number(params, head + 13, 3);
        uint256 start = data + number(params, head + 5, 3);
        bytes memory own = new bytes(end - start);
        for (uint256 at; at < own.length; ++at) own[at] = params[start + at];
        uint256 price = ofFormula(number(params, head + 4, 1), i, time, own);
        uint256 min = number(params, 0, 12);
        return price < min ? min : _lower(price, number(params, 12, 12));
    }

    /// @dev In the order of the list that piecewise curves choose from.
    function ofFormula(uint256 formula, uint256 i, uint256 time, bytes memory params) internal pure returns (uint256) {
        if (formula == 0) return fixedPrice(i, time, params);
        if (formula == 1) return linear(i, time, params);
        if (formula == 2) return exponential(i, time, params);
        if (formula == 3) return logistic(i, time, params);
        if (formula == 4) return timeDecay(i, time, params);
        return formula == 5 ? seasonal(i, time, params) : quota(i, time, params);
    }

    /// @dev The big-endian number in `size` bytes of `data` at `at`.
    function number(bytes memory data, uint256 at, uint256 size) internal pure returns (uint256 value) {
        for (uint256 j; j < size; ++j) value = value * 256 + uint8(data[at + j]);
    }

    /// @dev e^(x / unit) with 128 binary places. Beyond 67 it says e^67: no price can be told apart there.
    function _exp(uint256 x, uint256 unit) private pure returns (uint256) {
        return SlowExp.exp(x >= 67 * unit ? 67 * SlowExp.ONE : FixedPointMathLib.fullMulDiv(x, SlowExp.ONE, unit));
    }

    function _lower(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
