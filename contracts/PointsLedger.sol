// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IEndorsements} from "./interfaces/IEndorsements.sol";
import {IPointsLedger} from "./interfaces/IPointsLedger.sol";
import {PointsReasons} from "./libraries/PointsReasons.sol";

/// @title PointsLedger
/// @dev A repeated award touches four slots, each one word: the policy, the pair and the two agents. There is no slot of totals, which
/// would cost every sale 5,000 gas: what an agent burnt is `lifetime - balance`, and the events add up to what was minted.
contract PointsLedger is IPointsLedger, AccessManaged {
    /// @dev Balance and lifetime grow by at most 1,000,000 units a day (`MAX_AGENT_POINTS`): they can't reach 2^96.
    struct Account {
        uint96 balance;
        uint96 lifetime;
        /// The day on which `earned` was earned.
        uint32 day;
        uint32 earned;
    }

    struct Pair {
        /// The day on which `trades` were counted.
        uint32 day;
        uint32 trades;
        /// For ever: who was an operator once knows the other.
        bool linked;
    }

    /// @dev What becomes of one order, in memory only.
    struct Award {
        uint256 sellerDelta;
        uint256 buyerDelta;
        uint256 sellerBalance;
        uint256 buyerBalance;
        uint8 reasons;
    }

    /// @dev Units per point. A weight in per cent of whole points is therefore exact.
    uint256 private constant POINT = 100;
    uint256 private constant MAX_AWARD = 10;
    uint256 private constant MAX_PAIR_TRADES = 50;
    uint256 private constant MAX_AGENT_POINTS = 10_000;
    uint256 private constant MAX_HANDFUL = 1000;
    uint256 private constant FULL_PERCENT = 100;

    address public immutable exchange;
    IAgentRegistry public immutable registry;
    IEndorsements public immutable endorsements;

    Policy private _policy;
    mapping(uint256 agentId => Account) private _accounts;
    /// @dev By the smaller and the greater agent id.
    mapping(uint256 smaller => mapping(uint256 greater => Pair)) private _pairs;

    modifier onlyExchange() {
        if (msg.sender != exchange) revert NotExchange(msg.sender);
        _;
    }

    /// @param exchange_ The exchange's address, known beforehand from the deployer's nonce.
    /// @param endorsements_ Asked for an Experience's endorsement once it has sold its handful; known beforehand likewise.
    constructor(
        address authority,
        address exchange_,
        IAgentRegistry registry_,
        IEndorsements endorsements_
    ) AccessManaged(authority) {
        if (exchange_ == address(0) || address(registry_) == address(0) || address(endorsements_) == address(0)) {
            revert ZeroAddress();
        }
        exchange = exchange_;
        registry = registry_;
        endorsements = endorsements_;
        _setPolicy(Policy(2, 1, 5, 100, 5, 50));
    }

    // ---------------------------------------------------------------- points

    /// @inheritdoc IPointsLedger
    function award(
        uint256 ekId,
        uint256 keyId,
        uint256 sellerId,
        uint256 buyerId,
        address payer,
        uint256 sales
    ) external onlyExchange {
        Policy memory p = _policy;
        Award memory a;
        a.reasons = _exclusion(sellerId, buyerId, payer, p.pairTradesPerDay);
        if (a.reasons == 0) _share(a, p, sellerId, buyerId, sales > p.handful && !_isEndorsed(ekId));
        if (a.sellerDelta + a.buyerDelta == 0) {
            emit PointsWithheld(ekId, sellerId, buyerId, keyId, a.reasons);
        } else {
            emit PointsAwarded(
                ekId,
                sellerId,
                buyerId,
                keyId,
                a.sellerDelta,
                a.buyerDelta,
                a.sellerBalance,
                a.buyerBalance,
                a.reasons
            );
        }
    }

    /// @inheritdoc IPointsLedger
    function spend(uint256 agentId, uint256 amount, uint256 ekId, uint256 keyId) external onlyExchange {
        uint256 balance = _accounts[agentId].balance;
        if (balance < amount) revert InsufficientPoints(agentId, balance, amount);
        balance -= amount;
        _accounts[agentId].balance = uint96(balance);
        emit PointsSpent(agentId, ekId, keyId, amount, balance);
    }

    // -------------------------------------------------------- administration

    /// @inheritdoc IPointsLedger
    function setPolicy(Policy calldata policy_) external restricted {
        _setPolicy(policy_);
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc IPointsLedger
    function policy() external view returns (Policy memory) {
        return _policy;
    }

    /// @inheritdoc IPointsLedger
    function balanceOf(uint256 agentId) external view returns (uint256) {
        return _accounts[agentId].balance;
    }

    /// @inheritdoc IPointsLedger
    function lifetimeOf(uint256 agentId) external view returns (uint256) {
        return _accounts[agentId].lifetime;
    }

    /// @inheritdoc IPointsLedger
    function earnedToday(uint256 agentId) external view returns (uint256) {
        Account memory account = _accounts[agentId];
        return account.day == _today() ? account.earned : 0;
    }

    /// @inheritdoc IPointsLedger
    function pairOf(uint256 agentA, uint256 agentB) external view returns (uint256 tradesToday, bool linked) {
        Pair memory pair = agentA < agentB ? _pairs[agentA][agentB] : _pairs[agentB][agentA];
        return (pair.day == _today() ? pair.trades : 0, pair.linked);
    }

    /// @inheritdoc IPointsLedger
    function decimals() external pure returns (uint8) {
        return 2;
    }

    // -------------------------------------------------------------- internal

    /// @dev Why the order earns nothing at all, or 0: then it has been counted for the pair.
    ///
    /// Whether one is the other's operator is asked at the pair's first order of a day: four cold slots, which the pair's other orders of
    /// that day don't pay for. A grant that is made between two orders of a day is so seen on the next; meanwhile the pair earns no more
    /// than one that makes no grant at all.
    function _exclusion(
        uint256 sellerId,
        uint256 buyerId,
        address payer,
        uint256 tradesPerDay
    ) private returns (uint8 reason) {
        if (sellerId == buyerId) return PointsReasons.SELF_TRADE;
        if (payer != address(0) && registry.lastAgentOf(payer) == sellerId) return PointsReasons.PAID_BY_SELLER;
        (uint256 smaller, uint256 greater) = sellerId < buyerId ? (sellerId, buyerId) : (buyerId, sellerId);
        mapping(uint256 => Pair) storage pairs = _pairs[smaller];
        Pair memory pair = pairs[greater];
        if (pair.linked) return PointsReasons.LINKED;
        uint32 today = _today();
        if (pair.day != today) {
            if (registry.areLinked(sellerId, buyerId)) {
                pairs[greater].linked = true;
                return PointsReasons.LINKED;
            }
            pair.day = today;
            pair.trades = 0;
        }
        if (pair.trades >= tradesPerDay) return PointsReasons.PAIR_CAP;
        ++pair.trades;
        pairs[greater] = pair;
    }

    /// @dev Weighs the order and credits both, each up to its own cap.
    function _share(Award memory a, Policy memory p, uint256 sellerId, uint256 buyerId, bool reduced) private {
        uint256 percent = reduced ? p.unendorsedPercent : FULL_PERCENT;
        uint256 cap = p.agentPointsPerDay * POINT;
        uint256 toSeller = p.sellerAward * percent;
        uint256 toBuyer = p.buyerAward * percent;
        (a.sellerDelta, a.sellerBalance) = _credit(sellerId, toSeller, cap);
        (a.buyerDelta, a.buyerBalance) = _credit(buyerId, toBuyer, cap);
        if (reduced) a.reasons = PointsReasons.UNENDORSED;
        if (a.sellerDelta != toSeller) a.reasons |= PointsReasons.SELLER_CAP;
        if (a.buyerDelta != toBuyer) a.reasons |= PointsReasons.BUYER_CAP;
    }

    /// @dev Credits what of `wanted` the agent may still earn today. The cap may have been lowered below what it has earned already.
    function _credit(uint256 agentId, uint256 wanted, uint256 cap) private returns (uint256 delta, uint256 balance) {
        Account memory account = _accounts[agentId];
        uint32 today = _today();
        if (account.day != today) {
            account.day = today;
            account.earned = 0;
        }
        uint256 room = account.earned < cap ? cap - account.earned : 0;
        delta = wanted < room ? wanted : room;
        if (delta == 0) return (0, account.balance);
        account.balance += uint96(delta);
        account.lifetime += uint96(delta);
        account.earned += uint32(delta);
        _accounts[agentId] = account;
        return (delta, account.balance);
    }

    /// @dev An answer that fails counts as no: a fault over there must not hold up a sale here.
    function _isEndorsed(uint256 ekId) private view returns (bool) {
        try endorsements.isEndorsed(ekId) returns (bool endorsed) {
            return endorsed;
        } catch {
            return false;
        }
    }

    function _setPolicy(Policy memory p) private {
        if (p.sellerAward == 0 || p.sellerAward > MAX_AWARD) {
            revert SellerAwardOutOfBounds(p.sellerAward, 1, MAX_AWARD);
        }
        if (p.buyerAward == 0 || p.buyerAward > MAX_AWARD) revert BuyerAwardOutOfBounds(p.buyerAward, 1, MAX_AWARD);
        if (p.pairTradesPerDay == 0 || p.pairTradesPerDay > MAX_PAIR_TRADES) {
            revert PairTradesOutOfBounds(p.pairTradesPerDay, 1, MAX_PAIR_TRADES);
        }
        if (p.agentPointsPerDay > MAX_AGENT_POINTS) {
            revert AgentPointsOutOfBounds(p.agentPointsPerDay, 0, MAX_AGENT_POINTS);
        }
        if (p.handful > MAX_HANDFUL) revert HandfulOutOfBounds(p.handful, 0, MAX_HANDFUL);
        if (p.unendorsedPercent > FULL_PERCENT) {
            revert UnendorsedPercentOutOfBounds(p.unendorsedPercent, 0, FULL_PERCENT);
        }
        _policy = p;
        emit PolicySet(p);
    }

    function _today() private view returns (uint32) {
        return uint32(block.timestamp / 1 days);
    }
}
