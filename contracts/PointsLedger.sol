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
    uint256 private constant LINKED = type(uint256).max;
    uint256 private constant MASK32 = type(uint32).max;
    uint256 private constant MASK96 = type(uint96).max;
    uint256 private constant BALANCE_SHIFT = 160;
    uint256 private constant LIFETIME_SHIFT = 64;

    address public immutable exchange;
    IAgentRegistry public immutable registry;
    IEndorsements public immutable endorsements;

    Policy private _policy;
    /// @dev Packed by hand, which saves a sale 3,000 gas over structs. From the top: balance (96 bits), lifetime (96), the day of the
    /// last award (32), what was earned on it (32). The sums grow by at most 1,000,000 units a day (`MAX_AGENT_POINTS`) and can't reach
    /// 2^96.
    mapping(uint256 agentId => uint256) private _accounts;
    /// @dev By the smaller and the greater agent id: the day of the last order that counted (from bit 32) and how many did on it (32
    /// bits); or `LINKED`, for ever: who was the other's operator once knows it.
    mapping(uint256 smaller => mapping(uint256 greater => uint256)) private _pairs;

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
        uint256 account = _accounts[agentId];
        uint256 balance = account >> BALANCE_SHIFT;
        if (balance < amount) revert InsufficientPoints(agentId, balance, amount);
        _accounts[agentId] = account - (amount << BALANCE_SHIFT);
        balance -= amount;
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
        return _accounts[agentId] >> BALANCE_SHIFT;
    }

    /// @inheritdoc IPointsLedger
    function lifetimeOf(uint256 agentId) external view returns (uint256) {
        return (_accounts[agentId] >> LIFETIME_SHIFT) & MASK96;
    }

    /// @inheritdoc IPointsLedger
    function earnedToday(uint256 agentId) external view returns (uint256) {
        return _countOf(_accounts[agentId], _today());
    }

    /// @inheritdoc IPointsLedger
    function pairOf(uint256 agentA, uint256 agentB) external view returns (uint256 tradesToday, bool linked) {
        uint256 pair = agentA < agentB ? _pairs[agentA][agentB] : _pairs[agentB][agentA];
        linked = pair == LINKED;
        if (!linked) tradesToday = _countOf(pair, _today());
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
        mapping(uint256 => uint256) storage pairs = _pairs[smaller];
        uint256 pair = pairs[greater];
        if (pair == LINKED) return PointsReasons.LINKED;
        uint256 today = _today();
        uint256 trades = _countOf(pair, today);
        if (trades == 0 && registry.areLinked(sellerId, buyerId)) {
            pairs[greater] = LINKED;
            return PointsReasons.LINKED;
        }
        if (trades >= tradesPerDay) return PointsReasons.PAIR_CAP;
        pairs[greater] = (today << 32) | (trades + 1);
    }

    /// @dev Weighs the order and credits both, each up to its own cap.
    function _share(Award memory a, Policy memory p, uint256 sellerId, uint256 buyerId, bool reduced) private {
        uint256 percent = reduced ? p.unendorsedPercent : FULL_PERCENT;
        uint256 cap;
        uint256 toSeller;
        uint256 toBuyer;
        // Factors of at most 16, 8 and 7 bits.
        unchecked {
            cap = p.agentPointsPerDay * POINT;
            toSeller = p.sellerAward * percent;
            toBuyer = p.buyerAward * percent;
        }
        (a.sellerDelta, a.sellerBalance) = _credit(sellerId, toSeller, cap);
        (a.buyerDelta, a.buyerBalance) = _credit(buyerId, toBuyer, cap);
        if (percent != FULL_PERCENT) a.reasons = PointsReasons.UNENDORSED;
        if (a.sellerDelta != toSeller) a.reasons |= PointsReasons.SELLER_CAP;
        if (a.buyerDelta != toBuyer) a.reasons |= PointsReasons.BUYER_CAP;
    }

    /// @dev Credits what of `wanted` the agent may still earn today. The cap may have been lowered below what it has earned already.
    function _credit(uint256 agentId, uint256 wanted, uint256 cap) private returns (uint256 delta, uint256 balance) {
        uint256 account = _accounts[agentId];
        uint256 today = _today();
        uint256 earned = _countOf(account, today);
        balance = account >> BALANCE_SHIFT;
        if (earned >= cap || wanted == 0) return (0, balance);
        // earned < cap ≤ 2^20, and so is what is added to sums that stay below 2^96: nothing here can wrap.
        unchecked {
            delta = wanted < cap - earned ? wanted : cap - earned;
            balance += delta;
            uint256 lifetime = ((account >> LIFETIME_SHIFT) & MASK96) + delta;
            _accounts[agentId] =
                (balance << BALANCE_SHIFT) |
                (lifetime << LIFETIME_SHIFT) |
                (today << 32) |
                (earned + delta);
        }
    }

    /// @dev The count in the lowest 32 bits of `word`, when the day in the 32 above them is `today`; else 0.
    function _countOf(uint256 word, uint256 today) private pure returns (uint256) {
        return (word >> 32) & MASK32 == today ? word & MASK32 : 0;
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

    function _today() private view returns (uint256) {
        return block.timestamp / 1 days;
    }
}
