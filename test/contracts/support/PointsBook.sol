// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IPointsLedger} from "../../../contracts/interfaces/IPointsLedger.sol";
import {PointsReasons} from "../../../contracts/libraries/PointsReasons.sol";

/// @title The points as they ought to be, day by day and never packed or forgotten
abstract contract PointsBook {
    /// @dev An order as the ledger is told of it, and what the books know about its parties.
    struct PointsOrder {
        uint256 sellerId;
        uint256 buyerId;
        /// The agent whose EOA the payer is or ever was; 0 for none.
        uint256 payerId;
        /// Whether one is the other's operator now.
        bool operators;
        uint256 sales;
        bool endorsed;
    }

    struct PointsAward {
        uint256 sellerDelta;
        uint256 buyerDelta;
        uint8 reasons;
    }

    /// @dev A pair's units and orders of one day, and the most that they could be by the policies in force at its orders.
    struct PairDay {
        uint256 smaller;
        uint256 greater;
        uint256 day;
        uint256 minted;
        uint256 mostMinted;
    }

    mapping(uint256 agentId => uint256) public pointsOf;
    mapping(uint256 agentId => uint256) public lifetimePointsOf;
    uint256 public pointsMinted;
    uint256 public pointsBurned;
    /// @dev The largest daily cap of one agent in force at any order of the day, in units.
    mapping(uint256 day => uint256) public agentCapOn;
    mapping(uint256 day => mapping(uint256 agentId => uint256)) public earnedOn;
    IPointsLedger.Policy internal _policy = IPointsLedger.Policy(2, 1, 5, 100, 5, 50);
    PairDay[] internal _pairDays;
    mapping(bytes32 pairAndDay => uint256 place) private _places;
    mapping(bytes32 pairAndDay => uint256) private _tradesOn;
    mapping(bytes32 pair => bool) private _linkSeen;
    mapping(uint256 day => uint256) private _mostTradesOn;
    mapping(uint256 day => uint256) private _mostPerTradeOn;

    function pairDays() external view returns (PairDay[] memory) {
        return _pairDays;
    }

    /// @dev What the order earns, entered.
    function _bookAward(PointsOrder memory o) internal returns (PointsAward memory a) {
        uint256 day = block.timestamp / 1 days;
        _notePolicy(day);
        a.reasons = _excluded(o, day);
        if (a.reasons != 0) return a;
        uint256 percent = o.sales > _policy.handful && !o.endorsed ? _policy.unendorsedPercent : 100;
        if (percent < 100) a.reasons |= PointsReasons.UNENDORSED;
        (uint256 toSeller, uint256 toBuyer) = (_policy.sellerAward * percent, _policy.buyerAward * percent);
        a.sellerDelta = _bookEarning(o.sellerId, toSeller, day);
        a.buyerDelta = _bookEarning(o.buyerId, toBuyer, day);
        if (a.sellerDelta < toSeller) a.reasons |= PointsReasons.SELLER_CAP;
        if (a.buyerDelta < toBuyer) a.reasons |= PointsReasons.BUYER_CAP;
        PairDay storage pairDay = _pairDayOf(o, day);
        pairDay.minted += a.sellerDelta + a.buyerDelta;
        pairDay.mostMinted = _mostTradesOn[day] * _mostPerTradeOn[day];
    }

    function _bookSpending(uint256 agentId, uint256 amount) internal {
        pointsOf[agentId] -= amount;
        pointsBurned += amount;
    }

    function _excluded(PointsOrder memory o, uint256 day) private returns (uint8) {
        if (o.sellerId == o.buyerId) return PointsReasons.SELF_TRADE;
        if (o.payerId == o.sellerId) return PointsReasons.PAID_BY_SELLER;
        bytes32 pair = keccak256(abi.encode(_sorted(o)));
        bytes32 pairAndDay = keccak256(abi.encode(pair, day));
        if (_tradesOn[pairAndDay] == 0 && o.operators) _linkSeen[pair] = true;
        if (_linkSeen[pair]) return PointsReasons.LINKED;
        if (_tradesOn[pairAndDay] >= _policy.pairTradesPerDay) return PointsReasons.PAIR_CAP;
        ++_tradesOn[pairAndDay];
        return 0;
    }

    function _bookEarning(uint256 agentId, uint256 wanted, uint256 day) private returns (uint256 units) {
        uint256 cap = uint256(_policy.agentPointsPerDay) * 100;
        uint256 had = earnedOn[day][agentId];
        units =
            had + wanted <= cap
                ? wanted
                : had < cap
                    ? cap - had
                    : 0;
        earnedOn[day][agentId] += units;
        pointsOf[agentId] += units;
        lifetimePointsOf[agentId] += units;
        pointsMinted += units;
    }

    function _notePolicy(uint256 day) private {
        uint256 cap = uint256(_policy.agentPointsPerDay) * 100;
        uint256 perTrade = (uint256(_policy.sellerAward) + _policy.buyerAward) * 100;
        if (cap > agentCapOn[day]) agentCapOn[day] = cap;
        if (perTrade > _mostPerTradeOn[day]) _mostPerTradeOn[day] = perTrade;
        if (_policy.pairTradesPerDay > _mostTradesOn[day]) _mostTradesOn[day] = _policy.pairTradesPerDay;
    }

    function _pairDayOf(PointsOrder memory o, uint256 day) private returns (PairDay storage) {
        uint256[2] memory pair = _sorted(o);
        bytes32 pairAndDay = keccak256(abi.encode(pair, day));
        if (_places[pairAndDay] == 0) {
            _pairDays.push(PairDay(pair[0], pair[1], day, 0, 0));
            _places[pairAndDay] = _pairDays.length;
        }
        return _pairDays[_places[pairAndDay] - 1];
    }

    function _sorted(PointsOrder memory o) private pure returns (uint256[2] memory) {
        return o.sellerId < o.buyerId ? [o.sellerId, o.buyerId] : [o.buyerId, o.sellerId];
    }
}
