// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IPriceCurve} from "../../../contracts/interfaces/IPriceCurve.sol";
import {TestBase} from "./TestBase.sol";

/// @title What every price curve owes, whatever its kind
/// @dev A new curve inherits this, names its contract and says four things: how a fuzzed seed becomes accepted parameters, within
/// which bounds its prices lie, in which direction they move, and what one key costs in the plainest words.
abstract contract CurveProperties is TestBase {
    /// @dev How a price moves.
    enum Direction {
        Any,
        Rising,
        Falling,
        Constant
    }

    uint256 internal constant SOLD_END = 2 ** 32;
    uint256 internal constant TIME_END = 2 ** 40;
    uint256 internal constant MAX_COUNT = 256;
    uint256 internal constant MAX_AMOUNT = type(uint96).max;
    /// @dev Up to here the loop of the naive model is run.
    uint256 internal constant FEW = 12;

    IPriceCurve internal curve;

    function setUp() public {
        curve = newCurve();
    }

    function newCurve() internal virtual returns (IPriceCurve);

    /// @dev Any parameters that {IPriceCurve.validate} accepts; every one must be reachable by some seed.
    function paramsFrom(uint256 seed) internal pure virtual returns (bytes memory);

    /// @dev The least and the most that one key may cost.
    function boundsOf(bytes memory params) internal pure virtual returns (uint256 min, uint256 max);

    /// @dev How the price of the next key moves while keys are sold.
    function direction() internal pure virtual returns (Direction);

    /// @dev How it moves while time passes.
    function directionInTime() internal pure virtual returns (Direction) {
        return Direction.Constant;
    }

    /// @dev The price of the key number `index` (from 0) at `time`, computed in another way than the curve does.
    function model(uint256 index, uint256 time, bytes memory params) internal pure virtual returns (uint256);

    /// @dev How far the curve may be from the model: not at all, unless there is an e^x in it.
    function tolerance(uint256) internal pure virtual returns (uint256) {
        return 0;
    }

    /// @dev A number of sold keys near which this curve changes its behaviour.
    function cornerOf(bytes memory params) internal pure virtual returns (uint256);

    /// Parameters made for the tests are accepted.
    function testFuzz_validateAccepts(uint256 seed) public view {
        curve.validate(paramsFrom(seed));
    }

    /// A cost never reverts on the whole stated domain.
    function testFuzz_costNeverReverts(uint256 seed, uint256 sold, uint256 count, uint256 time) public view {
        curve.cost(sold % SOLD_END, count % (MAX_COUNT + 1), time % TIME_END, paramsFrom(seed));
    }

    /// The same at the corners of the domain.
    function testFuzz_costNeverRevertsAtTheEnds(uint256 seed) public view {
        _priceEverywhere(paramsFrom(seed));
    }

    /// More keys at once than a curve prices are refused, with both numbers.
    function testFuzz_refusesTooManyKeys(uint256 seed, uint256 count) public view {
        count = within(count, MAX_COUNT + 1, type(uint256).max);
        (bool ok, bytes memory result) = address(curve).staticcall(
            abi.encodeCall(IPriceCurve.cost, (0, count, 0, paramsFrom(seed)))
        );
        isTrue(!ok, "priced too many keys");
        bytes memory reason = abi.encodeWithSelector(IPriceCurve.CurveCountTooLarge.selector, count, MAX_COUNT);
        equal(result, reason, "the reason");
    }

    /// Whatever bytes `validate` lets pass, `cost` can price, up to the corners of the domain.
    function testFuzz_acceptedBytesHaveACost(bytes memory params) public view {
        _priceIfAccepted(params);
    }

    /// The same for parameters of the right length, which random bytes hardly ever have.
    function testFuzz_acceptedWordsHaveACost(uint256[6] memory words, uint8 length) public view {
        bytes memory params;
        for (uint256 i; i < uint256(length) % 7; ++i) {
            // Shorter and shorter numbers: full words are above every bound.
            params = abi.encodePacked(params, words[i] >> ((uint256(length) / 8) * 8));
        }
        _priceIfAccepted(params);
    }

    /// The same for good parameters with a byte changed, and cut or continued: nearly good ones.
    function testFuzz_acceptedMutantsHaveACost(uint256 seed, uint256 at, bytes1 value, uint8 length) public view {
        bytes memory params = paramsFrom(seed);
        params[at % params.length] = value;
        if (length % 8 == 0) params = abi.encodePacked(params, new bytes(length));
        if (length % 8 == 1) {
            uint256 kept = params.length - (length % params.length);
            assembly ("memory-safe") {
                mstore(params, kept)
            }
        }
        _priceIfAccepted(params);
    }

    /// Nothing costs nothing.
    function testFuzz_noKeysCostNothing(uint256 seed, uint256 sold, uint256 time) public view {
        equal(curve.cost(sold % SOLD_END, 0, time % TIME_END, paramsFrom(seed)), 0, "cost of no keys");
    }

    /// One key, and a few at once, cost what the naive model says, key by key.
    function testFuzz_equalsModel(uint256 seed, uint256 sold, uint256 count, uint256 time) public view {
        _compareWithModel(paramsFrom(seed), within(sold, 0, SOLD_END - 1), count % FEW, time % TIME_END);
    }

    /// The same around the corner, where an off-by-one hides.
    function testFuzz_equalsModelAtCorner(uint256 seed, uint256 offset, uint256 count, uint256 time) public view {
        bytes memory params = paramsFrom(seed);
        uint256 corner = within(cornerOf(params), FEW, SOLD_END - 1 - 2 * FEW);
        _compareWithModel(params, corner - FEW + (offset % (2 * FEW)), 1 + (count % (FEW - 1)), time % TIME_END);
    }

    /// T7 Splitting a purchase never makes it cheaper, and buying at once never costs more than one by one.
    function testFuzz_splittingIsNeverCheaper(
        uint256 seed,
        uint256 sold,
        uint256 first,
        uint256 second,
        uint256 time
    ) public view {
        bytes memory params = paramsFrom(seed);
        sold %= SOLD_END;
        first %= MAX_COUNT + 1;
        second %= MAX_COUNT + 1 - first;
        time %= TIME_END;
        uint256 atOnce = curve.cost(sold, first + second, time, params);
        uint256 split = curve.cost(sold, first, time, params) + curve.cost(sold + first, second, time, params);
        isTrue(atOnce <= split, "a split purchase was cheaper");
    }

    /// Every key costs at least the minimum and at most the maximum, which an amount can hold.
    function testFuzz_withinBounds(uint256 seed, uint256 sold, uint256 count, uint256 time) public view {
        bytes memory params = paramsFrom(seed);
        count %= MAX_COUNT + 1;
        (uint256 min, uint256 max) = boundsOf(params);
        uint256 total = curve.cost(sold % SOLD_END, count, time % TIME_END, params);
        isTrue(total >= count * min, "below the minimum");
        isTrue(total <= count * max, "above the maximum");
        isTrue(max <= MAX_AMOUNT, "a maximum above every amount");
    }

    /// The next key's price moves only in the direction that the kind states.
    function testFuzz_movesInItsDirection(uint256 seed, uint256 sold, uint256 later, uint256 time) public view {
        bytes memory params = paramsFrom(seed);
        sold = within(sold, 0, SOLD_END - 2);
        later = within(later, sold, SOLD_END - 1);
        time %= TIME_END;
        _checkMove(direction(), curve.cost(sold, 1, time, params), curve.cost(later, 1, time, params));
        uint256 next = within(cornerOf(params), 1, SOLD_END - 1);
        _checkMove(direction(), curve.cost(next - 1, 1, time, params), curve.cost(next, 1, time, params));
    }

    /// The same for time.
    function testFuzz_movesInItsDirectionOverTime(uint256 seed, uint256 sold, uint256 time, uint256 later) public view {
        bytes memory params = paramsFrom(seed);
        sold %= SOLD_END;
        time = within(time, 0, TIME_END - 2);
        later = within(later, time, TIME_END - 1);
        _checkMove(directionInTime(), curve.cost(sold, 1, time, params), curve.cost(sold, 1, later, params));
    }

    /// A key costs nothing only where the curve's model is free.
    function testFuzz_freeOnlyWhereFree(uint256 seed, uint256 sold, uint256 time) public view {
        bytes memory params = paramsFrom(seed);
        sold %= SOLD_END;
        time %= TIME_END;
        bool free = curve.cost(sold, 1, time, params) == 0;
        isTrue(free == (model(sold, time, params) == 0), "free where it is not, or not where it is");
    }

    /// @dev The reason is the whole of the answer: who reads it must know what to change.
    function _refused(bytes memory params, bytes memory reason) internal view {
        (bool ok, bytes memory result) = address(curve).staticcall(abi.encodeCall(IPriceCurve.validate, (params)));
        isTrue(!ok, "accepted");
        equal(result, reason, "the reason");
    }

    function _tooLarge(string memory name, uint256 value, uint256 maximum) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IPriceCurve.CurveParamTooLarge.selector, name, value, maximum);
    }

    function _tooSmall(string memory name, uint256 value, uint256 minimum) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IPriceCurve.CurveParamTooSmall.selector, name, value, minimum);
    }

    function _wrongLength(uint256 length, uint256 expected) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IPriceCurve.CurveParamsLength.selector, length, expected);
    }

    function _compareWithModel(bytes memory params, uint256 sold, uint256 count, uint256 time) private view {
        uint256 expected;
        uint256 slack;
        for (uint256 i; i < count; ++i) {
            uint256 price = model(sold + i, time, params);
            expected += price;
            slack += tolerance(price);
        }
        uint256 cost = curve.cost(sold, count, time, params);
        if (cost > expected + slack || cost + slack < expected) equal(cost, expected, "cost and model");
    }

    function _checkMove(Direction d, uint256 before, uint256 afterwards) private pure {
        if (d == Direction.Rising || d == Direction.Constant) isTrue(afterwards >= before, "the price fell");
        if (d == Direction.Falling || d == Direction.Constant) isTrue(afterwards <= before, "the price rose");
    }

    function _priceIfAccepted(bytes memory params) private view {
        (bool accepted, ) = address(curve).staticcall(abi.encodeCall(IPriceCurve.validate, (params)));
        if (accepted) _priceEverywhere(params);
    }

    function _priceEverywhere(bytes memory params) private view {
        (uint256 min, uint256 max) = boundsOf(params);
        for (uint256 bits = 0; bits < 8; ++bits) {
            uint256 sold = bits % 2 == 0 ? 0 : SOLD_END - 1;
            uint256 count = (bits / 2) % 2 == 0 ? 1 : MAX_COUNT;
            uint256 cost = curve.cost(sold, count, bits / 4 == 0 ? 0 : TIME_END - 1, params);
            isTrue(cost >= min * count && cost <= max * count, "outside of the bounds");
        }
    }
}
