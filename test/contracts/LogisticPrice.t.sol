// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {LogisticPrice} from "../../contracts/curves/LogisticPrice.sol";
import {IPriceCurve} from "../../contracts/interfaces/IPriceCurve.sol";
import {CurveModels} from "./support/CurveModels.sol";
import {CurveProperties} from "./support/CurveProperties.sol";
import {CurveSamples} from "./support/CurveSamples.sol";

/// @title LogisticPrice
contract LogisticPriceTest is CurveProperties {
    function newCurve() internal override returns (IPriceCurve) {
        return new LogisticPrice();
    }

    function paramsFrom(uint256 seed) internal pure override returns (bytes memory) {
        return CurveSamples.logistic(seed);
    }

    function boundsOf(bytes memory params) internal pure override returns (uint256 min, uint256 max) {
        (min, max, , ) = abi.decode(params, (uint256, uint256, uint256, uint256));
    }

    function direction() internal pure override returns (Direction) {
        return Direction.Rising;
    }

    function model(uint256 index, uint256 time, bytes memory params) internal pure override returns (uint256) {
        return CurveModels.logistic(index, time, params);
    }

    /// @dev 1e-15 of it, and the unit by which both round up.
    function tolerance(uint256 price) internal pure override returns (uint256) {
        return price / 1e15 + 1;
    }

    function cornerOf(bytes memory params) internal pure override returns (uint256) {
        (, , , uint256 mid) = abi.decode(params, (uint256, uint256, uint256, uint256));
        return mid;
    }

    /// Anything but four words is refused, with both lengths.
    function testFuzz_refusesOtherLengths(bytes memory params) public view {
        if (params.length == 128) params = abi.encodePacked(params, bytes1(0));
        _refused(params, _wrongLength(params.length, 128));
    }
}
