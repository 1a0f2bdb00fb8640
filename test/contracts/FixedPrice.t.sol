// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FixedPrice} from "../../contracts/curves/FixedPrice.sol";
import {IPriceCurve} from "../../contracts/interfaces/IPriceCurve.sol";
import {CurveProperties} from "./support/CurveProperties.sol";

/// @title FixedPrice
contract FixedPriceTest is CurveProperties {
    function newCurve() internal override returns (IPriceCurve) {
        return new FixedPrice();
    }

    function paramsFrom(uint256[4] memory seed) internal pure override returns (bytes memory) {
        return abi.encode(seed[0] % 2 ** 128);
    }

    function boundsOf(bytes memory params) internal pure override returns (uint256, uint256) {
        uint256 price = abi.decode(params, (uint256));
        return (price, price);
    }

    function direction() internal pure override returns (Direction) {
        return Direction.Constant;
    }

    function model(uint256, uint256, bytes memory params) internal pure override returns (uint256) {
        return abi.decode(params, (uint256));
    }

    function cornerOf(bytes memory) internal pure override returns (uint256) {
        return 0;
    }

    /// A price of 2^128 or more is refused.
    function testFuzz_refusesHighPrice(uint256 price) public view {
        _refused(abi.encode(within(price, 2 ** 128, type(uint256).max)), "fixed: price must be below 2^128");
    }

    /// Anything but one word is refused.
    function testFuzz_refusesOtherLengths(bytes memory params) public view {
        if (params.length == 32) params = abi.encodePacked(params, bytes1(0));
        _refused(params, "fixed: params must be abi.encode(uint256 price)");
    }
}
