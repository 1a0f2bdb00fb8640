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
        uint256 gas;
    }

    function ask(IPriceCurve curve, Question[] calldata questions) external view returns (Answer[] memory answers) {
        answers = new Answer[](questions.length);
        for (uint256 i; i < questions.length; ++i) {
            Question calldata q = questions[i];
            (answers[i].priced, answers[i].cost, answers[i].gas) = _cost(curve, q);
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
    ) private view returns (bool priced, uint256 cost, uint256 gas) {
        bytes memory data = abi.encodeCall(IPriceCurve.cost, (q.sold, q.count, q.time, q.params));
        gas = gasleft();
        bytes memory result;
        (priced, result) = address(curve).staticcall(data);
        gas -= gasleft();
        if (priced) cost = abi.decode(result, (uint256));
    }
}
