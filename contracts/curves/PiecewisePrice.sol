// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IPriceCurve} from "../interfaces/IPriceCurve.sol";
import {CurveParams} from "../libraries/CurveParams.sol";

/// @title Another formula from each breakpoint on
/// @notice Key number i (from 0) is priced by the last piece whose `from` is at most i, and kept between `min` and `max`.
/// @dev `params` is packed, so that a hundred pieces stay cheap to read:
///
///     min 12 bytes · max 12 · pieces p 1 · p × (from 4 · formula 1 · offset 3) · data
///
/// `formula` is a place in the list of curves that is fixed at deployment. A piece's own parameters, encoded as that curve wants them,
/// stand at `offset` in `data` and reach to those of the next piece; the last piece's reach to the end. The first `from` and `offset` are 0.
contract PiecewisePrice is IPriceCurve {
    uint256 public constant MAX_PIECES = 100;
    uint256 public constant MAX_FORMULAS = 8;

    uint256 private constant HEADS_AT = 25;
    uint256 private constant HEAD_SIZE = 8;

    /// @notice How many formulas there are to choose from.
    uint256 public immutable formulaCount;
    // In the code, for storage would cost more to read than all the rest.
    address private immutable _formula0;
    address private immutable _formula1;
    address private immutable _formula2;
    address private immutable _formula3;
    address private immutable _formula4;
    address private immutable _formula5;
    address private immutable _formula6;
    address private immutable _formula7;

    /// @notice A formula must be a curve in code; a piecewise curve is none, so pieces don't nest.
    error InvalidFormula(address formula);
    /// @notice The formula of piece number `piece` (from 0) refuses the piece's parameters, with `reason`.
    error PieceRefused(uint256 piece, bytes reason);

    constructor(address[] memory formulas) {
        uint256 count = formulas.length;
        CurveParams.checkAtLeast("formulas", count, 1);
        CurveParams.checkAtMost("formulas", count, MAX_FORMULAS);
        for (uint256 i; i < count; ++i) {
            // Only a piecewise curve, or an address without code, answers to this.
            (bool answers, ) = formulas[i].staticcall(abi.encodeCall(PiecewisePrice(formulas[i]).formulaAt, (0)));
            if (answers) revert InvalidFormula(formulas[i]);
        }
        formulaCount = count;
        _formula0 = formulas[0];
        _formula1 = count > 1 ? formulas[1] : address(0);
        _formula2 = count > 2 ? formulas[2] : address(0);
        _formula3 = count > 3 ? formulas[3] : address(0);
        _formula4 = count > 4 ? formulas[4] : address(0);
        _formula5 = count > 5 ? formulas[5] : address(0);
        _formula6 = count > 6 ? formulas[6] : address(0);
        _formula7 = count > 7 ? formulas[7] : address(0);
    }

    /// @inheritdoc IPriceCurve
    function cost(
        uint256 sold,
        uint256 count,
        uint256 time,
        bytes calldata params
    ) external view returns (uint256 sum) {
        CurveParams.checkCount(count);
        (uint256 min, uint256 max, uint256 pieces) = _frame(params);
        for (uint256 i; i < count; ++i) {
            sum += FixedPointMathLib.clamp(_priceOf(sold + i, time, params, pieces), min, max);
        }
    }

    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external view {
        if (params.length < HEADS_AT) revert CurveParamsLength(params.length, HEADS_AT);
        (uint256 min, uint256 max, uint256 pieces) = _frame(params);
        CurveParams.checkAtLeast("pieces", pieces, 1);
        CurveParams.checkAtMost("pieces", pieces, MAX_PIECES);
        uint256 dataAt = HEADS_AT + pieces * HEAD_SIZE;
        if (params.length < dataAt) revert CurveParamsLength(params.length, dataAt);
        CurveParams.checkAtMost("min", min, max);
        _checkHeads(params, pieces, params.length - dataAt);
        for (uint256 i; i < pieces; ++i) {
            (address formula, bytes calldata own) = _piece(i, params, pieces);
            // A formula accepts nothing that its cost could revert on: so none of the pieces' can.
            try IPriceCurve(formula).validate(own) {} catch (bytes memory reason) {
                revert PieceRefused(i, reason);
            }
        }
    }

    /// @notice The curve that pieces name by `index`; zero for one that isn't there.
    function formulaAt(uint256 index) public view returns (address) {
        if (index == 0) return _formula0;
        if (index == 1) return _formula1;
        if (index == 2) return _formula2;
        if (index == 3) return _formula3;
        if (index == 4) return _formula4;
        if (index == 5) return _formula5;
        if (index == 6) return _formula6;
        return index == 7 ? _formula7 : address(0);
    }

    /// @dev The pieces start at 0 and go up, and so do their places in the data.
    function _checkHeads(bytes calldata params, uint256 pieces, uint256 dataSize) private view {
        uint256 from = 0;
        uint256 offset = 0;
        for (uint256 i; i < pieces; ++i) {
            uint256 head = _head(i, params);
            CurveParams.checkAtLeast("from", head >> 32, from);
            CurveParams.checkAtMost("formula", uint8(head >> 24), formulaCount - 1);
            CurveParams.checkAtLeast("offset", uint24(head), offset);
            CurveParams.checkAtMost("offset", uint24(head), i == 0 ? 0 : dataSize);
            if (i == 0) CurveParams.checkAtMost("from", head >> 32, 0);
            from = (head >> 32) + 1;
            offset = uint24(head);
        }
    }

    /// @dev What stands before the pieces' heads.
    function _frame(bytes calldata params) private pure returns (uint256 min, uint256 max, uint256 pieces) {
        uint256 word = _wordAt(0, params);
        return (word >> 160, uint96(word >> 64), uint8(word >> 56));
    }

    /// @dev A piece's eight bytes.
    function _head(uint256 i, bytes calldata params) private pure returns (uint256) {
        unchecked {
            return _wordAt(HEADS_AT + i * HEAD_SIZE, params) >> 192; // i is below 2^8
        }
    }

    /// @dev What the formula of the key's piece asks for it.
    function _priceOf(
        uint256 index,
        uint256 time,
        bytes calldata params,
        uint256 pieces
    ) private view returns (uint256) {
        (address formula, bytes calldata own) = _piece(_pieceOf(index, params, pieces), params, pieces);
        return IPriceCurve(formula).cost(index, 1, time, own);
    }

    /// @dev The last piece that starts at or before key number `index`: a binary search, for the first one starts at 0.
    function _pieceOf(uint256 index, bytes calldata params, uint256 pieces) private pure returns (uint256 low) {
        // All of these are below 2^8. Without pieces, which {validate} refuses, nothing is found.
        unchecked {
            uint256 end = pieces;
            while (low + 1 < end) {
                uint256 middle = (low + end) >> 1;
                if (_head(middle, params) >> 32 > index) end = middle;
                else low = middle;
            }
        }
    }

    /// @dev A piece's formula and its own parameters.
    function _piece(
        uint256 i,
        bytes calldata params,
        uint256 pieces
    ) private view returns (address formula, bytes calldata own) {
        uint256 head = _head(i, params);
        unchecked {
            // Pieces are below 2^8 and offsets below 2^24. That the slice lies within `params` is checked by taking it.
            uint256 dataAt = HEADS_AT + pieces * HEAD_SIZE;
            uint256 end = i + 1 == pieces ? params.length : dataAt + uint24(_head(i + 1, params));
            own = params[dataAt + uint24(head):end];
        }
        formula = formulaAt(uint8(head >> 24));
    }

    /// @dev Beyond the end of `params` it reads whatever stands there; {validate} lets no parameters pass that lead there.
    function _wordAt(uint256 at, bytes calldata params) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(params.offset, at))
        }
    }
}
