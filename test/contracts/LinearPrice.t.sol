// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {LinearPrice} from "../../contracts/curves/LinearPrice.sol";
import {IPriceCurve} from "../../contracts/interfaces/IPriceCurve.sol";
import {CurveModels} from "./support/CurveModels.sol";
import {CurveProperties} from "./support/CurveProperties.sol";
import {CurveSamples} from "./support/CurveSamples.sol";

/// @title LinearPrice
contract LinearPriceTest is CurveProperties {
    function newCurve() internal override returns (IPriceCurve) {
        return new LinearPrice();
    }

    function paramsFrom(uint256 seed) internal pure override returns (bytes memory) {
        return CurveSamples.linear(seed);
    }

    function boundsOf(bytes memory params) internal pure override returns (uint256 min, uint256 max) {
        (min, , max) = abi.decode(params, (uint256, uint256, uint256));
    }

    function direction() internal pure override returns (Direction) {
        return Direction.Rising;
    }

    function model(uint256 index, uint256 time, bytes memory params) internal pure override returns (uint256) {
        return CurveModels.linear(index, time, params);
    }

    function cornerOf(bytes memory params) internal pure override returns (uint256) {
        (uint256 base, uint256 slope, uint256 max) = abi.decode(params, (uint256, uint256, uint256));
        return slope == 0 ? 0 : (max - base) / slope;
    }

    /// Anything but three words is refused, with both lengths.
    function testFuzz_refusesOtherLengths(bytes memory params) public view {
        if (params.length == 96) params = abi.encodePacked(params, bytes1(0));
        _refused(params, _wrongLength(params.length, 96));
    }

    /// A base above the maximum is refused.
    function testFuzz_refusesBaseAboveMax(uint256 base, uint256 slope, uint256 max) public view {
        max %= MAX_AMOUNT;
        base = within(base, max + 1, type(uint256).max);
        _refused(abi.encode(base, slope % MAX_AMOUNT, max), _tooLarge("base", base, max));
    }

    /// A maximum of 2^96 or more is refused.
    function testFuzz_refusesHighMax(uint256 base, uint256 slope, uint256 max) public view {
        max = within(max, MAX_AMOUNT + 1, type(uint256).max);
        _refused(abi.encode(base, slope, max), _tooLarge("max", max, MAX_AMOUNT));
    }

    /// A slope of 2^96 or more is refused.
    function testFuzz_refusesHighSlope(uint256 base, uint256 slope, uint256 max) public view {
        slope = within(slope, MAX_AMOUNT + 1, type(uint256).max);
        _refused(abi.encode(base, slope, max % MAX_AMOUNT), _tooLarge("slope", slope, MAX_AMOUNT));
    }

    /// The series meets the maximum exactly at its last rising key: 10, 13, 16, 19, then 20 for ever.
    function test_pricesAroundTheMaximum() public view {
        bytes memory params = abi.encode(10, 3, 20);
        equal(curve.cost(0, 4, 0, params), 10 + 13 + 16 + 19, "the rising part");
        equal(curve.cost(0, 6, 0, params), 10 + 13 + 16 + 19 + 20 + 20, "across the corner");
        equal(curve.cost(3, 1, 0, params), 19, "the last below the maximum");
        equal(curve.cost(4, 1, 0, params), 20, "the first at the maximum");
        equal(curve.cost(SOLD_END - 1, MAX_COUNT, 0, params), 20 * MAX_COUNT, "the last of the domain");
    }
}
