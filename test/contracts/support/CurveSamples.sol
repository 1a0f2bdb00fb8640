// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Parameters that the curves accept, from fuzzed seeds: small, large and extreme ones alike
library CurveSamples {
    uint256 internal constant MAX_AMOUNT = type(uint96).max;
    uint256 internal constant MAX_EXPONENT = 67e18;

    /// @dev A number from `low` to `high`: an end of the range, one beside it, or any, of each magnitude as many as of the largest.
    function any(uint256 seed, string memory name, uint256 low, uint256 high) internal pure returns (uint256) {
        uint256 s = uint256(keccak256(abi.encode(seed, name)));
        uint256 size = high - low + 1;
        uint256 kind = s % 16;
        if (kind == 0) return low;
        if (kind == 1) return high;
        if (kind == 2) return low + (1 % size);
        if (kind == 3) return high - (1 % size);
        return low + (((s >> 16) >> ((s >> 8) % 240)) % size);
    }

    function fixedPrice(uint256 seed) internal pure returns (bytes memory) {
        return abi.encode(any(seed, "price", 0, MAX_AMOUNT));
    }

    /// @dev One in four reaches its maximum within the domain.
    function linear(uint256 seed) internal pure returns (bytes memory) {
        uint256 max = any(seed, "max", 0, MAX_AMOUNT);
        uint256 base = any(seed, "base", 0, max);
        uint256 slope = any(seed, "slope", 0, MAX_AMOUNT);
        if (any(seed, "kind", 0, 3) == 2) slope = (max - base) / any(seed, "steps", 1, 2 ** 32);
        return abi.encode(base, slope, max);
    }

    function exponential(uint256 seed) internal pure returns (bytes memory) {
        uint256 max = any(seed, "max", 1, MAX_AMOUNT);
        return abi.encode(any(seed, "base", 1, max), any(seed, "k", 0, MAX_EXPONENT), max);
    }

    function logistic(uint256 seed) internal pure returns (bytes memory) {
        uint256 max = any(seed, "max", 0, MAX_AMOUNT);
        uint256 k = any(seed, "k", 0, MAX_EXPONENT);
        return abi.encode(any(seed, "min", 0, max), max, k, any(seed, "mid", 0, 2 ** 32 - 1));
    }

    function timeDecay(uint256 seed) internal pure returns (bytes memory) {
        uint256 base = any(seed, "base", 0, MAX_AMOUNT);
        uint256 k = any(seed, "k", 0, MAX_EXPONENT * 1 days);
        return abi.encode(base, k, any(seed, "min", 0, base), any(seed, "start", 0, 2 ** 40 - 1));
    }

    function seasonal(uint256 seed) internal pure returns (bytes memory) {
        uint256 period = any(seed, "period", 2, 2 ** 40 - 1);
        uint256 base = any(seed, "base", 0, MAX_AMOUNT);
        uint256 inSeason = any(seed, "inSeason", 0, MAX_AMOUNT);
        uint256 start = any(seed, "start", 0, 2 ** 40 - 1);
        return abi.encode(base, inSeason, start, period, any(seed, "length", 1, period - 1));
    }

    function quota(uint256 seed) internal pure returns (bytes memory) {
        uint256 max = any(seed, "max", 1, MAX_AMOUNT);
        return abi.encode(any(seed, "base", 1, max), any(seed, "quota", 1, 2 ** 32 - 1), max);
    }

    /// @dev One to eight pieces of any formulas, most of them short; one in sixteen has a hundred.
    function piecewise(uint256 seed) internal pure returns (bytes memory) {
        uint256 max = any(seed, "max", 0, MAX_AMOUNT);
        uint256 pieces = any(seed, "many", 0, 15) == 9 ? 100 : any(seed, "pieces", 1, 8);
        bytes memory heads = abi.encodePacked(uint96(any(seed, "min", 0, max)), uint96(max), uint8(pieces));
        bytes memory data;
        uint256 from = 0;
        for (uint256 i; i < pieces; ++i) {
            uint256 own = uint256(keccak256(abi.encode(seed, i)));
            uint256 formula = any(own, "formula", 0, 6);
            heads = abi.encodePacked(heads, uint32(from), uint8(formula), uint24(data.length));
            data = abi.encodePacked(data, ofFormula(formula, own));
            from += any(own, "length", 1, own % 2 == 0 ? 30 : 2 ** 25);
        }
        return abi.encodePacked(heads, data);
    }

    /// @dev In the order of the list that piecewise curves choose from.
    function ofFormula(uint256 formula, uint256 seed) internal pure returns (bytes memory) {
        if (formula == 0) return fixedPrice(seed);
        if (formula == 1) return linear(seed);
        if (formula == 2) return exponential(seed);
        if (formula == 3) return logistic(seed);
        if (formula == 4) return timeDecay(seed);
        return formula == 5 ? seasonal(seed) : quota(seed);
    }
}
