// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IArbitrable} from "./interfaces/IArbitrable.sol";
import {IArbitrator} from "./interfaces/IArbitrator.sol";
import {IHouseArbitrator} from "./interfaces/IHouseArbitrator.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {IValidatorBonds} from "./interfaces/IValidatorBonds.sol";

/// @title ValidatorBonds
contract ValidatorBonds is IValidatorBonds, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice How long a revision can be challenged after it ended, in seconds.
    uint256 public constant CHALLENGE_WINDOW = 14 days;
    /// @notice Longer than {CHALLENGE_WINDOW}: who withdraws a label and unbonds at once can still be challenged and slashed.
    uint40 public constant UNBONDING_DELAY = 21 days;
    uint40 public constant ANSWER_TIME = 3 days;
    /// @notice For referring a case, for ruling on it, and again after each appeal.
    uint40 public constant RULING_TIME = 60 days;
    uint256 public constant MAX_APPEALS = 5;
    uint256 public constant MAX_EVIDENCE_BYTES = 512;
    /// @notice The challenger's part of what is slashed.
    uint256 public constant REWARD_BPS = 5000;
    /// @notice Rulings; 0 is the arbitrator's refusal.
    uint256 public constant RULING_STRIKE = 1;
    uint256 public constant RULING_UPHOLD = 2;

    uint256 private constant META_EVIDENCE = 0;

    IAgentRegistry public immutable registry;
    ILabelRegistry public immutable labels;
    IERC20 public immutable token;
    IArbitrator public immutable arbitrator;
    /// @inheritdoc IValidatorBonds
    uint96 public immutable challengeStake;

    /// @dev Whether a fee of the arbitrator's is expected: no other ether is taken without being booked.
    bool private transient _reclaiming;

    /// @notice What the arbitrator is told of each case, such as its court.
    bytes public arbitratorExtraData;
    /// @inheritdoc IValidatorBonds
    uint256 public challengeCount;
    /// @inheritdoc IValidatorBonds
    uint256 public burnt;
    /// @inheritdoc IValidatorBonds
    mapping(uint256 validatorId => uint256) public atStakeOf;
    /// @inheritdoc IValidatorBonds
    mapping(uint256 agentId => uint256) public creditOf;
    /// @inheritdoc IValidatorBonds
    mapping(address account => uint256) public feeCreditOf;
    /// @inheritdoc IValidatorBonds
    mapping(uint256 ekId => mapping(uint256 validatorId => uint256)) public openChallengeOf;

    mapping(uint256 validatorId => Bond) private _bonds;
    mapping(uint256 challengeId => Challenge) private _challenges;
    mapping(uint256 disputeID => uint256 challengeId) private _challengeOfDispute;

    constructor(
        IAgentRegistry registry_,
        ILabelRegistry labels_,
        IERC20 token_,
        IArbitrator arbitrator_,
        uint96 challengeStake_,
        bytes memory arbitratorExtraData_,
        string memory metaEvidence
    ) {
        if (challengeStake_ == 0) revert ZeroAmount();
        registry = registry_;
        labels = labels_;
        token = token_;
        arbitrator = arbitrator_;
        challengeStake = challengeStake_;
        arbitratorExtraData = arbitratorExtraData_;
        emit MetaEvidence(META_EVIDENCE, metaEvidence);
    }

    /// @dev The arbitrator's refund during {reclaim}, and nothing else.
    receive() external payable {
        if (!_reclaiming || msg.sender != address(arbitrator)) revert NotArbitrator(msg.sender);
    }

    // ----------------------------------------------------------------- bonds

    /// @inheritdoc IValidatorBonds
    function bond(uint256 validatorId, uint256 amount) external nonReentrant {
        registry.eoaOf(validatorId);
        if (amount == 0) revert ZeroAmount();
        Bond memory b = _bonds[validatorId];
        uint256 room = type(uint96).max - b.bonded - b.unbonding;
        if (amount > room) revert AmountTooLarge(amount, room);
        b.bonded += uint96(amount);
        _store(validatorId, b);
        _pull(amount);
    }

    /// @inheritdoc IValidatorBonds
    function unbond(uint256 validatorId, uint256 amount) external nonReentrant {
        _checkOwner(validatorId);
        if (amount == 0) revert ZeroAmount();
        Bond memory b = _bonds[validatorId];
        if (amount > b.bonded) revert BondTooSmall(validatorId, b.bonded, amount);
        b.bonded -= uint96(amount);
        b.unbonding += uint96(amount);
        b.unbondedAt = uint40(block.timestamp) + UNBONDING_DELAY;
        _store(validatorId, b);
    }

    /// @inheritdoc IValidatorBonds
    function release(uint256 validatorId) external nonReentrant {
        Bond memory b = _bonds[validatorId];
        if (b.unbonding == 0) revert NothingUnbonding(validatorId);
        if (block.timestamp < b.unbondedAt) revert StillUnbonding(validatorId, b.unbondedAt, block.timestamp);
        uint256 staked = atStakeOf[validatorId];
        uint256 kept = staked > b.bonded ? staked - b.bonded : 0;
        if (kept >= b.unbonding) revert BondAtStake(validatorId, staked);
        uint256 amount = b.unbonding - kept;
        creditOf[validatorId] += amount;
        emit BondReleased(validatorId, amount, creditOf[validatorId]);
        b.unbonding = uint96(kept);
        _store(validatorId, b);
    }

    /// @inheritdoc IValidatorBonds
    function withdraw(uint256 agentId, address to) external nonReentrant {
        _checkOwner(agentId);
        if (to == address(0)) revert ZeroAddress();
        uint256 amount = creditOf[agentId];
        if (amount == 0) revert NothingToWithdraw();
        creditOf[agentId] = 0;
        emit CreditWithdrawn(agentId, to, amount, msg.sender);
        token.safeTransfer(to, amount);
    }

    /// @inheritdoc IValidatorBonds
    function withdrawFees(address payable to) external nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        uint256 amount = feeCreditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        feeCreditOf[msg.sender] = 0;
        emit FeesWithdrawn(msg.sender, to, amount);
        (bool ok, ) = to.call{value: amount}("");
        if (!ok) revert TransferFailed(to, amount);
    }

    // ------------------------------------------------------------ challenges

    /// @inheritdoc IValidatorBonds
    function challenge(
        uint256 challengerId,
        uint256 ekId,
        uint256 validatorId,
        uint8 revision,
        string calldata evidence,
        bytes32 evidenceHash
    ) external payable nonReentrant returns (uint256 challengeId) {
        _checkOwner(challengerId);
        if (challengerId == validatorId) revert SelfChallenge(validatorId);
        _checkEvidence(evidence);
        if (evidenceHash == 0) revert EvidenceMissing();
        uint256 open = openChallengeOf[ekId][validatorId];
        if (open != 0) revert AlreadyChallenged(ekId, validatorId, open);
        uint96 fee = _takeFee(arbitrator.arbitrationCost(arbitratorExtraData));

        challengeId = ++challengeCount;
        openChallengeOf[ekId][validatorId] = challengeId;
        Challenge storage c = _challenges[challengeId];
        c.challengerId = uint64(challengerId);
        c.validatorId = uint64(validatorId);
        c.ekId = uint64(ekId);
        c.revision = revision;
        c.status = ChallengeStatus.Open;
        c.deadline = uint40(block.timestamp) + ANSWER_TIME;
        c.atStake = _putAtStake(validatorId);
        c.fee = fee;
        c.pot = fee;
        c.challengerPayer = msg.sender;
        _announce(challengeId, c, evidence, evidenceHash);
        labels.openDispute(ekId, validatorId, revision, CHALLENGE_WINDOW);
        _pull(challengeStake);
    }

    /// @inheritdoc IValidatorBonds
    function answer(uint256 challengeId) external payable nonReentrant {
        Challenge storage c = _in(challengeId, ChallengeStatus.Open);
        _checkInTime(challengeId, c);
        uint96 fee = _takeFee(c.fee);
        c.status = ChallengeStatus.Answered;
        c.deadline = uint40(block.timestamp) + RULING_TIME;
        c.pot += fee;
        c.validatorPayer = msg.sender;
        emit Answered(challengeId, c.deadline, msg.sender);
    }

    /// @inheritdoc IValidatorBonds
    function refer(uint256 challengeId) external payable nonReentrant {
        Challenge storage c = _in(challengeId, ChallengeStatus.Answered);
        _checkInTime(challengeId, c);
        bytes memory extraData = arbitratorExtraData;
        uint256 cost = arbitrator.arbitrationCost(extraData);
        uint256 fromPot = cost < c.pot ? cost : c.pot;
        uint96 surcharge = _takeFee(cost - fromPot);
        c.pot -= uint96(fromPot);
        if (surcharge != 0) (c.surcharge, c.extraPayer) = (surcharge, msg.sender);
        c.status = ChallengeStatus.Ruling;
        c.deadline = uint40(block.timestamp) + RULING_TIME;
        // The guard keeps everything still until the dispute's number is known: a ruling from inside is refused.
        uint256 disputeID = arbitrator.createDispute{value: cost}(RULING_UPHOLD, extraData);
        c.disputeID = disputeID;
        _challengeOfDispute[disputeID] = challengeId;
        emit Dispute(arbitrator, disputeID, META_EVIDENCE, challengeId);
        emit Referred(challengeId, disputeID, c.deadline);
    }

    /// @inheritdoc IValidatorBonds
    function appeal(uint256 challengeId) external payable nonReentrant {
        Challenge storage c = _in(challengeId, ChallengeStatus.Ruling);
        if (c.appeals == MAX_APPEALS) revert TooManyAppeals(challengeId, MAX_APPEALS);
        bytes memory extraData = arbitratorExtraData;
        uint256 cost = arbitrator.appealCost(c.disputeID, extraData);
        _takeFee(cost);
        c.appeals += 1;
        c.extraPayer = msg.sender;
        c.deadline = uint40(block.timestamp) + RULING_TIME;
        emit Appealed(challengeId, cost, c.deadline, msg.sender);
        arbitrator.appeal{value: cost}(c.disputeID, extraData);
    }

    /// @inheritdoc IValidatorBonds
    function submitEvidence(uint256 challengeId, string calldata evidence) external {
        ChallengeStatus status = _challenges[challengeId].status;
        if (status == ChallengeStatus.None || status > ChallengeStatus.Ruling) revert WrongStatus(challengeId, status);
        _checkEvidence(evidence);
        emit Evidence(arbitrator, challengeId, msg.sender, evidence);
    }

    /// @inheritdoc IArbitrable
    function rule(uint256 disputeID, uint256 ruling) external nonReentrant {
        if (msg.sender != address(arbitrator)) revert NotArbitrator(msg.sender);
        uint256 challengeId = _challengeOfDispute[disputeID];
        if (challengeId == 0) revert UnknownDispute(disputeID);
        if (ruling > RULING_UPHOLD) revert InvalidRuling(ruling, RULING_UPHOLD);
        Challenge storage c = _in(challengeId, ChallengeStatus.Ruling);
        emit Ruling(arbitrator, disputeID, ruling);
        if (ruling == RULING_STRIKE) _close(challengeId, c, ChallengeStatus.Struck);
        else if (ruling == RULING_UPHOLD) _close(challengeId, c, ChallengeStatus.Upheld);
        else _close(challengeId, c, ChallengeStatus.Tied);
    }

    /// @inheritdoc IValidatorBonds
    function timeOut(uint256 challengeId) external nonReentrant {
        Challenge storage c = _challenges[challengeId];
        ChallengeStatus status = c.status;
        if (status == ChallengeStatus.None || status > ChallengeStatus.Ruling) revert WrongStatus(challengeId, status);
        if (block.timestamp <= c.deadline) revert TooEarly(challengeId, c.deadline, block.timestamp);
        _close(challengeId, c, status == ChallengeStatus.Open ? ChallengeStatus.Struck : ChallengeStatus.Tied);
    }

    /// @inheritdoc IValidatorBonds
    function reclaim(uint256 challengeId) external nonReentrant returns (uint256 amount) {
        Challenge storage c = _challenges[challengeId];
        if (c.status <= ChallengeStatus.Ruling) revert WrongStatus(challengeId, c.status);
        uint256 disputeID = c.disputeID;
        // The arbitrator's numbers may start at 0, which a challenge that it never had also shows.
        if (_challengeOfDispute[disputeID] != challengeId) revert NotReferred(challengeId);
        uint256 before = address(this).balance;
        _reclaiming = true;
        IHouseArbitrator(address(arbitrator)).refund(disputeID);
        _reclaiming = false;
        amount = address(this).balance - before;
        emit FeeReclaimed(challengeId, amount, msg.sender);
        _returnFee(c, amount);
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc IValidatorBonds
    function bondOf(uint256 validatorId) external view returns (Bond memory) {
        return _bonds[validatorId];
    }

    /// @inheritdoc IValidatorBonds
    function bondedOf(uint256 validatorId) external view returns (uint256) {
        return _bonds[validatorId].bonded;
    }

    /// @inheritdoc IValidatorBonds
    function isBonded(uint256 validatorId) external view returns (bool) {
        return _bonds[validatorId].bonded >= challengeStake;
    }

    /// @inheritdoc IValidatorBonds
    function challengeOf(uint256 challengeId) external view returns (Challenge memory) {
        return _challenges[challengeId];
    }

    // -------------------------------------------------------------- internal

    /// @dev Pays everybody, by credit, and lets the label go or stay.
    function _close(uint256 challengeId, Challenge storage c, ChallengeStatus status) private {
        (uint256 challengerId, uint256 validatorId) = (c.challengerId, c.validatorId);
        c.status = status;
        openChallengeOf[c.ekId][validatorId] = 0;
        uint96 atStake = c.atStake;
        atStakeOf[validatorId] -= atStake;
        uint96 slashed;
        uint96 reward;
        if (status == ChallengeStatus.Struck) {
            slashed = atStake;
            reward = uint96((uint256(slashed) * REWARD_BPS) / 10_000);
            _slash(validatorId, slashed);
            burnt += slashed - reward;
        }
        creditOf[status == ChallengeStatus.Upheld ? validatorId : challengerId] += challengeStake + reward;
        _payFees(c, status);
        emit ChallengeClosed(challengeId, status, slashed, reward, creditOf[challengerId], creditOf[validatorId]);
        if (status == ChallengeStatus.Struck) labels.strike(c.ekId, validatorId, c.revision);
        else labels.uphold(c.ekId, validatorId, c.revision);
    }

    /// @dev The winner's fee first, as far as the pot goes, the rest to the loser; in a tie half to each, an odd wei to the challenger.
    function _payFees(Challenge storage c, ChallengeStatus status) private {
        uint256 pot = c.pot;
        c.pot = 0;
        uint256 best = pot < c.fee ? pot : c.fee;
        uint256 toValidator = pot / 2;
        if (status == ChallengeStatus.Struck) toValidator = pot - best;
        else if (status == ChallengeStatus.Upheld) toValidator = best;
        _creditFees(c.validatorPayer, toValidator);
        _creditFees(c.challengerPayer, pot - toValidator);
    }

    /// @dev An arbitrator that is silent in the first round was paid by whoever lost, or by both, and beyond that by who referred the
    /// case; later by whoever appealed. The odd wei is the challenger's, as in {_payFees}.
    function _returnFee(Challenge storage c, uint256 amount) private {
        if (c.appeals != 0) {
            _creditFees(c.extraPayer, amount);
            return;
        }
        uint256 surcharge = amount < c.surcharge ? amount : c.surcharge;
        uint256 rest = amount - surcharge;
        uint256 toValidator = rest / 2;
        if (c.status == ChallengeStatus.Struck) toValidator = rest;
        else if (c.status == ChallengeStatus.Upheld) toValidator = 0;
        _creditFees(c.extraPayer, surcharge);
        _creditFees(c.validatorPayer, toValidator);
        _creditFees(c.challengerPayer, rest - toValidator);
    }

    /// @dev From what is on its way out first, so that it keeps as much weight as its bond can carry.
    function _slash(uint256 validatorId, uint96 amount) private {
        Bond memory b = _bonds[validatorId];
        uint96 fromUnbonding = amount < b.unbonding ? amount : b.unbonding;
        b.unbonding -= fromUnbonding;
        b.bonded -= amount - fromUnbonding;
        _store(validatorId, b);
    }

    /// @dev Nothing moves: what is at stake can't leave, and keeps its weight until there is a ruling. A validator with some bond can
    /// always be challenged, though all of it be at stake already, or a friend's challenge would shield its other labels.
    function _putAtStake(uint256 validatorId) private returns (uint96 amount) {
        Bond memory b = _bonds[validatorId];
        uint256 all = uint256(b.bonded) + b.unbonding;
        if (all == 0) revert NotBonded(validatorId);
        uint256 free = all - atStakeOf[validatorId];
        amount = free < challengeStake ? uint96(free) : challengeStake;
        atStakeOf[validatorId] += amount;
    }

    function _store(uint256 validatorId, Bond memory b) private {
        _bonds[validatorId] = b;
        emit BondChanged(validatorId, b.bonded, b.unbonding, b.unbondedAt, msg.sender);
    }

    function _pull(uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert UnexpectedAmount(amount, received);
    }

    /// @dev Keeps `cost` of the wei that came with the call and credits the rest to the sender.
    function _takeFee(uint256 cost) private returns (uint96) {
        if (msg.value < cost) revert FeeTooLow(msg.value, cost);
        if (cost > type(uint96).max) revert AmountTooLarge(cost, type(uint96).max);
        _creditFees(msg.sender, msg.value - cost);
        return uint96(cost);
    }

    function _creditFees(address account, uint256 amount) private {
        if (amount == 0) return;
        feeCreditOf[account] += amount;
        emit FeesCredited(account, feeCreditOf[account]);
    }

    function _announce(
        uint256 challengeId,
        Challenge storage c,
        string calldata evidence,
        bytes32 evidenceHash
    ) private {
        emit Challenged(
            challengeId,
            c.ekId,
            c.validatorId,
            c.challengerId,
            c.revision,
            c.atStake,
            c.fee,
            c.deadline,
            evidence,
            evidenceHash
        );
        emit Evidence(arbitrator, challengeId, msg.sender, evidence);
    }

    function _in(uint256 challengeId, ChallengeStatus status) private view returns (Challenge storage c) {
        c = _challenges[challengeId];
        if (c.status != status) revert WrongStatus(challengeId, c.status);
    }

    function _checkInTime(uint256 challengeId, Challenge storage c) private view {
        if (block.timestamp > c.deadline) revert TooLate(challengeId, c.deadline, block.timestamp);
    }

    function _checkOwner(uint256 agentId) private view {
        if (registry.eoaOf(agentId) != msg.sender) revert NotAgentOwner(agentId, msg.sender);
    }

    function _checkEvidence(string calldata evidence) private pure {
        uint256 length = bytes(evidence).length;
        if (length == 0) revert EvidenceMissing();
        if (length > MAX_EVIDENCE_BYTES) revert EvidenceTooLong(length, MAX_EVIDENCE_BYTES);
    }
}
