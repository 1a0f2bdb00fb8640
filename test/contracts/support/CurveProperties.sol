// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IPriceCurve} from "../../../contracts/interfaces/IPriceCurve.sol";
import {TestBase} from "./TestBase.sol";

/// @title What every price curve owes, whatever its kind
/// @dev A new curve inherits this, names its contract and says four things: how a fuzzed seed becomes accepted parameters, within
/// which bounds its prices lie, in which direction they move, and what one key costs in the plainest words.
abstract contract CurveProperties is TestBase {
    /// @dev How the price of the next key moves while keys are sold.
    enum Direction {
        Any,
        Rising,
        Falling,
        Constant
    }

    uint256 internal constant COUNT_END = 2 ** 32;
    uint256 internal constant TIME_END = 2 ** 40;
    /// @dev Up to here the loop of the naive model is run.
    uint256 internal constant FEW = 24;

    IPriceCurve internal curve;

    function setUp() public {
        curve = newCurve();
    }

    function newCurve() internal virtual returns (IPriceCurve);

    /// @dev Any parameters that {IPriceCurve.validate} accepts; every one must be reachable by some seed.
    function paramsFrom(uint256[4] memory seed) internal pure virtual returns (bytes memory);

    /// @dev The least and the most that one key may cost.
    function boundsOf(bytes memory params) internal pure virtual returns (uint256 min, uint256 max);

    function direction() internal pure virtual returns (Direction);

    /// @dev The price of the key number `index` (from 0) at `time`, computed in another way than the curve does.
    function model(uint256 index, uint256 time, bytes memory params) internal pure virtual returns (uint256);

    /// @dev A number of sold keys near which this curve changes its behaviour.
    function cornerOf(bytes memory params) internal pure virtual returns (uint256);

    /// Parameters made for the tests are accepted.
    function testFuzz_validateAccepts(uint256[4] memory seed) public view {
        curve.validate(paramsFrom(seed));
    }

    /// A cost never reverts on the whole stated domain.
    function testFuzz_costNeverReverts(uint256[4] memory seed, uint256 sold, uint256 count, uint256 time) public view {
        curve.cost(sold % COUNT_END, count % COUNT_END, time % TIME_END, paramsFrom(seed));
    }

    /// Whatever bytes `validate` lets pass, `cost` can price, up to the corners of the domain.
    function testFuzz_acceptedBytesHaveACost(bytes memory params, uint256 sold, uint256 count) public view {
        _priceIfAccepted(params, sold, count);
    }

    /// The same for parameters of the right length, which random bytes hardly ever have.
    function testFuzz_acceptedWordsHaveACost(
        uint256[6] memory words,
        uint8 length,
        uint256 sold,
        uint256 count
    ) public view {
        bytes memory params;
        for (uint256 i; i < uint256(length) % 7; ++i) {
            // Shorter and shorter numbers: full words are above every bound.
            params = abi.encodePacked(params, words[i] >> ((uint256(length) / 8) * 8));
        }
        _priceIfAccepted(params, sold, count);
    }

    /// Nothing costs nothing.
    function testFuzz_noKeysCostNothing(uint256[4] memory seed, uint256 sold, uint256 time) public view {
        equal(curve.cost(sold % COUNT_END, 0, time % TIME_END, paramsFrom(seed)), 0, "cost of no keys");
    }

    /// One key, and a few at once, cost what the naive model says, key by key.
    function testFuzz_equalsModel(uint256[4] memory seed, uint256 sold, uint256 count, uint256 time) public view {
        _compareWithModel(paramsFrom(seed), within(sold, 0, COUNT_END - 1 - FEW), count % FEW, time % TIME_END);
    }

    /// The same around the corner, where an off-by-one hides.
    function testFuzz_equalsModelAtCorner(
        uint256[4] memory seed,
        uint256 offset,
        uint256 count,
        uint256 time
    ) public view {
        bytes memory params = paramsFrom(seed);
        uint256 corner = within(cornerOf(params), FEW, COUNT_END - 1 - 2 * FEW);
        _compareWithModel(params, corner - FEW + (offset % (2 * FEW)), 1 + (count % (FEW - 1)), time % TIME_END);
    }

    /// Splitting a purchase never makes it cheaper, and buying at once never costs more than one by one.
    function testFuzz_splittingIsNeverCheaper(
        uint256[4] memory seed,
        uint256 sold,
        uint256 first,
        uint256 second,
        uint256 time
    ) public view {
        bytes memory params = paramsFrom(seed);
        sold %= COUNT_END / 2;
        first %= COUNT_END / 4;
        second %= COUNT_END / 4;
        time %= TIME_END;
        uint256 atOnce = curve.cost(sold, first + second, time, params);
        uint256 split = curve.cost(sold, first, time, params) + curve.cost(sold + first, second, time, params);
        isTrue(atOnce <= split, "a split purchase was cheaper");
    }

    /// Every key costs at least the minimum and at most the maximum.
    function testFuzz_withinBounds(uint256[4] memory seed, uint256 sold, uint256 count, uint256 time) public view {
        bytes memory params = paramsFrom(seed);
        count %= COUNT_END;
        (uint256 min, uint256 max) = boundsOf(params);
        uint256 total = curve.cost(sold % COUNT_END, count, time % TIME_END, params);
        isTrue(total >= count * min, "below the minimum");
        isTrue(total <= count * max, "above the maximum");
    }

    /// The next key's price moves only in the direction that the kind states.
    function testFuzz_movesInItsDirection(
        uint256[4] memory seed,
        uint256 sold,
        uint256 later,
        uint256 time
    ) public view {
        bytes memory params = paramsFrom(seed);
        sold = within(sold, 0, COUNT_END - 2);
        later = within(later, sold, COUNT_END - 1);
        uint256 before = curve.cost(sold, 1, time % TIME_END, params);
        uint256 afterwards = curve.cost(later, 1, time % TIME_END, params);
        Direction d = direction();
        if (d == Direction.Rising || d == Direction.Constant) isTrue(afterwards >= before, "the price fell");
        if (d == Direction.Falling || d == Direction.Constant) isTrue(afterwards <= before, "the price rose");
    }

    /// A key costs nothing only where the curve's model is free.
    function testFuzz_freeOnlyWhereFree(uint256[4] memory seed, uint256 sold, uint256 time) public view {
        bytes memory params = paramsFrom(seed);
        sold %= COUNT_END;
        time %= TIME_END;
        bool free = curve.cost(sold, 1, time, params) == 0;
        isTrue(free == (model(sold, time, params) == 0), "free where it is not, or not where it is");
    }

    /// @dev The reason is the whole of the answer: who reads it must know what to change.
    function _refused(bytes memory params, string memory reason) internal view {
        (bool ok, bytes memory result) = address(curve).staticcall(abi.encodeCall(IPriceCurve.validate, (params)));
        isTrue(!ok, string.concat("accepted, though ", reason));
        equal(result, abi.encodeWithSelector(IPriceCurve.InvalidCurveParams.selector, reason), "the reason");
    }

    function _compareWithModel(bytes memory params, uint256 sold, uint256 count, uint256 time) private view {
        uint256 expected;
        for (uint256 i; i < count; ++i) {
            expected += model(sold + i, time, params);
        }
        equal(curve.cost(sold, count, time, params), expected, "cost and model");
    }

    function _priceIfAccepted(bytes memory params, uint256 sold, uint256 count) private view {
        (bool accepted, ) = address(curve).staticcall(abi.encodeCall(IPriceCurve.validate, (params)));
        if (!accepted) return;
        curve.cost(sold % COUNT_END, count % COUNT_END, block.timestamp, params);
        curve.cost(COUNT_END - 1, COUNT_END - 1, TIME_END - 1, params);
        curve.cost(0, COUNT_END - 1, 0, params);
    }
}
