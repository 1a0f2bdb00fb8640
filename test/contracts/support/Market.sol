// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {Flags} from "../../../contracts/libraries/Flags.sol";
import {TrespassActions} from "./TrespassActions.sol";

/// @title Everything that can happen, as the fuzzer may call it
/// @notice Nothing here ever reverts unless something is wrong.
abstract contract Market is TrespassActions {
    /// @dev Starts with a market in motion: four agents, a free and three priced listings, one quote.
    function _open() internal {
        for (uint256 i; i < 4; ++i) {
            register(i);
        }
        for (uint256 seed; listingCount < 4; ++seed) {
            list(listingCount % 2, 0, _wantedSeed(seed));
        }
        _requestQuote(4, 1, 1, 3);
    }

    /// @dev A little, a lot, or to the very edge of something.
    function passTime(uint256 kind, uint256 seed) external {
        uint256 time = block.timestamp;
        if (kind % 8 < 4) time += seed % 10 minutes;
        if (kind % 8 == 4) time += seed % 3 days;
        if (kind % 8 == 5) time = _quote(seed).quote.deadline + ((kind / 8) % 2);
        if (kind % 8 > 5) time = _edge(seed) + ((kind / 8) % 2);
        if (time > block.timestamp) vm.warp(time);
    }

    /// @dev The contracts answer questions as the books would.
    function ask(uint256 ek, uint256 agent, uint256 who) external view {
        uint256 ekId = _listingId(ek);
        uint256 agentId = _agent(agent);
        address account = _account(who);
        _checkAccess(ekId, agentId);
        Grant memory g = _grants[agentId][account];
        (uint256 actions, uint64 expiry) = sys.registry.grantOf(agentId, account);
        bool live = g.expiry > block.timestamp && g.epoch == epochOf[agentId];
        equal(actions, live ? g.actions : 0, "granted actions");
        equal(expiry, live ? g.expiry : 0, "end of the grant");
        isTrue(sys.registry.canAct(agentId, account, 1) == _mayAct(agentId, account, 1), "who may act for the agent");
        uint8 flags = _listings[ekId].terms.flags;
        bool welcome =
            _listings[ekId].sellerId != agentId &&
                labelsBy[ekId][agentId] == 0 &&
                (flags & Flags.RESTRICTED_VALIDATORS == 0 || _validatorAllowed[ekId][agentId]);
        isTrue(sys.labels.mayLabel(ekId, agentId) == welcome, "who may label");
    }

    /// @dev The end of a grant, a listing or a key.
    function _edge(uint256 seed) private view returns (uint256) {
        uint256 agentId = _agent(seed);
        if (seed % 3 == 0) return _grants[agentId][_lastOperator[agentId]].expiry;
        if (seed % 3 == 1) return _listings[_listingId(seed)].terms.endTime;
        return _orders.length == 0 ? 0 : _keys[_someKey(seed)].expiry;
    }

    /// @dev The first seed from `from` on whose terms suit the start: free ones first, then priced in each token.
    function _wantedSeed(uint256 from) private view returns (uint256 seed) {
        for (seed = from * 1000; ; ++seed) {
            IExchange.Terms memory terms = _terms(seed);
            bool free = tokenAllowed[terms.token] && terms.curveParams.length <= 96 && _priceOf(terms, 0) == 0;
            bool wanted = listingCount == 0 ? free : !free && terms.token == tokens[listingCount - 1];
            if (wanted && terms.startTime == 0 && terms.endTime == 0 && terms.supplyCap == 0) return seed;
        }
    }
}
