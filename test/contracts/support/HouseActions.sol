// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAgentRegistry} from "../../../contracts/interfaces/IAgentRegistry.sol";
import {IBountyPot} from "../../../contracts/interfaces/IBountyPot.sol";
import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {CardActions} from "./CardActions.sol";
import {Reasons} from "./Reasons.sol";

/// @title What the house may do: fees, tokens, pauses, and the validators' pots
abstract contract HouseActions is CardActions {
    using Reasons for Reasons.List;

    uint256 internal constant MAX_PAUSE = 7 days;

    /// @dev Every eighth time by somebody who is no administrator; now and then above the cap, or to an agent that is not there.
    function setFee(uint256 bps, uint256 agent, uint256 who) external {
        uint16 given = uint16(bps % 4 == 0 ? bps % 2 ** 16 : bps % 501);
        uint256 agentId = agent % 16 == 0 ? agentCount + 1 : _agent(agent);
        address caller = who % 8 == 0 ? _account(who) : sys.admin;
        Reasons.List memory reasons = Reasons.none();
        _mustBeAdministrator(reasons, caller);
        reasons.when(given > 500, abi.encodeWithSelector(IExchange.FeeAboveMaximum.selector, given, 500));
        reasons.when(agentId > agentCount, abi.encodeWithSelector(IAgentRegistry.UnknownAgent.selector, agentId));
        bytes memory data = abi.encodeCall(IExchange.setFee, (given, agentId));
        (bool done, ) = _attempt(caller, address(sys.exchange), data, reasons);
        if (!done) return;
        feeBps = given;
        feeAgentId = agentId;
    }

    function allowToken(uint256 tokenIndex, uint256 allowed, uint256 who) external {
        address token = tokens[tokenIndex % tokens.length];
        address caller = who % 8 == 0 ? _account(who) : sys.admin;
        Reasons.List memory reasons = Reasons.none();
        _mustBeAdministrator(reasons, caller);
        bytes memory data = abi.encodeCall(ICatalog.allowToken, (token, allowed % 4 != 0));
        (bool done, ) = _attempt(caller, address(sys.catalog), data, reasons);
        if (done) tokenAllowed[token] = allowed % 4 != 0;
    }

    /// @dev Mostly for minutes, now and then for as long as may be or longer; half of the calls in a pause end it.
    function pause(uint256 length, uint256 who) external {
        address caller = who % 8 == 0 ? _account(who / 8) : GUARDIAN;
        uint256 duration = length % 20 minutes;
        if (length % 8 == 0) duration = MAX_PAUSE + (length % 2);
        if (length % 8 == 1 || (block.timestamp < pausedUntil && length % 2 == 0)) duration = 0;
        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            caller != GUARDIAN,
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller)
        );
        bytes memory long = abi.encodeWithSelector(IExchange.PauseTooLong.selector, duration, MAX_PAUSE);
        reasons.when(duration > MAX_PAUSE, long);
        reasons.when(
            duration != 0 && block.timestamp < pausableFrom,
            abi.encodeWithSelector(IExchange.PauseTooSoon.selector, pausableFrom, block.timestamp)
        );
        (bool done, ) = _attempt(caller, address(sys.exchange), abi.encodeCall(IExchange.pause, (duration)), reasons);
        if (!done) return;
        pausedUntil = block.timestamp + duration;
        if (duration != 0) pausableFrom = pausedUntil + MAX_PAUSE;
    }

    /// @dev The consensus pays two validators, or one of them twice; now and then more than there is.
    function payBounty(uint256 ek, uint256 tokenIndex, uint256 seed, uint256 who) external {
        (uint256 ekId, address token) = _pot(ek, tokenIndex);
        address caller = who % 8 == 0 ? _account(who / 8) : address(sys.consensus);
        uint256[] memory agentIds = new uint256[](2);
        (agentIds[0], agentIds[1]) = (_agent(seed), _agent(seed / 8));
        uint256[] memory amounts = _rewards(bountyOf[ekId][token], seed, who % 16 == 1 ? 1 : 2);
        Reasons.List memory reasons = _mustBeInPot(ekId, token, amounts);
        bytes memory stranger = abi.encodeWithSelector(IExchange.WrongCaller.selector, caller, address(sys.consensus));
        reasons.when(caller != address(sys.consensus), stranger);
        bytes memory data = abi.encodeCall(IBountyPot.payBounty, (ekId, token, agentIds, amounts));
        (bool done, ) = _attempt(caller, address(sys.exchange), data, reasons);
        if (!done) return;
        bountyOf[ekId][token] -= amounts[0] + amounts[1];
        _earn(agentIds[0], token, amounts[0]);
        _earn(agentIds[1], token, amounts[1]);
    }

    function _rewards(uint256 pot, uint256 seed, uint256 count) private pure returns (uint256[] memory amounts) {
        amounts = new uint256[](count);
        amounts[0] = part(seed, "first") % (pot + 1);
        if (count == 2) amounts[1] = seed % 2 == 0 ? pot - amounts[0] : part(seed, "second") % (pot + 1);
    }

    function _mustBeInPot(
        uint256 ekId,
        address token,
        uint256[] memory amounts
    ) private view returns (Reasons.List memory reasons) {
        reasons = Reasons.none();
        uint256 count = amounts.length;
        reasons.when(count != 2, abi.encodeWithSelector(IExchange.LengthMismatch.selector, 2, count));
        if (count != 2) return reasons;
        uint256 left = bountyOf[ekId][token] - amounts[0];
        bytes4 much = IExchange.BountyExceeded.selector;
        reasons.when(amounts[1] > left, abi.encodeWithSelector(much, ekId, token, left, amounts[1]));
    }

    /// @dev Mostly a pot with something in it, where there is one.
    function _pot(uint256 ek, uint256 tokenIndex) private view returns (uint256 ekId, address token) {
        for (uint256 i; i < listingCount && tokenIndex % 8 != 0; ++i) {
            ekId = _listingId((ek % listingCount) + i);
            for (uint256 t; t < tokens.length; ++t) {
                if (bountyOf[ekId][tokens[t]] != 0) return (ekId, tokens[t]);
            }
        }
        return (_listingId(ek), tokens[tokenIndex % tokens.length]);
    }

    function _mustBeAdministrator(Reasons.List memory reasons, address caller) private view {
        reasons.when(
            caller != sys.admin,
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller)
        );
    }
}
