// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IArbitrator} from "./IArbitrator.sol";

/// @title The house arbitrator: who decides on chains that have no arbitrator of their own
/// @notice Two courts of people. The first gives a ruling; whoever loses by it may appeal within {APPEAL_WINDOW}, once, and then the
/// second court's ruling is final. A court that is silent beyond its time loses the case and its fee: anyone may {expire} it.
/// @dev A ruling is a number from 0 to the dispute's `choices`, and all that the courts can do. Giving a ruling never calls the
/// arbitrable contract; {execute} does, by anyone and as often as it takes, so that one that reverts or burns gas holds up nobody else.
/// Amounts are in wei, times in Unix seconds.
interface IHouseArbitrator is IArbitrator {
    enum Phase {
        None,
        /// The first court's turn.
        Waiting,
        /// There is a ruling; it becomes final at the deadline unless appealed against.
        Appealable,
        /// The second court's turn.
        Appealed,
        /// The ruling is final and not carried out yet.
        Final,
        /// The arbitrable contract has got the ruling.
        Executed
    }

    /// @notice A dispute as stored.
    struct Case {
        address arbitrable;
        Phase phase;
        /// When the present phase ends: the court's time, or the window for an appeal. It is over at this second.
        uint40 deadline;
        /// The fee of the present round: held until the court rules, and the arbitrable contract's again when the court is silent.
        uint128 fee;
        uint256 choices;
        uint256 ruling;
    }

    /// @notice A dispute with `choices` rulings to choose from; the first court has until `ruleBy`.
    event CaseOpened(
        uint256 indexed disputeID,
        address indexed arbitrable,
        uint256 choices,
        uint256 fee,
        uint256 ruleBy
    );
    /// @notice The second court has until `ruleBy`.
    event CaseAppealed(uint256 indexed disputeID, uint256 fee, uint256 ruleBy);
    /// @notice The first court ruled.
    event RulingGiven(uint256 indexed disputeID, uint256 ruling, uint256 appealBy, address by);
    /// @notice The ruling is final: `by` the second court, or whoever noticed that a court's time was over (`expired`).
    event RulingFinal(uint256 indexed disputeID, uint256 ruling, bool expired, address by);
    /// @notice The arbitrable contract took the ruling.
    event RulingExecuted(uint256 indexed disputeID, uint256 ruling, address by);
    /// @notice A court that ruled earned its round's fee for `agentId`.
    event FeeEarned(uint256 indexed disputeID, uint256 indexed agentId, uint256 amount, uint256 creditAfter);
    /// @notice The arbitrable contract took back the fee of a round without a ruling.
    event FeeReturned(uint256 indexed disputeID, address indexed arbitrable, uint256 amount);
    event Withdrawn(uint256 indexed agentId, address to, uint256 amount, address by);
    /// @notice What disputes and appeals cost from now on.
    event CostsSet(uint256 arbitrationCost, uint256 appealCost);
    /// @notice The agent that earns the fees of rulings from now on.
    event PayeeSet(uint256 indexed agentId);

    error UnknownDispute(uint256 disputeID);
    error NoChoices();
    /// @notice A court whose fees would be nobody's takes no cases.
    error NoPayee();
    error CostNotPaid(uint256 cost, uint256 given);
    /// @notice The dispute is in another phase than the call needs.
    error WrongPhase(uint256 disputeID, Phase phase);
    /// @notice The phase ended at `deadline`.
    error TooLate(uint256 disputeID, uint256 deadline, uint256 time);
    /// @notice The phase lasts until `deadline`.
    error TooEarly(uint256 disputeID, uint256 deadline, uint256 time);
    error RulingOutOfRange(uint256 disputeID, uint256 ruling, uint256 choices);
    /// @notice Only the contract that made the dispute appeals, or takes a fee back: it knows who its parties are.
    error NotArbitrable(uint256 disputeID, address caller);
    error CostAboveMaximum(uint256 cost, uint256 maximum);
    error NothingToReturn(uint256 disputeID);
    error NothingToWithdraw(uint256 agentId);
    error NotAuthorized(uint256 agentId, address caller);

    /// @notice The first court's ruling, within {RULING_TIME}. Role ARBITER.
    function giveRuling(uint256 disputeID, uint256 ruling) external;

    /// @notice The second court's ruling on an appeal, within {RULING_TIME}. Role APPEAL.
    function giveFinalRuling(uint256 disputeID, uint256 ruling) external;

    /// @notice Ends the wait for a silent court, by anyone. Without a first ruling the dispute is ruled 0; an appeal that nobody heard
    /// leaves the first ruling standing.
    function expire(uint256 disputeID) external;

    /// @notice Hands the final ruling to the arbitrable contract, by anyone. Reverts as that contract does and can be tried again.
    function execute(uint256 disputeID) external;

    /// @notice Gives the fee of an expired round back to the arbitrable contract, which calls it.
    function refund(uint256 disputeID) external returns (uint256 amount);

    /// @notice Pays out all that the agent has earned: to its EOA when anyone else calls, to `to` when the EOA itself does.
    function withdraw(uint256 agentId, address to) external returns (uint256 amount);

    /// @notice Sets what disputes and appeals cost, each at most {MAX_COST}. Administrators only.
    function setCosts(uint256 arbitrationCost, uint256 appealCost) external;

    /// @notice Sets who earns the fees of rulings from now on. Administrators only.
    function setPayee(uint256 agentId) external;

    function caseOf(uint256 disputeID) external view returns (Case memory);

    /// @notice How many disputes there are; their numbers run from 0.
    function caseCount() external view returns (uint256);

    /// @notice What the agent can withdraw.
    function creditOf(uint256 agentId) external view returns (uint256);

    function payeeId() external view returns (uint256);

    /// @notice How long each court has.
    function RULING_TIME() external view returns (uint40);

    /// @notice How long a first ruling can be appealed against.
    function APPEAL_WINDOW() external view returns (uint40);

    /// @notice The most that a dispute or an appeal may cost, fixed at deployment in the chain's own coin.
    function MAX_COST() external view returns (uint256);
}
