// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {QuotaPrice} from "../../contracts/curves/QuotaPrice.sol";
import {IPriceCurve} from "../../contracts/interfaces/IPriceCurve.sol";
import {CurveModels} from "./support/CurveModels.sol";
import {CurveProperties} from "./support/CurveProperties.sol";
import {CurveSamples} from "./support/CurveSamples.sol";

/// @title QuotaPrice
contract QuotaPriceTest is CurveProperties {
    function newCurve() internal override returns (IPriceCurve) {
        return new QuotaPrice();
    }

    function paramsFrom(uint256 seed) internal pure override returns (bytes memory) {
        return CurveSamples.quota(seed);
    }

    function boundsOf(bytes memory params) internal pure override returns (uint256 min, uint256 max) {
        (min, , max) = abi.decode(params, (uint256, uint256, uint256));
    }

    function direction() internal pure override returns (Direction) {
        return Direction.Rising;
    }

    function model(uint256 index, uint256 time, bytes memory params) internal pure override returns (uint256) {
        return CurveModels.quota(index, time, params);
    }

    function cornerOf(bytes memory params) internal pure override returns (uint256) {
        (, uint256 keys, ) = abi.decode(params, (uint256, uint256, uint256));
        return keys;
    }

    /// Anything but three words is refused, with both lengths.
    function testFuzz_refusesOtherLengths(bytes memory params) public view {
        if (params.length == 96) params = abi.encodePacked(params, bytes1(0));
        _refused(params, _wrongLength(params.length, 96));
    }
}
