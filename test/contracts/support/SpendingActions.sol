// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IPointsLedger} from "../../../contracts/interfaces/IPointsLedger.sol";
import {Actions} from "../../../contracts/libraries/Actions.sol";
import {BuyingActions} from "./BuyingActions.sol";
import {Reasons} from "./Reasons.sol";

/// @title Agents and their operators take what is free, or pay with points
abstract contract SpendingActions is BuyingActions {
    using Reasons for Reasons.List;

    /// @dev By the agent, by its operator, or by somebody who may not; of a listing that is free, or not.
    function claim(uint256 who, uint256 ek, uint256 version) external {
        uint256 ekId = ek % 2 == 0 ? 1 : _listingId(ek);
        uint256 agentId = who % 2 == 0 ? 0 : _agent(who / 2);
        uint32 given = _listings[ekId].version + (version % 16 == 0 ? 1 : 0);
        Reasons.List memory reasons = Reasons.none();
        Trade memory t = _actorsTrade(reasons, ekId, agentId, [who, version], Actions.CLAIM);
        _mustBeOpen(reasons, t, given);
        reasons.when(t.cost != 0, abi.encodeWithSelector(IExchange.NotFree.selector, ekId, t.cost));
        _attemptSale(t, address(sys.exchange), abi.encodeCall(IExchange.claim, (ekId, given, agentId)), reasons);
    }

    function buyWithPoints(uint256 who, uint256 ek, uint256 version) external {
        uint256 ekId = _forPoints(ek);
        uint256 agentId = who % 4 == 0 ? 0 : _richest(who);
        uint32 given = _listings[ekId].version + (version % 16 == 0 ? 1 : 0);
        Reasons.List memory reasons = Reasons.none();
        Trade memory t = _actorsTrade(reasons, ekId, agentId, [who, version], Actions.SPEND_POINTS);
        _mustBeOpen(reasons, t, given);
        t.cost = 0;
        t.forPoints = true;
        uint256 spender = agentId == 0 ? agentAt[t.caller] : agentId;
        if (spender == 0) spender = agentCount + 1;
        uint256 price = _mustBeRich(reasons, ekId, spender);
        bytes memory data = abi.encodeCall(IExchange.buyWithPoints, (ekId, given, agentId));
        if (_attemptSale(t, address(sys.exchange), data, reasons)) _bookSpending(spender, price);
    }

    function _mustBeRich(
        Reasons.List memory reasons,
        uint256 ekId,
        uint256 spender
    ) private view returns (uint256 price) {
        price = _listings[ekId].terms.pointsPrice;
        uint256 balance = pointsOf[spender];
        reasons.when(price == 0, abi.encodeWithSelector(IExchange.NotForPoints.selector, ekId));
        bytes memory poor = abi.encodeWithSelector(IPointsLedger.InsufficientPoints.selector, spender, balance, price);
        reasons.when(balance < price, poor);
    }

    /// @dev For a named agent, or for the caller's own: 0.
    function _actorsTrade(
        Reasons.List memory reasons,
        uint256 ekId,
        uint256 agentId,
        uint256[2] memory seeds,
        uint256 action
    ) private view returns (Trade memory t) {
        t = _trade(ekId, agentId == 0 ? _account(seeds[0] / 2) : _actorFor(agentId, seeds[1]));
        if (agentId != 0) t.recipient = eoaOf[agentId];
        t.payer = t.recipient;
        // Whoever may act for an agent asks in its name.
        t.asked = true;
        if (agentId == 0 && agentAt[t.caller] == 0) _mustBeFree(reasons, t.caller, 0);
        reasons.when(
            agentId != 0 && !_mayAct(agentId, t.caller, action),
            abi.encodeWithSelector(IExchange.NotAuthorized.selector, agentId, t.caller, action)
        );
    }

    /// @dev Mostly a listing that can be had for points, where there is one.
    function _forPoints(uint256 seed) private view returns (uint256 ekId) {
        for (uint256 i; i < listingCount && seed % 8 != 0; ++i) {
            ekId = _listingId((seed % listingCount) + i);
            if (_listings[ekId].terms.pointsPrice != 0) return ekId;
        }
        ekId = _listingId(seed);
    }

    /// @dev Mostly an agent with points, where there is one.
    function _richest(uint256 seed) private view returns (uint256 agentId) {
        for (uint256 i; i < agentCount && seed % 8 != 1; ++i) {
            agentId = _agent((seed % agentCount) + i);
            if (pointsOf[agentId] != 0) return agentId;
        }
        agentId = _agent(seed);
    }
}
