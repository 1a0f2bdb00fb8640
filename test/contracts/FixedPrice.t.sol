// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FixedPrice} from "../../contracts/curves/FixedPrice.sol";
import {IPriceCurve} from "../../contracts/interfaces/IPriceCurve.sol";
import {CurveModels} from "./support/CurveModels.sol";
import {CurveProperties} from "./support/CurveProperties.sol";
import {CurveSamples} from "./support/CurveSamples.sol";

/// @title FixedPrice
contract FixedPriceTest is CurveProperties {
    function newCurve() internal override returns (IPriceCurve) {
        return new FixedPrice();
    }

    function paramsFrom(uint256 seed) internal pure override returns (bytes memory) {
        return CurveSamples.fixedPrice(seed);
    }

    function boundsOf(bytes memory params) internal pure override returns (uint256 min, uint256 max) {
        min = max = abi.decode(params, (uint256));
    }

    function direction() internal pure override returns (Direction) {
        return Direction.Constant;
    }

    function model(uint256 index, uint256 time, bytes memory params) internal pure override returns (uint256) {
        return CurveModels.fixedPrice(index, time, params);
    }

    function cornerOf(bytes memory params) internal pure override returns (uint256) {
        return params.length; // it has none
    }

    /// Anything but one word is refused, with both lengths.
    function testFuzz_refusesOtherLengths(bytes memory params) public view {
        if (params.length == 32) params = abi.encodePacked(params, bytes1(0));
        _refused(params, _wrongLength(params.length, 32));
    }

    /// A price of 2^96 or more is refused.
    function testFuzz_refusesHighPrice(uint256 price) public view {
        price = within(price, MAX_AMOUNT + 1, type(uint256).max);
        _refused(abi.encode(price), _tooLarge("price", price, MAX_AMOUNT));
    }
}
