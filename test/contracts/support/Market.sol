// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
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

    /// @dev A little, or a lot.
    function passTime(uint256 kind, uint256 seed) external {
        vm.warp(block.timestamp + (kind % 4 == 0 ? seed % 3 days : seed % 10 minutes));
    }

    /// @dev The last second of something, or the first one after it, and what it decides.
    function reachEdge(uint256 kind, uint256 which, uint256 who) external {
        uint256 early = (kind / 4) % 2;
        if (kind % 4 == 0) {
            uint256 agentId = _agent(which);
            address operator = _lastOperator[agentId];
            _waitUntil(_grants[agentId][operator].expiry, early);
            _checkGrant(agentId, operator);
        } else if (kind % 4 == 1) {
            _waitUntil(_listings[_listingId(which)].terms.endTime, early);
            buy(who, which, who, 15);
        } else if (kind % 4 == 2 && _orders.length != 0) {
            uint256 keyId = _someKey(which);
            uint256 tenant = _tenant(keyId);
            _waitUntil(tenant == 0 ? _keys[keyId].expiry : _rentals[keyId].expires, early);
            _checkAccess(keyId >> 96, _keys[keyId].agentId);
            if (tenant != 0) _checkAccess(keyId >> 96, tenant);
        } else if (kind % 4 == 3) {
            _waitUntil(_fundedQuote(which).quote.deadline + 1, early);
            if ((kind / 8) % 2 == 0) finalizeTill(which, who);
            else refundTill(which, 1, who);
        }
    }

    /// @dev The contracts answer questions as the books would.
    function ask(uint256 ek, uint256 agent, uint256 who) external view {
        uint256 ekId = _listingId(ek);
        uint256 agentId = _agent(agent);
        address account = _account(who);
        _checkAccess(ekId, agentId);
        _checkGrant(agentId, account);
        uint8 flags = _listings[ekId].terms.flags;
        bool welcome =
            _listings[ekId].sellerId != agentId &&
                labelsBy[ekId][agentId] == 0 &&
                (flags & Flags.RESTRICTED_VALIDATORS == 0 || _validatorAllowed[ekId][agentId]);
        isTrue(sys.labels.mayLabel(ekId, agentId) == welcome, "who may label");
    }

    /// @dev `early` seconds before `time`, unless that is over.
    function _waitUntil(uint256 time, uint256 early) private {
        if (time > block.timestamp + early) vm.warp(time - early);
    }

    /// @dev What the account may do for the agent.
    function _checkGrant(uint256 agentId, address account) private view {
        Grant memory g = _grants[agentId][account];
        (uint256 actions, uint64 expiry) = sys.registry.grantOf(agentId, account);
        bool live = g.actions != 0 && g.expiry > block.timestamp && g.epoch == epochOf[agentId];
        equal(actions, live ? g.actions : 0, "granted actions");
        equal(expiry, live ? g.expiry : 0, "end of the grant");
        isTrue(sys.registry.canAct(agentId, account, 1) == _mayAct(agentId, account, 1), "who may act for the agent");
    }

    /// @dev The first seed from `from` on whose terms suit the start: free ones first, then priced in each token; the first two listings'
    /// keys may be transferred and lent.
    function _wantedSeed(uint256 from) private view returns (uint256 seed) {
        for (seed = from * 1000; ; ++seed) {
            ICatalog.Terms memory terms = _terms(seed);
            bool free = tokenAllowed[terms.token] && _priceOf(terms, 0) == 0;
            bool wanted = listingCount == 0 ? free : !free && terms.token == tokens[listingCount - 1];
            wanted = wanted && (listingCount > 1 || terms.flags == Flags.TRANSFERABLE | Flags.LENDABLE);
            if (wanted && terms.startTime == 0 && terms.endTime == 0 && terms.supplyCap == 0) return seed;
        }
    }
}
