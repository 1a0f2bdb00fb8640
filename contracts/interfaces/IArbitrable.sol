// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IArbitrator} from "./IArbitrator.sol";

/// @title What an arbitrator rules on (ERC-792, version 1)
/// @notice It makes a dispute by calling {IArbitrator-createDispute} with the cost, and carries out the ruling that comes back by {rule}.
interface IArbitrable {
    /// @notice `arbitrator` gave its final ruling on its dispute.
    event Ruling(IArbitrator indexed arbitrator, uint256 indexed disputeID, uint256 ruling);

    /// @notice Carries out a ruling. The dispute's arbitrator alone, once.
    /// @param disputeID The dispute's number at the arbitrator.
    /// @param ruling One of the dispute's choices, from 1; 0 = the arbitrator can't or won't decide.
    function rule(uint256 disputeID, uint256 ruling) external;
}
