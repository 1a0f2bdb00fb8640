// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IArbitrable} from "./IArbitrable.sol";
import {IArbitrator} from "./IArbitrator.sol";
import {IEvidence} from "./IEvidence.sol";

/// @title What validators risk for their labels, and how a label is challenged
/// @notice A validator bonds an ERC-20. Anyone who bonds as much as a challenge costs may challenge a label of it, with evidence. Then
///
///     Open ─ answer ▶ Answered ─ refer ▶ Ruling ─ rule ▶ Struck (challenger wins), Upheld (validator wins), Tied
///       │                │                  └ timeOut ▶ Tied          the arbitrator never ruled
///       │                └ timeOut ───────────────────▶ Tied          nobody referred it to the arbitrator
///       └ timeOut ────────────────────────────────────▶ Struck        the validator's side was silent
///
/// Struck: the label goes, the validator loses at most one stake, half of it to the challenger, the rest to nobody. Upheld: the
/// challenger's stake is the validator's. Tied: everybody has back what it gave. Silence never pays the silent.
/// @dev Bond amounts are in the smallest units of {token}; arbitration fees are in wei. Both are credited and pulled, never pushed.
/// What is slashed and not the challenger's stays here for ever ({burnt}): if it were anyone's, that one would profit from slashing.
/// The token is fixed, and refused when it takes a fee. Rebasing tokens must not be used.
interface IValidatorBonds is IArbitrable, IEvidence {
    enum ChallengeStatus {
        None,
        /// The validator's side has until `deadline` to answer.
        Open,
        /// Both sides paid their arbitration fee; anyone refers the case to the arbitrator until `deadline`.
        Answered,
        /// The arbitrator has until `deadline` to rule.
        Ruling,
        Struck,
        Upheld,
        Tied
    }

    struct Bond {
        /// What gives weight.
        uint96 bonded;
        /// On its way out: it has no weight and can still be slashed.
        uint96 unbonding;
        /// Unix time from which `unbonding` can leave.
        uint40 unbondedAt;
    }

    struct Challenge {
        uint64 challengerId;
        uint64 validatorId;
        uint64 ekId;
        uint8 revision;
        ChallengeStatus status;
        uint8 appeals;
        uint40 deadline;
        /// What the validator stands to lose: at most {challengeStake}, less when it has less that is not at stake elsewhere.
        uint96 atStake;
        /// Each side's arbitration fee, in wei, as it was when the challenge was made.
        uint96 fee;
        /// What is left of both fees.
        uint96 pot;
        /// Who paid the challenger's fee, and the validator's.
        address challengerPayer;
        address validatorPayer;
        /// What {refer} cost above both fees.
        uint96 surcharge;
        /// Who paid the arbitrator last, beside the two: whoever appealed last, before that whoever paid the surcharge.
        address extraPayer;
        uint256 disputeID;
    }

    /// @notice The bond after somebody bonded, unbonded, released or lost a stake.
    event BondChanged(uint256 indexed validatorId, uint96 bonded, uint96 unbonding, uint40 unbondedAt, address by);
    /// @notice What was unbonded became the validator's credit, which is `credit` now.
    event BondReleased(uint256 indexed validatorId, uint256 amount, uint256 credit);
    /// @notice The account's fee credit grew, to this.
    event FeesCredited(address indexed account, uint256 credit);
    /// @notice A label was challenged; the validator's side may answer until `deadline`.
    event Challenged(
        uint256 indexed challengeId,
        uint256 indexed ekId,
        uint256 indexed validatorId,
        uint256 challengerId,
        uint8 revision,
        uint96 atStake,
        uint96 fee,
        uint40 deadline,
        string evidence,
        bytes32 evidenceHash
    );
    event Answered(uint256 indexed challengeId, uint40 deadline, address by);
    /// @notice The arbitrator has the case as its dispute `disputeID`.
    event Referred(uint256 indexed challengeId, uint256 indexed disputeID, uint40 deadline);
    event Appealed(uint256 indexed challengeId, uint256 cost, uint40 deadline, address by);
    /// @notice The end: `slashed` was taken from the validator, `reward` of it is the challenger's.
    event ChallengeClosed(
        uint256 indexed challengeId,
        ChallengeStatus status,
        uint96 slashed,
        uint96 reward,
        uint256 challengerCredit,
        uint256 validatorCredit
    );
    /// @notice The arbitrator gave a fee back.
    event FeeReclaimed(uint256 indexed challengeId, uint256 amount, address by);
    /// @notice The agent took its credit; it is 0 now.
    event CreditWithdrawn(uint256 indexed agentId, address to, uint256 amount, address by);
    event FeesWithdrawn(address indexed account, address to, uint256 amount);

    error NotAgentOwner(uint256 agentId, address caller);
    error NotArbitrator(address caller);
    error ZeroAmount();
    error ZeroAddress();
    error AmountTooLarge(uint256 amount, uint256 maximum);
    /// @notice The token moved another amount than it was told.
    error UnexpectedAmount(uint256 expected, uint256 received);
    error BondTooSmall(uint256 validatorId, uint256 bonded, uint256 asked);
    error NothingUnbonding(uint256 validatorId);
    error StillUnbonding(uint256 validatorId, uint256 until, uint256 time);
    /// @notice All that is unbonding is at stake in open challenges.
    error BondAtStake(uint256 validatorId, uint256 atStake);
    error NotBonded(uint256 validatorId);
    error SelfChallenge(uint256 agentId);
    error AlreadyChallenged(uint256 ekId, uint256 validatorId, uint256 challengeId);
    error EvidenceMissing();
    error EvidenceTooLong(uint256 length, uint256 maximum);
    error FeeTooLow(uint256 given, uint256 cost);
    error WrongStatus(uint256 challengeId, ChallengeStatus status);
    error TooLate(uint256 challengeId, uint256 deadline, uint256 time);
    error TooEarly(uint256 challengeId, uint256 deadline, uint256 time);
    error UnknownDispute(uint256 disputeID);
    error InvalidRuling(uint256 ruling, uint256 maximum);
    error TooManyAppeals(uint256 challengeId, uint256 maximum);
    /// @notice The arbitrator never had the challenge.
    error NotReferred(uint256 challengeId);
    error NothingToWithdraw();
    error TransferFailed(address to, uint256 amount);

    /// @notice Adds the caller's tokens to the validator's bond. Anyone.
    function bond(uint256 validatorId, uint256 amount) external;

    /// @notice Sends a part of the bond on its way out. It loses its weight now, can be slashed until it is released, and that is
    /// possible after {UNBONDING_DELAY}, counted anew for all that is on its way. The validator's EOA.
    function unbond(uint256 validatorId, uint256 amount) external;

    /// @notice Credits the validator with what is unbonded by now, but for what is at stake. Anyone.
    function release(uint256 validatorId) external;

    /// @notice Pays out an agent's credit. Its EOA.
    function withdraw(uint256 agentId, address to) external;

    /// @notice Pays out the caller's fee credit, in wei.
    function withdrawFees(address payable to) external;

    /// @notice Challenges a revision of a label that is live or ended less than {CHALLENGE_WINDOW} ago. Takes {challengeStake} of the
    /// caller's tokens and the arbitration fee in the chain's coin; what is paid above it is credited. The challenger's EOA.
    /// @param evidence URI of the evidence (ERC-1497); at most {MAX_EVIDENCE_BYTES} bytes.
    /// @param evidenceHash keccak256 of what the URI leads to.
    function challenge(
        uint256 challengerId,
        uint256 ekId,
        uint256 validatorId,
        uint8 revision,
        string calldata evidence,
        bytes32 evidenceHash
    ) external payable returns (uint256 challengeId);

    /// @notice Pays the validator's side of the arbitration fee. Anyone, for it; what is paid above it is credited.
    function answer(uint256 challengeId) external payable;

    /// @notice Makes the arbitrator's dispute from both fees. Anyone; if the arbitrator costs more than both by now, the caller pays the
    /// rest and gets it back by {reclaim} alone.
    function refer(uint256 challengeId) external payable;

    /// @notice Appeals against the arbitrator's ruling, at the caller's cost. Anyone, {MAX_APPEALS} times in all.
    function appeal(uint256 challengeId) external payable;

    /// @notice Adds evidence (ERC-1497) while the challenge is not closed. Anyone.
    function submitEvidence(uint256 challengeId, string calldata evidence) external;

    /// @notice Ends a challenge whose deadline is over. Anyone.
    function timeOut(uint256 challengeId) external;

    /// @notice Takes back a fee for which the arbitrator did nothing, and credits it to whoever had paid it. Anyone, once the challenge is
    /// closed. For arbitrators that give fees back: see {IHouseArbitrator-refund}.
    function reclaim(uint256 challengeId) external returns (uint256 amount);

    function bondOf(uint256 validatorId) external view returns (Bond memory);

    /// @notice What gives the validator weight now.
    function bondedOf(uint256 validatorId) external view returns (uint256);

    /// @notice Whether the validator bonds a whole {challengeStake} at least. One storage read.
    function isBonded(uint256 validatorId) external view returns (bool);

    /// @notice What of the validator's bond is at stake in open challenges.
    function atStakeOf(uint256 validatorId) external view returns (uint256);

    function creditOf(uint256 agentId) external view returns (uint256);

    function feeCreditOf(address account) external view returns (uint256);

    function challengeOf(uint256 challengeId) external view returns (Challenge memory);

    /// @notice The open challenge to the validator's label, whichever revision; 0 for none.
    function openChallengeOf(uint256 ekId, uint256 validatorId) external view returns (uint256 challengeId);

    function challengeCount() external view returns (uint256);

    /// @notice What was slashed and is nobody's.
    function burnt() external view returns (uint256);

    /// @notice What a challenger stakes, and the most that a challenge takes from a validator.
    function challengeStake() external view returns (uint96);

    function arbitrator() external view returns (IArbitrator);
}
