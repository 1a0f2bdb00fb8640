// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IArbitrable} from "./interfaces/IArbitrable.sol";
import {IArbitrator} from "./interfaces/IArbitrator.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IHouseArbitrator} from "./interfaces/IHouseArbitrator.sol";
import {IOrders} from "./interfaces/IOrders.sol";

/// @title Disputes
/// @dev One guard over everything that writes: the arbitrator is called, and may call back only with a ruling of its own transaction.
contract Disputes is IDisputes, ReentrancyGuardTransient {
    uint256 private constant TIE = 0;
    uint256 private constant BUYER = 1;
    uint256 private constant SELLER = 2;
    uint256 private constant CHOICES = 2;
    uint256 private constant META_EVIDENCE = 0;

    /// @inheritdoc IDisputes
    uint40 public constant ANSWER_TIME = 7 days;
    /// @inheritdoc IDisputes
    /// @dev Longer than any arbitrator should take for a round: the house arbitrator with its appeal takes 67 days at most.
    uint40 public constant RULING_TIMEOUT = 180 days;
    /// @inheritdoc IDisputes
    uint256 public constant MAX_APPEALS = 8;
    /// @inheritdoc IDisputes
    uint256 public constant MAX_EVIDENCE_BYTES = 2048;

    IAgentRegistry public immutable registry;
    IOrders public immutable orders;
    IArbitrator public immutable arbitrator;
    /// @inheritdoc IDisputes
    bytes public arbitratorExtraData;

    /// @dev Whether a fee of the arbitrator's is expected: no other ether is taken without being booked.
    bool private transient _reclaiming;

    mapping(uint256 keyId => Case) private _cases;
    /// @inheritdoc IDisputes
    mapping(uint256 disputeID => uint256 keyId) public keyOf;
    mapping(uint256 agentId => uint256) private _credits;

    /// @param extraData What the arbitrator wants to know of each dispute: a court, a number of jurors.
    /// @param metaEvidence URI of the rules by which it decides (ERC-1497).
    constructor(
        IAgentRegistry registry_,
        IOrders orders_,
        IArbitrator arbitrator_,
        bytes memory extraData,
        string memory metaEvidence
    ) {
        registry = registry_;
        orders = orders_;
        arbitrator = arbitrator_;
        arbitratorExtraData = extraData;
        emit MetaEvidence(META_EVIDENCE, metaEvidence);
    }

    /// @dev The arbitrator's refund during {reclaim}, and nothing else.
    receive() external payable {
        if (!_reclaiming || msg.sender != address(arbitrator)) revert NotArbitrator(msg.sender);
    }

    // --------------------------------------------------------------- parties

    /// @inheritdoc IDisputes
    function open(uint256 keyId, Category category, string calldata evidence) external payable nonReentrant {
        IOrders.Order memory order = orders.orderOf(keyId);
        if (order.status == IOrders.OrderStatus.None) revert UnknownOrder(keyId);
        if (msg.sender != registry.eoaOf(order.buyerId)) revert NotBuyer(keyId, msg.sender);
        if (order.status != IOrders.OrderStatus.Held) revert OrderNotHeld(keyId);
        if (block.timestamp >= order.releaseTime) {
            revert RefundWindowOver(keyId, order.releaseTime, block.timestamp);
        }
        uint96 cost = SafeCast.toUint96(arbitrationCost());

        Case storage c = _cases[keyId];
        c.status = Status.Opened;
        c.category = category;
        c.buyerId = order.buyerId;
        c.sellerId = order.sellerId;
        c.deadline = uint40(block.timestamp) + ANSWER_TIME;
        c.buyerFee = cost;
        emit DisputeOpened(keyId, order.buyerId, order.sellerId, category, cost, c.deadline, msg.sender);
        _hear(keyId, evidence);
        _creditSurplus(keyId, order.buyerId, cost);
        orders.freeze(keyId);
    }

    /// @inheritdoc IDisputes
    function answer(uint256 keyId, string calldata evidence) external payable nonReentrant {
        Case storage c = _case(keyId, Status.Opened);
        if (msg.sender != registry.eoaOf(c.sellerId)) revert NotSeller(keyId, msg.sender);
        if (block.timestamp >= c.deadline) revert TooLate(keyId, c.deadline, block.timestamp);
        uint96 cost = _costOr(c.buyerFee);

        uint96 cheaper = c.buyerFee > cost ? c.buyerFee - cost : 0;
        c.status = Status.Answered;
        c.buyerFee -= cheaper;
        c.sellerFee = cost;
        c.deadline = uint40(block.timestamp) + RULING_TIMEOUT;
        emit DisputeAnswered(keyId, c.buyerFee, cost, c.deadline, msg.sender);
        _hear(keyId, evidence);
        _credit(c.buyerId, keyId, cheaper);
        _creditSurplus(keyId, c.sellerId, cost);
        // An arbitrator that is out of order must not make a loser of a seller that did answer in time.
        if (!_create(keyId, c, cost)) emit SubmissionFailed(keyId, cost);
    }

    /// @inheritdoc IDisputes
    function submit(uint256 keyId) external nonReentrant {
        Case storage c = _case(keyId, Status.Answered);
        if (block.timestamp >= c.deadline) revert TooLate(keyId, c.deadline, block.timestamp);
        uint256 cost = arbitrationCost();
        uint256 fees = uint256(c.buyerFee) + c.sellerFee;
        if (cost > fees) revert CostAboveFees(keyId, cost, fees);
        if (!_create(keyId, c, SafeCast.toUint96(cost))) revert SubmissionRefused(keyId);
    }

    /// @inheritdoc IDisputes
    function lapse(uint256 keyId) external nonReentrant {
        Case storage c = _case(keyId, Status.Opened);
        if (block.timestamp < c.deadline) revert TooEarly(keyId, c.deadline, block.timestamp);
        _close(keyId, c, Outcome.Lapsed, BUYER);
    }

    /// @inheritdoc IDisputes
    function concede(uint256 keyId) external nonReentrant {
        Case storage c = _running(keyId);
        if (msg.sender != registry.eoaOf(c.sellerId)) revert NotSeller(keyId, msg.sender);
        _close(keyId, c, Outcome.Conceded, BUYER);
    }

    /// @inheritdoc IDisputes
    function withdrawDispute(uint256 keyId) external nonReentrant {
        Case storage c = _running(keyId);
        if (msg.sender != registry.eoaOf(c.buyerId)) revert NotBuyer(keyId, msg.sender);
        _close(keyId, c, Outcome.Withdrawn, SELLER);
    }

    /// @inheritdoc IDisputes
    function submitEvidence(uint256 keyId, string calldata evidence) external nonReentrant {
        Case storage c = _running(keyId);
        if (msg.sender != registry.eoaOf(c.buyerId) && msg.sender != registry.eoaOf(c.sellerId)) {
            revert NotParty(keyId, msg.sender);
        }
        if (bytes(evidence).length == 0) revert EvidenceMissing(keyId);
        _hear(keyId, evidence);
    }

    /// @inheritdoc IDisputes
    function appeal(uint256 keyId) external payable nonReentrant {
        Case storage c = _case(keyId, Status.Submitted);
        uint256 disputeID = c.disputeID;
        uint64 agentId = _losing(keyId, c, arbitrator.currentRuling(disputeID));
        if (c.appeals == MAX_APPEALS) revert TooManyAppeals(keyId, MAX_APPEALS);
        bytes memory extraData = arbitratorExtraData;
        uint256 cost = arbitrator.appealCost(disputeID, extraData);
        ++c.appeals;
        c.appellantId = agentId;
        c.deadline = uint40(block.timestamp) + RULING_TIMEOUT;
        emit DisputeAppealed(keyId, agentId, cost, c.deadline, msg.sender);
        _creditSurplus(keyId, agentId, cost);
        arbitrator.appeal{value: cost}(disputeID, extraData);
    }

    // ------------------------------------------------------------ arbitrator

    /// @inheritdoc IArbitrable
    /// @dev After the parties or the clock have ended the dispute, the ruling changes nothing; it is taken, so that the arbitrator can
    /// close its own books.
    function rule(uint256 disputeID, uint256 ruling) external nonReentrant {
        if (msg.sender != address(arbitrator)) revert NotArbitrator(msg.sender);
        uint256 keyId = keyOf[disputeID];
        if (keyId == 0) revert UnknownDispute(disputeID);
        if (ruling > CHOICES) revert RulingOutOfRange(disputeID, ruling);
        delete keyOf[disputeID];
        emit Ruling(arbitrator, disputeID, ruling);
        Case storage c = _cases[keyId];
        if (c.status == Status.Submitted) _close(keyId, c, Outcome.Ruled, ruling);
    }

    /// @inheritdoc IDisputes
    function timeout(uint256 keyId) external nonReentrant {
        Case storage c = _running(keyId);
        if (c.status == Status.Opened) revert WrongStatus(keyId, c.status);
        if (block.timestamp < c.deadline) revert TooEarly(keyId, c.deadline, block.timestamp);
        _close(keyId, c, Outcome.TimedOut, TIE);
    }

    // ----------------------------------------------------------------- money

    /// @inheritdoc IDisputes
    function reclaim(uint256 keyId) external nonReentrant returns (uint256 amount) {
        Case storage c = _case(keyId, Status.Closed);
        if (!c.submitted) revert NotSubmitted(keyId);
        uint256 before = address(this).balance;
        _reclaiming = true;
        IHouseArbitrator(address(arbitrator)).refund(c.disputeID);
        _reclaiming = false;
        amount = address(this).balance - before;
        emit FeeReclaimed(keyId, amount, msg.sender);
        // A court that is silent in the first round was paid by whoever lost, or by both; later by whoever appealed.
        if (c.appeals != 0) {
            _credit(c.appellantId, keyId, amount);
        } else {
            uint256 toBuyer =
                c.ruling == TIE
                    ? amount / 2
                    : c.ruling == SELLER
                        ? amount
                        : 0;
            _credit(c.buyerId, keyId, toBuyer);
            _credit(c.sellerId, keyId, amount - toBuyer);
        }
    }

    /// @inheritdoc IDisputes
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

    // ----------------------------------------------------------------- views

    /// @inheritdoc IDisputes
    function arbitrationCost() public view returns (uint256) {
        return arbitrator.arbitrationCost(arbitratorExtraData);
    }

    /// @inheritdoc IDisputes
    function disputeOf(uint256 keyId) external view returns (Case memory) {
        return _cases[keyId];
    }

    /// @inheritdoc IDisputes
    function creditOf(uint256 agentId) external view returns (uint256) {
        return _credits[agentId];
    }

    // -------------------------------------------------------------- internal

    function _case(uint256 keyId, Status status) private view returns (Case storage c) {
        c = _cases[keyId];
        if (c.status != status) revert WrongStatus(keyId, c.status);
    }

    function _running(uint256 keyId) private view returns (Case storage c) {
        c = _cases[keyId];
        if (c.status == Status.None || c.status == Status.Closed) revert WrongStatus(keyId, c.status);
    }

    /// @dev The caller's agent, when the ruling is not its victory.
    function _losing(uint256 keyId, Case storage c, uint256 ruling) private view returns (uint64 agentId) {
        uint256 victory;
        if (msg.sender == registry.eoaOf(c.buyerId)) (agentId, victory) = (c.buyerId, BUYER);
        else if (msg.sender == registry.eoaOf(c.sellerId)) (agentId, victory) = (c.sellerId, SELLER);
        else revert NotParty(keyId, msg.sender);
        if (ruling == victory) revert NotLosing(keyId, agentId, ruling);
    }

    function _hear(uint256 keyId, string calldata evidence) private {
        uint256 length = bytes(evidence).length;
        if (length > MAX_EVIDENCE_BYTES) revert EvidenceTooLong(length, MAX_EVIDENCE_BYTES);
        if (length != 0) emit Evidence(arbitrator, keyId, msg.sender, evidence);
    }

    /// @dev The present cost; what the buyer paid when the arbitrator tells none, or one that no chain has the coins for.
    function _costOr(uint96 known) private view returns (uint96) {
        try arbitrator.arbitrationCost(arbitratorExtraData) returns (uint256 cost) {
            return cost > type(uint96).max ? known : uint96(cost);
        } catch {
            return known;
        }
    }

    /// @dev Effects that depend on the dispute's number come after the call; the guard lets nothing in between.
    function _create(uint256 keyId, Case storage c, uint96 cost) private returns (bool) {
        try arbitrator.createDispute{value: cost}(CHOICES, arbitratorExtraData) returns (uint256 disputeID) {
            if (keyOf[disputeID] != 0) revert DisputeIDInUse(disputeID, keyOf[disputeID]);
            keyOf[disputeID] = keyId;
            c.status = Status.Submitted;
            c.submitted = true;
            c.disputeID = disputeID;
            c.spent = cost;
            c.deadline = uint40(block.timestamp) + RULING_TIMEOUT;
            emit DisputeSubmitted(keyId, disputeID, cost, c.deadline, msg.sender);
            emit Dispute(arbitrator, disputeID, META_EVIDENCE, keyId);
            return true;
        } catch {
            return false;
        }
    }

    /// @dev A tie halves the order; the odd unit is the seller's. An order that a chargeback has ended has nothing left to move.
    function _close(uint256 keyId, Case storage c, Outcome outcome, uint256 ruling) private {
        IOrders.Order memory order = orders.orderOf(keyId);
        uint256 amount = order.status == IOrders.OrderStatus.Disputed ? order.amount : 0;
        uint256 toBuyer =
            ruling == BUYER
                ? amount
                : ruling == SELLER
                    ? 0
                    : amount / 2;
        c.status = Status.Closed;
        c.outcome = outcome;
        c.ruling = uint8(ruling);
        emit DisputeClosed(keyId, outcome, ruling, toBuyer, msg.sender);
        _returnFees(keyId, c, ruling);
        orders.settle(keyId, toBuyer);
    }

    /// @dev What the arbitrator left of the fees: the winner's own first, the rest the loser's. In a tie each side bears half of the
    /// arbitration, the buyer the odd wei. The buyer's fee is never above the seller's once there is one, see {answer}.
    function _returnFees(uint256 keyId, Case storage c, uint256 ruling) private {
        (uint256 buyerFee, uint256 sellerFee, uint256 spent) = (c.buyerFee, c.sellerFee, c.spent);
        uint256 pot = buyerFee + sellerFee - spent;
        uint256 toBuyer;
        if (ruling == BUYER) toBuyer = Math.min(buyerFee, pot);
        else if (ruling == SELLER) toBuyer = pot - Math.min(sellerFee, pot);
        else toBuyer = Math.saturatingSub(buyerFee, Math.ceilDiv(spent, 2));
        _credit(c.buyerId, keyId, toBuyer);
        _credit(c.sellerId, keyId, pot - toBuyer);
    }

    function _creditSurplus(uint256 keyId, uint256 agentId, uint256 cost) private {
        if (msg.value < cost) revert FeeNotPaid(cost, msg.value);
        _credit(agentId, keyId, msg.value - cost);
    }

    function _credit(uint256 agentId, uint256 keyId, uint256 amount) private {
        if (amount == 0) return;
        uint256 credit = _credits[agentId] += amount;
        emit Credited(agentId, keyId, amount, credit);
    }
}
