// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IArbitrable} from "./IArbitrable.sol";
import {IEvidence} from "./IEvidence.sol";

/// @title Disputes over orders
/// @notice A buyer whose order's money is still held disputes it and pays its side of the arbitration; the seller answers and pays its
/// side, or loses; then the arbitrator decides, or its silence does. Whoever wins has its fee back. docs/SILENCE.md has the table of
/// who loses when nobody acts.
/// @dev A dispute is named by its order's key id. Parties are agents and act by their present EOA. The arbitrator is this contract's
/// for ever, and nobody administers it. Fees are in wei, times in Unix seconds.
interface IDisputes is IArbitrable, IEvidence {
    enum Status {
        None,
        /// The seller's turn to answer.
        Opened,
        /// Answered; the arbitrator would not take the dispute yet. Anyone can {submit} it.
        Answered,
        /// The arbitrator's turn.
        Submitted,
        Closed
    }

    /// @notice What the buyer complains of.
    enum Category {
        UnfairFee,
        FailedService,
        ReputationAbuse,
        ContractViolation,
        DataIntegrity
    }

    /// @notice How a dispute ended.
    enum Outcome {
        None,
        /// By the arbitrator.
        Ruled,
        /// By the seller's silence: the buyer wins.
        Lapsed,
        /// The seller gave in: the buyer wins.
        Conceded,
        /// The buyer gave up: the seller wins.
        Withdrawn,
        /// By the arbitrator's silence: a tie.
        TimedOut
    }

    /// @notice A dispute as stored.
    struct Case {
        Status status;
        Category category;
        Outcome outcome;
        /// 1 the buyer won, 2 the seller won, 0 a tie; once closed.
        uint8 ruling;
        uint8 appeals;
        /// Whether `disputeID` counts.
        bool submitted;
        uint64 buyerId;
        uint64 sellerId;
        /// When the turn of `status` ends; it is over at this second.
        uint40 deadline;
        /// What each side paid in and was not given back before the end.
        uint96 buyerFee;
        uint96 sellerFee;
        /// What the arbitrator got of the two.
        uint96 spent;
        /// The agent that appealed last.
        uint64 appellantId;
        /// The dispute's number at the arbitrator, once submitted.
        uint256 disputeID;
    }

    /// @notice The buyer disputes its order; the seller can answer until `answerBy`.
    event DisputeOpened(
        uint256 indexed keyId,
        uint256 indexed buyerId,
        uint256 indexed sellerId,
        Category category,
        uint256 fee,
        uint256 answerBy,
        address by
    );
    /// @notice The seller answered. `buyerFee` is less than before when arbitration has become cheaper.
    event DisputeAnswered(uint256 indexed keyId, uint256 buyerFee, uint256 sellerFee, uint256 ruleBy, address by);
    /// @notice The arbitrator has taken the dispute, for `cost`.
    event DisputeSubmitted(uint256 indexed keyId, uint256 indexed disputeID, uint256 cost, uint256 ruleBy, address by);
    /// @notice The arbitrator refused the dispute for now.
    event SubmissionFailed(uint256 indexed keyId, uint256 cost);
    event DisputeAppealed(uint256 indexed keyId, uint256 indexed agentId, uint256 cost, uint256 ruleBy, address by);
    /// @notice The end: `toBuyer` of the order's amount goes back to the buyer, the rest to the seller's side.
    /// Nothing goes anywhere, and `toBuyer` is 0, when a card's chargeback has ended the order before.
    event DisputeClosed(uint256 indexed keyId, Outcome outcome, uint256 ruling, uint256 toBuyer, address by);
    /// @notice The arbitrator gave a fee back.
    event FeeReclaimed(uint256 indexed keyId, uint256 amount, address by);
    event Credited(uint256 indexed agentId, uint256 indexed keyId, uint256 amount, uint256 creditAfter);
    event Withdrawn(uint256 indexed agentId, address to, uint256 amount, address by);

    error UnknownOrder(uint256 keyId);
    error OrderNotHeld(uint256 keyId);
    /// @notice The order's money could be released from `releaseTime` on.
    error RefundWindowOver(uint256 keyId, uint256 releaseTime, uint256 time);
    error NotBuyer(uint256 keyId, address caller);
    error NotSeller(uint256 keyId, address caller);
    error NotParty(uint256 keyId, address caller);
    error FeeNotPaid(uint256 cost, uint256 given);
    error WrongStatus(uint256 keyId, Status status);
    /// @notice The turn ended at `deadline`.
    error TooLate(uint256 keyId, uint256 deadline, uint256 time);
    /// @notice The turn lasts until `deadline`.
    error TooEarly(uint256 keyId, uint256 deadline, uint256 time);
    error EvidenceMissing(uint256 keyId);
    error EvidenceTooLong(uint256 length, uint256 maximum);
    error NotArbitrator(address caller);
    /// @notice No dispute of that number waits for a ruling here.
    error UnknownDispute(uint256 disputeID);
    /// @notice The arbitrator gave two disputes one number.
    error DisputeIDInUse(uint256 disputeID, uint256 keyId);
    error RulingOutOfRange(uint256 disputeID, uint256 ruling);
    error CostAboveFees(uint256 keyId, uint256 cost, uint256 fees);
    error SubmissionRefused(uint256 keyId);
    /// @notice The present ruling is the caller's own victory.
    error NotLosing(uint256 keyId, uint256 agentId, uint256 ruling);
    error TooManyAppeals(uint256 keyId, uint256 maximum);
    /// @notice The arbitrator never had the dispute.
    error NotSubmitted(uint256 keyId);
    error NothingToWithdraw(uint256 agentId);
    error NotAuthorized(uint256 agentId, address caller);

    /// @notice Disputes an order whose money is held, before its release time. The buyer's EOA; the value pays {arbitrationCost}, what
    /// is above it is the buyer's credit.
    /// @param evidence URI of the complaint (ERC-1497), at most {MAX_EVIDENCE_BYTES}; may be empty.
    function open(uint256 keyId, Category category, string calldata evidence) external payable;

    /// @notice Answers, before the deadline. The seller's EOA; the value pays the arbitration's present cost. If that has risen since
    /// the buyer paid, the seller makes up the difference; if it has fallen, the buyer gets the difference back. While the arbitrator
    /// names no cost that can be paid, the seller pays what the buyer did.
    function answer(uint256 keyId, string calldata evidence) external payable;

    /// @notice Hands an answered dispute to an arbitrator that would not take it when it was answered. Anyone.
    function submit(uint256 keyId) external;

    /// @notice Ends a dispute that the seller did not answer in time: the buyer has money and fee back. Anyone.
    function lapse(uint256 keyId) external;

    /// @notice The seller gives in, at any time: the buyer wins.
    function concede(uint256 keyId) external;

    /// @notice The buyer gives up, at any time: the seller wins.
    function withdrawDispute(uint256 keyId) external;

    /// @notice More evidence from either side while the dispute runs.
    function submitEvidence(uint256 keyId, string calldata evidence) external;

    /// @notice Appeals at the arbitrator against its present ruling. The losing side's EOA, both sides' after a tie; the value pays the
    /// appeal's cost and is not given back by winning. At most {MAX_APPEALS} times; the arbitrator has {RULING_TIMEOUT} again.
    function appeal(uint256 keyId) external payable;

    /// @notice Ends a dispute that the arbitrator has not ruled on in time: a tie. Anyone.
    function timeout(uint256 keyId) external;

    /// @notice Takes back a fee for which the arbitrator did nothing, and credits it to whoever had paid it. Anyone, once the dispute is
    /// closed. For arbitrators that give fees back: see {IHouseArbitrator-refund}.
    function reclaim(uint256 keyId) external returns (uint256 amount);

    /// @notice Pays out all of the agent's credit: to its EOA when anyone else calls, to `to` when the EOA itself does.
    function withdraw(uint256 agentId, address to) external returns (uint256 amount);

    /// @notice What a party has to pay now.
    function arbitrationCost() external view returns (uint256);

    /// @notice The dispute over a key's order; status None when there is none.
    function disputeOf(uint256 keyId) external view returns (Case memory);

    /// @notice The key of a dispute that waits for the arbitrator's ruling; 0 when none does under that number.
    function keyOf(uint256 disputeID) external view returns (uint256 keyId);

    /// @notice What the agent can withdraw.
    function creditOf(uint256 agentId) external view returns (uint256);

    function arbitratorExtraData() external view returns (bytes memory);

    /// @notice How long the seller has to answer.
    function ANSWER_TIME() external view returns (uint40);

    /// @notice How long the arbitrator has for each round.
    function RULING_TIMEOUT() external view returns (uint40);

    function MAX_APPEALS() external view returns (uint256);

    function MAX_EVIDENCE_BYTES() external view returns (uint256);
}
