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
        _placeUpto();
        for (uint256 i; i < 4; ++i) {
            register(i);
        }
        for (uint256 seed; listingCount < 4; ++seed) {
            list(listingCount % 2, 0, _wantedSeed(seed));
        }
        _requestQuote(4, 1, 1, 3);
    }

    /// @dev A little, a lot, or so much that every window closes.
    function passTime(uint256 kind, uint256 seed) external {
        uint256 most = kind % 4 == 0 ? 3 days : 10 minutes;
        vm.warp(block.timestamp + (seed % (kind % 32 == 1 ? 31 days : most)));
    }

    /// @dev The last second of something, or the first one after it, and what it decides.
    function reachEdge(uint256 kind, uint256 which, uint256 who) external {
        uint256 early = (kind / 6) % 2;
        kind %= 6;
        if (kind == 0) {
            uint256 agentId = _agent(which);
            address operator = _lastOperator[agentId];
            _waitUntil(_grants[agentId][operator].expiry, early);
            _checkGrant(agentId, operator);
        } else if (kind == 1) {
            _waitUntil(_listings[_listingId(which)].terms.endTime, early);
            buy(who, which, who, 15);
        } else if (kind == 2) {
            _reachKeysEnd(which, early);
        } else if (kind == 3) {
            _waitUntil(_fundedQuote(which).quote.deadline + 1, early);
            if (who % 2 == 0) finalizeTill(which, who);
            else refundTill(which, 1, who);
        } else if (kind == 4) {
            _waitUntil(pausedUntil, early);
            buy(who, which, who, 15);
        } else if (_orders.length != 0) {
            _waitUntil(_waiting(which).releaseTime, early);
            if (who % 3 == 0) release(which, who / 3);
            if (who % 3 == 1) refund(which, who / 3);
            if (who % 3 == 2) freeze(which, who / 3);
        }
    }

    function _reachKeysEnd(uint256 which, uint256 early) private {
        uint256 keyId = _someKey(which);
        if (keyId == 0) return;
        uint256 tenant = _tenant(keyId);
        _waitUntil(tenant == 0 ? _keys[keyId].expiry : _rentals[keyId].expires, early);
        _checkAccess(keyId >> 96, _keys[keyId].agentId);
        if (tenant != 0) _checkAccess(keyId >> 96, tenant);
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
            ICatalog.Terms memory terms = _terms(seed, listingCount + 1);
            bool free = tokenAllowed[terms.token] && _priceOf(terms, 0) == 0;
            bool wanted = listingCount == 0 ? free : !free && terms.token == tokens[listingCount - 1];
            wanted = wanted && (listingCount > 1 || terms.flags == Flags.TRANSFERABLE | Flags.LENDABLE);
            // The second one's money waits, the third one has a parent.
            if (listingCount == 1) wanted = wanted && terms.refundWindow != 0 && terms.bountyBps != 0;
            if (listingCount == 2) wanted = wanted && terms.royalties.length != 0;
            if (wanted && terms.startTime == 0 && terms.endTime == 0 && terms.supplyCap == 0) return seed;
        }
    }
}
