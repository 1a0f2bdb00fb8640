// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SeasonalPrice} from "../../contracts/curves/SeasonalPrice.sol";
import {IPriceCurve} from "../../contracts/interfaces/IPriceCurve.sol";
import {CurveModels} from "./support/CurveModels.sol";
import {CurveProperties} from "./support/CurveProperties.sol";
import {CurveSamples} from "./support/CurveSamples.sol";

/// @title SeasonalPrice
contract SeasonalPriceTest is CurveProperties {
    function newCurve() internal override returns (IPriceCurve) {
        return new SeasonalPrice();
    }

    function paramsFrom(uint256 seed) internal pure override returns (bytes memory) {
        return CurveSamples.seasonal(seed);
    }

    function boundsOf(bytes memory params) internal pure override returns (uint256 min, uint256 max) {
        (uint256 base, uint256 inSeason, , , ) = abi.decode(params, (uint256, uint256, uint256, uint256, uint256));
        return base < inSeason ? (base, inSeason) : (inSeason, base);
    }

    function direction() internal pure override returns (Direction) {
        return Direction.Constant;
    }

    function directionInTime() internal pure override returns (Direction) {
        return Direction.Any;
    }

    function model(uint256 index, uint256 time, bytes memory params) internal pure override returns (uint256) {
        return CurveModels.seasonal(index, time, params);
    }

    function cornerOf(bytes memory params) internal pure override returns (uint256) {
        return params.length; // it has none
    }

    /// Anything but five words is refused, with both lengths.
    function testFuzz_refusesOtherLengths(bytes memory params) public view {
        if (params.length == 160) params = abi.encodePacked(params, bytes1(0));
        _refused(params, _wrongLength(params.length, 160));
    }

    /// A season begins and ends with its seconds: 100 to 129, 200 to 229, and so on.
    function test_pricesAroundTheSeason() public view {
        bytes memory params = abi.encode(7, 9, 100, 100, 30);
        equal(curve.cost(0, 1, 99, params), 7, "before the first season");
        equal(curve.cost(0, 1, 100, params), 9, "its first second");
        equal(curve.cost(0, 1, 129, params), 9, "its last second");
        equal(curve.cost(0, 1, 130, params), 7, "after it");
        equal(curve.cost(0, 1, 199, params), 7, "before the next");
        equal(curve.cost(0, 1, 200, params), 9, "the next");
    }
}
