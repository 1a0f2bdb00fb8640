// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IArbitrable} from "./IArbitrable.sol";

/// @title Who decides disputes (ERC-792, version 1, appeals included)
/// @notice Costs are paid in the chain's native coin, in wei, and not below what the view says at that moment.
/// @dev The functions' names, parameters and events are the standard's, so that Kleros' courts and any other ERC-792 arbitrator fit.
interface IArbitrator {
    enum DisputeStatus {
        Waiting,
        Appealable,
        Solved
    }

    /// @notice A dispute was made by `arbitrable`.
    event DisputeCreation(uint256 indexed disputeID, IArbitrable indexed arbitrable);
    /// @notice There is a ruling, and it can be appealed against now.
    event AppealPossible(uint256 indexed disputeID, IArbitrable indexed arbitrable);
    /// @notice The present ruling was appealed against.
    event AppealDecision(uint256 indexed disputeID, IArbitrable indexed arbitrable);

    /// @notice Makes a dispute. The arbitrable contract calls it, and gets the ruling by {IArbitrable-rule}.
    /// @param choices How many rulings there are to choose from, 0 not counted.
    /// @param extraData What the arbitrator wants to know: a court, a number of jurors.
    function createDispute(uint256 choices, bytes calldata extraData) external payable returns (uint256 disputeID);

    /// @notice What {createDispute} costs now.
    function arbitrationCost(bytes calldata extraData) external view returns (uint256 cost);

    /// @notice Appeals against the present ruling, within {appealPeriod}.
    function appeal(uint256 disputeID, bytes calldata extraData) external payable;

    /// @notice What {appeal} costs now.
    function appealCost(uint256 disputeID, bytes calldata extraData) external view returns (uint256 cost);

    /// @notice When an appeal is possible, in Unix time; (0, 0) when it is not, or the time is not known yet.
    function appealPeriod(uint256 disputeID) external view returns (uint256 start, uint256 end);

    function disputeStatus(uint256 disputeID) external view returns (DisputeStatus status);

    /// @notice The ruling given, or the one that will be if nobody appeals.
    function currentRuling(uint256 disputeID) external view returns (uint256 ruling);
}
