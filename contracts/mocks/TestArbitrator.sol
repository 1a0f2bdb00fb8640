// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IArbitrable} from "../interfaces/IArbitrable.sol";
import {IArbitrator} from "../interfaces/IArbitrator.sol";

/// @title An arbitrator that does what it is told, for tests: anyone sets its cost, rules and decides whether it works at all
contract TestArbitrator is IArbitrator {
    error Broken();
    error WrongFee(uint256 given, uint256 cost);
    error NothingToRefund(uint256 disputeID);

    struct Case {
        IArbitrable arbitrable;
        uint256 choices;
        bytes extraData;
        DisputeStatus status;
        uint256 ruling;
        uint256 appeals;
        uint256 fee;
    }

    uint256 public cost;
    bool public broken;
    /// @notice What it rules from inside {createDispute}; 0 for nothing.
    uint256 public hasty;
    Case[] private _cases;

    constructor(uint256 cost_) {
        cost = cost_;
    }

    function setCost(uint256 cost_) external {
        cost = cost_;
    }

    function setBroken(bool broken_) external {
        broken = broken_;
    }

    function setHasty(uint256 ruling) external {
        hasty = ruling;
    }

    function giveRuling(uint256 disputeID, uint256 ruling) external {
        Case storage c = _cases[disputeID];
        c.ruling = ruling;
        c.status = DisputeStatus.Solved;
        c.arbitrable.rule(disputeID, ruling);
    }

    function createDispute(uint256 choices, bytes calldata extraData) external payable returns (uint256 disputeID) {
        if (broken) revert Broken();
        if (msg.value != cost) revert WrongFee(msg.value, cost);
        disputeID = _cases.length;
        _cases.push(Case(IArbitrable(msg.sender), choices, extraData, DisputeStatus.Waiting, 0, 0, msg.value));
        emit DisputeCreation(disputeID, IArbitrable(msg.sender));
        if (hasty != 0) IArbitrable(msg.sender).rule(disputeID, hasty);
    }

    function appeal(uint256 disputeID, bytes calldata) external payable {
        if (msg.value != 2 * cost) revert WrongFee(msg.value, 2 * cost);
        _cases[disputeID].appeals += 1;
        emit AppealDecision(disputeID, _cases[disputeID].arbitrable);
    }

    /// @notice Gives the fee of a dispute that it never ruled back, once, as the house's arbitrator does.
    function refund(uint256 disputeID) external returns (uint256 amount) {
        Case storage c = _cases[disputeID];
        amount = c.fee;
        if (c.status != DisputeStatus.Waiting || amount == 0) revert NothingToRefund(disputeID);
        c.fee = 0;
        (bool sent, ) = address(c.arbitrable).call{value: amount}("");
        if (!sent) revert Broken();
    }

    function caseOf(uint256 disputeID) external view returns (Case memory) {
        return _cases[disputeID];
    }

    function arbitrationCost(bytes calldata) external view returns (uint256) {
        return cost;
    }

    function appealCost(uint256, bytes calldata) external view returns (uint256) {
        return 2 * cost;
    }

    function appealPeriod(uint256) external pure returns (uint256 start, uint256 end) {
        return (0, type(uint256).max);
    }

    function disputeStatus(uint256 disputeID) external view returns (DisputeStatus) {
        return _cases[disputeID].status;
    }

    function currentRuling(uint256 disputeID) external view returns (uint256) {
        return _cases[disputeID].ruling;
    }
}
