// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ExponentialPrice} from "../../contracts/curves/ExponentialPrice.sol";
import {FixedPrice} from "../../contracts/curves/FixedPrice.sol";
import {LinearPrice} from "../../contracts/curves/LinearPrice.sol";
import {LogisticPrice} from "../../contracts/curves/LogisticPrice.sol";
import {PiecewisePrice} from "../../contracts/curves/PiecewisePrice.sol";
import {QuotaPrice} from "../../contracts/curves/QuotaPrice.sol";
import {SeasonalPrice} from "../../contracts/curves/SeasonalPrice.sol";
import {TimeDecayPrice} from "../../contracts/curves/TimeDecayPrice.sol";
import {IPriceCurve} from "../../contracts/interfaces/IPriceCurve.sol";
import {CurveModels} from "./support/CurveModels.sol";
import {CurveProperties} from "./support/CurveProperties.sol";
import {CurveSamples} from "./support/CurveSamples.sol";

/// @title PiecewisePrice
contract PiecewisePriceTest is CurveProperties {
    /// @dev In the order of {CurveSamples.ofFormula}.
    address[] private _formulas;

    function newCurve() internal override returns (IPriceCurve) {
        _formulas.push(address(new FixedPrice()));
        _formulas.push(address(new LinearPrice()));
        _formulas.push(address(new ExponentialPrice()));
        _formulas.push(address(new LogisticPrice()));
        _formulas.push(address(new TimeDecayPrice()));
        _formulas.push(address(new SeasonalPrice()));
        _formulas.push(address(new QuotaPrice()));
        return new PiecewisePrice(_formulas);
    }

    function paramsFrom(uint256 seed) internal pure override returns (bytes memory) {
        return CurveSamples.piecewise(seed);
    }

    function boundsOf(bytes memory params) internal pure override returns (uint256 min, uint256 max) {
        return (CurveModels.number(params, 0, 12), CurveModels.number(params, 12, 12));
    }

    function direction() internal pure override returns (Direction) {
        return Direction.Any;
    }

    function directionInTime() internal pure override returns (Direction) {
        return Direction.Any;
    }

    function model(uint256 index, uint256 time, bytes memory params) internal pure override returns (uint256) {
        return CurveModels.piecewise(index, time, params);
    }

    /// @dev 1e-15 of it, and the unit by which both round up.
    function tolerance(uint256 price) internal pure override returns (uint256) {
        return price / 1e15 + 1;
    }

    /// @dev Where the second piece starts.
    function cornerOf(bytes memory params) internal pure override returns (uint256) {
        return CurveModels.number(params, 24, 1) == 1 ? 0 : CurveModels.number(params, 33, 4);
    }

    /// What a piece's formula refuses is refused, with the piece's number and the formula's reason.
    function testFuzz_refusesWhatAFormulaRefuses(uint256 seed, uint256 price) public view {
        price = within(price, MAX_AMOUNT + 1, type(uint256).max);
        uint256 formula = seed % 7;
        bytes memory good = CurveSamples.ofFormula(formula, seed);
        bytes memory params = abi.encodePacked(
            uint96(0),
            uint96(9),
            uint8(2),
            abi.encodePacked(uint32(0), uint8(formula), uint24(0)),
            abi.encodePacked(uint32(5), uint8(0), uint24(good.length)),
            good,
            price
        );
        bytes memory reason = _tooLarge("price", price, MAX_AMOUNT);
        _refused(params, abi.encodeWithSelector(PiecewisePrice.PieceRefused.selector, 1, reason));
    }
}
