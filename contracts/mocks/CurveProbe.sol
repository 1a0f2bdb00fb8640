// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IPriceCurve} from "../interfaces/IPriceCurve.sol";

/// @title Asks a curve many questions in one call
/// @dev For tests of curves against their twins: ten thousand calls would take a minute, fifty of these take a second.
contract CurveProbe {
    struct Question {
        uint256 sold;
        uint256 count;
        uint256 time;
        bytes params;
    }

    struct Answer {
        /// Whether `validate` takes the parameters; else `refusal` says why not.
        bool accepted;
        bytes refusal;
        /// Whether `cost` answers; and what, and for how much gas.
        bool priced;
        uint256 cost;
        uint256 spent;
    }

    function ask(IPriceCurve curve, Question[] calldata questions) external view returns (Answer[] memory answers) {
        answers = new Answer[](questions.length);
        for (uint256 i; i < questions.length; ++i) {
            Question calldata q = questions[i];
            (answers[i].priced, answers[i].cost, answers[i].spent) = _cost(curve, q);
            try curve.validate(q.params) {
                answers[i].accepted = true;
            } catch (bytes memory refusal) {
                answers[i].refusal = refusal;
            }
        }
    }

    function _cost(
        IPriceCurve curve,
        Question calldata q
    ) private view returns (bool priced, uint256 cost, uint256 spent) {
        bytes memory data = abi.encodeCall(IPriceCurve.cost, (q.sold, q.count, q.time, q.params));
        // By hand: `staticcall` copies its data first, which is not the curve's doing.
        assembly ("memory-safe") {
            let before := gas()
            priced := staticcall(before, curve, add(data, 0x20), mload(data), 0, 0x20)
            spent := sub(before, gas())
            if priced {
                cost := mload(0)
            }
        }
    }
}
