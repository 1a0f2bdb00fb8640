// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IArbitrable} from "./interfaces/IArbitrable.sol";
import {IArbitrator} from "./interfaces/IArbitrator.sol";
import {IHouseArbitrator} from "./interfaces/IHouseArbitrator.sol";

/// @title HouseArbitrator
contract HouseArbitrator is IHouseArbitrator, AccessManaged, ReentrancyGuardTransient {
    /// @inheritdoc IHouseArbitrator
    uint40 public constant RULING_TIME = 30 days;
    /// @inheritdoc IHouseArbitrator
    uint40 public constant APPEAL_WINDOW = 7 days;

    IAgentRegistry public immutable registry;
    /// @inheritdoc IHouseArbitrator
    uint256 public immutable MAX_COST;

    /// @inheritdoc IHouseArbitrator
    uint256 public caseCount;
    /// @inheritdoc IHouseArbitrator
    uint256 public payeeId;
    uint256 private _arbitrationCost;
    uint256 private _appealCost;

    mapping(uint256 disputeID => Case) private _cases;
    mapping(uint256 agentId => uint256) private _credits;

    constructor(
        address authority,
        IAgentRegistry registry_,
        uint256 firstPayeeId_,
        uint256 maxCost,
        uint256 arbitrationCost_,
        uint256 appealCost_
    ) AccessManaged(authority) {
        registry = registry_;
        MAX_COST = maxCost;
        if (firstPayeeId_ != 0) _setPayee(firstPayeeId_);
        _setCosts(arbitrationCost_, appealCost_);
    }

    // -------------------------------------------------------------- disputes

    /// @inheritdoc IArbitrator
    /// @dev Calls nobody. What is paid above the cost is the court's too: {IArbitrator} asks for at least the cost.
    function createDispute(uint256 choices, bytes calldata) external payable returns (uint256 disputeID) {
        if (choices == 0) revert NoChoices();
        if (payeeId == 0) revert NoPayee();
        if (msg.value < _arbitrationCost) revert CostNotPaid(_arbitrationCost, msg.value);
        disputeID = caseCount++;
        Case storage c = _cases[disputeID];
        c.arbitrable = msg.sender;
        c.phase = Phase.Waiting;
        c.deadline = uint40(block.timestamp) + RULING_TIME;
        c.fee = SafeCast.toUint128(msg.value);
        c.choices = choices;
        emit CaseOpened(disputeID, msg.sender, choices, msg.value, c.deadline);
        emit DisputeCreation(disputeID, IArbitrable(msg.sender));
    }

    /// @inheritdoc IArbitrator
    function appeal(uint256 disputeID, bytes calldata) external payable {
        Case storage c = _inTime(disputeID, Phase.Appealable);
        if (msg.sender != c.arbitrable) revert NotArbitrable(disputeID, msg.sender);
        if (msg.value < _appealCost) revert CostNotPaid(_appealCost, msg.value);
        c.phase = Phase.Appealed;
        c.deadline = uint40(block.timestamp) + RULING_TIME;
        c.fee = SafeCast.toUint128(msg.value);
        emit CaseAppealed(disputeID, msg.value, c.deadline);
        emit AppealDecision(disputeID, IArbitrable(msg.sender));
    }

    /// @inheritdoc IHouseArbitrator
    function giveRuling(uint256 disputeID, uint256 ruling) external restricted {
        Case storage c = _inTime(disputeID, Phase.Waiting);
        if (ruling > c.choices) revert RulingOutOfRange(disputeID, ruling, c.choices);
        c.phase = Phase.Appealable;
        c.deadline = uint40(block.timestamp) + APPEAL_WINDOW;
        c.ruling = ruling;
        emit RulingGiven(disputeID, ruling, c.deadline, msg.sender);
        emit AppealPossible(disputeID, IArbitrable(c.arbitrable));
        _earn(disputeID, c);
    }

    /// @inheritdoc IHouseArbitrator
    function giveFinalRuling(uint256 disputeID, uint256 ruling) external restricted {
        Case storage c = _inTime(disputeID, Phase.Appealed);
        if (ruling > c.choices) revert RulingOutOfRange(disputeID, ruling, c.choices);
        c.phase = Phase.Final;
        c.ruling = ruling;
        emit RulingFinal(disputeID, ruling, false, msg.sender);
        _earn(disputeID, c);
    }

    /// @inheritdoc IHouseArbitrator
    function expire(uint256 disputeID) external {
        Case storage c = _known(disputeID);
        if (c.phase != Phase.Waiting && c.phase != Phase.Appealed) revert WrongPhase(disputeID, c.phase);
        if (block.timestamp < c.deadline) revert TooEarly(disputeID, c.deadline, block.timestamp);
        c.phase = Phase.Final;
        emit RulingFinal(disputeID, c.ruling, true, msg.sender);
    }

    /// @inheritdoc IHouseArbitrator
    function execute(uint256 disputeID) external nonReentrant {
        Case storage c = _known(disputeID);
        if (c.phase == Phase.Appealable) {
            if (block.timestamp < c.deadline) revert TooEarly(disputeID, c.deadline, block.timestamp);
            emit RulingFinal(disputeID, c.ruling, false, msg.sender);
        } else if (c.phase != Phase.Final) {
            revert WrongPhase(disputeID, c.phase);
        }
        c.phase = Phase.Executed;
        emit RulingExecuted(disputeID, c.ruling, msg.sender);
        IArbitrable(c.arbitrable).rule(disputeID, c.ruling);
    }

    // ----------------------------------------------------------------- money

    /// @inheritdoc IHouseArbitrator
    function refund(uint256 disputeID) external nonReentrant returns (uint256 amount) {
        Case storage c = _known(disputeID);
        if (msg.sender != c.arbitrable) revert NotArbitrable(disputeID, msg.sender);
        if (c.phase != Phase.Final && c.phase != Phase.Executed) revert WrongPhase(disputeID, c.phase);
        amount = c.fee;
        if (amount == 0) revert NothingToReturn(disputeID);
        c.fee = 0;
        emit FeeReturned(disputeID, msg.sender, amount);
        Address.sendValue(payable(msg.sender), amount);
    }

    /// @inheritdoc IHouseArbitrator
    function withdraw(uint256 agentId, address to) external nonReentrant returns (uint256 amount) {
        address eoa = registry.eoaOf(agentId);
        if (to == address(0)) to = eoa;
        if (to != eoa && msg.sender != eoa) revert NotAuthorized(agentId, msg.sender);
        amount = _credits[agentId];
        if (amount == 0) revert NothingToWithdraw(agentId);
        _credits[agentId] = 0;
        emit Withdrawn(agentId, to, amount, msg.sender);
        Address.sendValue(payable(to), amount);
    }

    // -------------------------------------------------------- administration

    /// @inheritdoc IHouseArbitrator
    function setCosts(uint256 arbitrationCost_, uint256 appealCost_) external restricted {
        _setCosts(arbitrationCost_, appealCost_);
    }

    /// @inheritdoc IHouseArbitrator
    function setPayee(uint256 agentId) external restricted {
        _setPayee(agentId);
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc IArbitrator
    function arbitrationCost(bytes calldata) external view returns (uint256) {
        return _arbitrationCost;
    }

    /// @inheritdoc IArbitrator
    function appealCost(uint256 disputeID, bytes calldata) external view returns (uint256) {
        _known(disputeID);
        return _appealCost;
    }

    /// @inheritdoc IArbitrator
    function appealPeriod(uint256 disputeID) external view returns (uint256 start, uint256 end) {
        Case storage c = _known(disputeID);
        if (c.phase != Phase.Appealable) return (0, 0);
        return (c.deadline - APPEAL_WINDOW, c.deadline);
    }

    /// @inheritdoc IArbitrator
    function disputeStatus(uint256 disputeID) external view returns (DisputeStatus) {
        Case storage c = _known(disputeID);
        if (c.phase == Phase.Waiting || c.phase == Phase.Appealed) return DisputeStatus.Waiting;
        bool appealable = c.phase == Phase.Appealable && block.timestamp < c.deadline;
        return appealable ? DisputeStatus.Appealable : DisputeStatus.Solved;
    }

    /// @inheritdoc IArbitrator
    function currentRuling(uint256 disputeID) external view returns (uint256) {
        return _known(disputeID).ruling;
    }

    /// @inheritdoc IHouseArbitrator
    function caseOf(uint256 disputeID) external view returns (Case memory) {
        return _known(disputeID);
    }

    /// @inheritdoc IHouseArbitrator
    function creditOf(uint256 agentId) external view returns (uint256) {
        return _credits[agentId];
    }

    // -------------------------------------------------------------- internal

    function _known(uint256 disputeID) private view returns (Case storage c) {
        c = _cases[disputeID];
        if (c.phase == Phase.None) revert UnknownDispute(disputeID);
    }

    function _inTime(uint256 disputeID, Phase phase) private view returns (Case storage c) {
        c = _known(disputeID);
        if (c.phase != phase) revert WrongPhase(disputeID, c.phase);
        if (block.timestamp >= c.deadline) revert TooLate(disputeID, c.deadline, block.timestamp);
    }

    /// @dev The round's fee is the payee's once the court has done its work.
    function _earn(uint256 disputeID, Case storage c) private {
        uint256 amount = c.fee;
        if (amount == 0) return;
        c.fee = 0;
        uint256 agentId = payeeId;
        uint256 credit = _credits[agentId] += amount;
        emit FeeEarned(disputeID, agentId, amount, credit);
    }

    function _setCosts(uint256 arbitrationCost_, uint256 appealCost_) private {
        if (arbitrationCost_ > MAX_COST) revert CostAboveMaximum(arbitrationCost_, MAX_COST);
        if (appealCost_ > MAX_COST) revert CostAboveMaximum(appealCost_, MAX_COST);
        _arbitrationCost = arbitrationCost_;
        _appealCost = appealCost_;
        emit CostsSet(arbitrationCost_, appealCost_);
    }

    /// @dev Refuses an id that is no agent's: its fees would be nobody's.
    function _setPayee(uint256 agentId) private {
        registry.eoaOf(agentId);
        payeeId = agentId;
        emit PayeeSet(agentId);
    }
}
