// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {TimeDecayPrice} from "../../contracts/curves/TimeDecayPrice.sol";
import {IPriceCurve} from "../../contracts/interfaces/IPriceCurve.sol";
import {CurveModels} from "./support/CurveModels.sol";
import {CurveProperties} from "./support/CurveProperties.sol";
import {CurveSamples} from "./support/CurveSamples.sol";

/// @title TimeDecayPrice
contract TimeDecayPriceTest is CurveProperties {
    function newCurve() internal override returns (IPriceCurve) {
        return new TimeDecayPrice();
    }

    function paramsFrom(uint256 seed) internal pure override returns (bytes memory) {
        return CurveSamples.timeDecay(seed);
    }

    function boundsOf(bytes memory params) internal pure override returns (uint256 min, uint256 max) {
        (max, , min, ) = abi.decode(params, (uint256, uint256, uint256, uint256));
    }

    function direction() internal pure override returns (Direction) {
        return Direction.Constant;
    }

    function directionInTime() internal pure override returns (Direction) {
        return Direction.Falling;
    }

    function model(uint256 index, uint256 time, bytes memory params) internal pure override returns (uint256) {
        return CurveModels.timeDecay(index, time, params);
    }

    /// @dev 1e-15 of it, and the unit by which both round up.
    function tolerance(uint256 price) internal pure override returns (uint256) {
        return price / 1e15 + 1;
    }

    function cornerOf(bytes memory params) internal pure override returns (uint256) {
        return params.length; // it has none
    }

    /// Anything but four words is refused, with both lengths.
    function testFuzz_refusesOtherLengths(bytes memory params) public view {
        if (params.length == 128) params = abi.encodePacked(params, bytes1(0));
        _refused(params, _wrongLength(params.length, 128));
    }
}
