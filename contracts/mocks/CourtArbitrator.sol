// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IArbitrable} from "../interfaces/IArbitrable.sol";
import {IArbitrator} from "../interfaces/IArbitrator.sol";

/// @title An arbitrator that works as Kleros' courts do towards arbitrable contracts, for tests
/// @dev Its owner is the jury. Appeals are unlimited and each costs twice the one before and a fee more, as juries grow.
contract CourtArbitrator is IArbitrator {
    error NotOwner(address caller);
    error NotArbitrable(address caller);
    error TooLittle(uint256 cost, uint256 given);
    error NotNow(uint256 disputeID);
    error OutOfRange(uint256 ruling);

    struct Dispute {
        address arbitrable;
        bool ruled;
        bool executed;
        uint40 appealEnd;
        uint32 round;
        uint256 choices;
        uint256 ruling;
    }

    uint256 public constant APPEAL_WINDOW = 3 days;
    uint256 public constant FEE = 0.01 ether;
    address public immutable owner = msg.sender;

    Dispute[] private _disputes;

    function createDispute(uint256 choices, bytes calldata) external payable returns (uint256 disputeID) {
        if (msg.value < FEE) revert TooLittle(FEE, msg.value);
        disputeID = _disputes.length;
        _disputes.push(Dispute(msg.sender, false, false, 0, 0, choices, 0));
        emit DisputeCreation(disputeID, IArbitrable(msg.sender));
    }

    /// @notice The jury's vote in this round.
    function giveRuling(uint256 disputeID, uint256 ruling) external {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        Dispute storage d = _disputes[disputeID];
        if (d.ruled) revert NotNow(disputeID);
        if (ruling > d.choices) revert OutOfRange(ruling);
        (d.ruled, d.ruling, d.appealEnd) = (true, ruling, uint40(block.timestamp + APPEAL_WINDOW));
        emit AppealPossible(disputeID, IArbitrable(d.arbitrable));
    }

    function appeal(uint256 disputeID, bytes calldata extraData) external payable {
        Dispute storage d = _disputes[disputeID];
        if (msg.sender != d.arbitrable) revert NotArbitrable(msg.sender);
        if (!d.ruled || block.timestamp >= d.appealEnd) revert NotNow(disputeID);
        uint256 cost = appealCost(disputeID, extraData);
        if (msg.value < cost) revert TooLittle(cost, msg.value);
        (d.ruled, d.round) = (false, d.round + 1);
        emit AppealDecision(disputeID, IArbitrable(d.arbitrable));
    }

    function executeRuling(uint256 disputeID) external {
        Dispute storage d = _disputes[disputeID];
        if (!d.ruled || d.executed || block.timestamp < d.appealEnd) revert NotNow(disputeID);
        d.executed = true;
        IArbitrable(d.arbitrable).rule(disputeID, d.ruling);
    }

    function arbitrationCost(bytes calldata) external pure returns (uint256) {
        return FEE;
    }

    function appealCost(uint256 disputeID, bytes calldata) public view returns (uint256 cost) {
        cost = FEE;
        for (uint256 i; i <= _disputes[disputeID].round; ++i) cost = 2 * cost + FEE;
    }

    function appealPeriod(uint256 disputeID) external view returns (uint256 start, uint256 end) {
        Dispute storage d = _disputes[disputeID];
        if (d.ruled) (start, end) = (d.appealEnd - APPEAL_WINDOW, d.appealEnd);
    }

    function disputeStatus(uint256 disputeID) external view returns (DisputeStatus) {
        Dispute storage d = _disputes[disputeID];
        if (!d.ruled) return DisputeStatus.Waiting;
        return block.timestamp < d.appealEnd ? DisputeStatus.Appealable : DisputeStatus.Solved;
    }

    function currentRuling(uint256 disputeID) external view returns (uint256) {
        return _disputes[disputeID].ruling;
    }
}
