// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {LinearPrice} from "../../contracts/curves/LinearPrice.sol";
import {IPriceCurve} from "../../contracts/interfaces/IPriceCurve.sol";
import {CurveProperties} from "./support/CurveProperties.sol";

/// @title LinearPrice
contract LinearPriceTest is CurveProperties {
    function newCurve() internal override returns (IPriceCurve) {
        return new LinearPrice();
    }

    /// @dev A quarter of the seeds each: any slope, no slope, a slope that meets the maximum within the domain, the largest values.
    function paramsFrom(uint256[4] memory seed) internal pure override returns (bytes memory) {
        uint256 max = seed[2] % 2 ** 128;
        uint256 base = within(seed[0], 0, max);
        uint256 slope = seed[1] % 2 ** 128;
        uint256 kind = seed[3] % 4;
        if (kind == 1) slope = 0;
        if (kind == 2) slope = 1 + (max - base) / (1 + (slope % 2 ** 32));
        if (kind == 3) max = type(uint128).max;
        return abi.encode(base, slope % 2 ** 128, max);
    }

    function boundsOf(bytes memory params) internal pure override returns (uint256 min, uint256 max) {
        (min, , max) = abi.decode(params, (uint256, uint256, uint256));
    }

    function direction() internal pure override returns (Direction) {
        return Direction.Rising;
    }

    function model(uint256 index, uint256, bytes memory params) internal pure override returns (uint256) {
        (uint256 base, uint256 slope, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        uint256 price = base + slope * index;
        return price < max ? price : max;
    }

    function cornerOf(bytes memory params) internal pure override returns (uint256) {
        (uint256 base, uint256 slope, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        return slope == 0 ? 0 : (max - base) / slope;
    }

    /// A base above the maximum is refused.
    function testFuzz_refusesBaseAboveMax(uint256 base, uint256 slope, uint256 max) public view {
        max %= 2 ** 128;
        base = within(base, max + 1, type(uint256).max);
        _refused(abi.encode(base, slope % 2 ** 128, max), "linear: base must not be above max");
    }

    /// A maximum of 2^128 or more is refused.
    function testFuzz_refusesHighMax(uint256 base, uint256 slope, uint256 max) public view {
        _refused(
            abi.encode(base % 2 ** 128, slope % 2 ** 128, within(max, 2 ** 128, type(uint256).max)),
            "linear: max must be below 2^128"
        );
    }

    /// A slope of 2^128 or more is refused.
    function testFuzz_refusesHighSlope(uint256 base, uint256 slope, uint256 max) public view {
        max %= 2 ** 128;
        slope = within(slope, 2 ** 128, type(uint256).max);
        _refused(abi.encode(within(base, 0, max), slope, max), "linear: slope must be below 2^128");
    }

    /// Anything but three words is refused.
    function testFuzz_refusesOtherLengths(bytes memory params) public view {
        if (params.length == 96) params = abi.encodePacked(params, bytes1(0));
        _refused(params, "linear: params must be abi.encode(uint256 base, uint256 slope, uint256 max)");
    }

    /// The series meets the maximum exactly at its last rising key: 10, 13, 16, 19, then 20 for ever.
    function test_pricesAroundTheMaximum() public view {
        bytes memory params = abi.encode(10, 3, 20);
        equal(curve.cost(0, 4, 0, params), 10 + 13 + 16 + 19, "the rising part");
        equal(curve.cost(0, 6, 0, params), 10 + 13 + 16 + 19 + 20 + 20, "across the corner");
        equal(curve.cost(3, 1, 0, params), 19, "the last below the maximum");
        equal(curve.cost(4, 1, 0, params), 20, "the first at the maximum");
        equal(curve.cost(2 ** 32 - 1, 2 ** 32 - 1, 0, params), 20 * (2 ** 32 - 1), "the last of the domain");
    }
}
