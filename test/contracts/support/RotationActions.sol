// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IAgentRegistry} from "../../../contracts/interfaces/IAgentRegistry.sol";
import {IERC8004Identity} from "../../../contracts/interfaces/IERC8004Identity.sol";
import {JoiningActions} from "./JoiningActions.sol";
import {Reasons} from "./Reasons.sol";
import {TypedData} from "./TypedData.sol";

/// @title Agents move to other accounts, in each of the three ways
abstract contract RotationActions is JoiningActions {
    using Reasons for Reasons.List;

    /// @param by 0: relayed, 1: by the present account, 2: by the new one.
    /// @param fault 0: the old key did not sign, 1: the new key did not, 2: not the next nonce, 3: too late; else none.
    function rotate(uint256 agent, uint256 to, uint256 by, uint256 fault) external {
        TypedData.Rotation memory r;
        r.agentId = _rotating(agent);
        r.from = eoaOf[r.agentId];
        r.to = _successor(r.agentId, to);
        fault %= 10;
        r.nonce = nonceOf[r.from] + (fault == 2 ? 1 : 0);
        r.deadline = fault == 3 ? block.timestamp - 1 : block.timestamp + (to % 1 days);
        bytes32 digest = TypedData.rotation(address(sys.registry), r);
        bytes memory fromSignature = fault == 0 ? _forge(r.from, digest, by) : _sign(r.from, digest);
        bytes memory toSignature = fault == 1 ? _forge(r.to, digest, by) : _sign(r.to, digest);
        address caller =
            by % 3 == 0
                ? _account(by)
                : by % 3 == 1
                    ? r.from
                    : r.to;
        if (caller == r.from) fromSignature = "";
        if (caller == r.to) toSignature = "";

        Reasons.List memory reasons = Reasons.none();
        reasons.when(fault == 3, _expired(r.deadline));
        _mustBeSigned(reasons, (fault == 0 || fault == 2) && caller != r.from, r.from);
        _mustBeSigned(reasons, (fault == 1 || fault == 2) && caller != r.to, r.to);
        _mustBeFree(reasons, r.to, r.agentId);
        bytes memory data = abi.encodeCall(
            IAgentRegistry.rotate,
            (r.agentId, r.to, r.deadline, fromSignature, toSignature)
        );
        if (_rotateBy(caller, data, r.agentId, r.to, reasons)) _spent.push(SpentCall(caller, data));
    }

    /// @param fault 0: the new wallet did not sign, 1: too far ahead, 2: too late, 3: not by the agent; else none.
    function setAgentWallet(uint256 agent, uint256 to, uint256 fault) external {
        uint256 agentId = _rotating(agent);
        address wallet = _successor(agentId, to);
        fault %= 10;
        address caller = fault == 3 ? _account(agent) : eoaOf[agentId];
        uint256 deadline = block.timestamp + 5 minutes;
        if (fault == 1) ++deadline;
        if (fault == 2) deadline = block.timestamp - 1;
        bytes32 digest = TypedData.walletSet(address(sys.registry), agentId, wallet, caller, deadline);

        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            caller != eoaOf[agentId],
            abi.encodeWithSelector(IAgentRegistry.NotAgentOwner.selector, agentId, caller)
        );
        reasons.when(fault == 2, _expired(deadline));
        reasons.when(
            fault == 1,
            abi.encodeWithSelector(IAgentRegistry.DeadlineTooFar.selector, deadline, block.timestamp + 5 minutes)
        );
        reasons.when(_usedDigests[digest], abi.encodeWithSelector(IAgentRegistry.SignatureUsed.selector, digest));
        _mustBeSigned(reasons, fault == 0, wallet);
        _mustBeFree(reasons, wallet, agentId);
        bytes memory signature = fault == 0 ? _forge(wallet, digest, agent) : _sign(wallet, digest);
        bytes memory data = abi.encodeCall(IERC8004Identity.setAgentWallet, (agentId, wallet, deadline, signature));
        if (!_rotateBy(caller, data, agentId, wallet, reasons)) return;
        _usedDigests[digest] = true;
        _spent.push(SpentCall(caller, data));
    }

    /// @dev The other account agrees to take over the agent, now and then until too soon.
    function _consent(uint256 agentId, address account, uint256 life) private {
        uint64 deadline = uint64(life % 8 == 0 ? block.timestamp - 1 : block.timestamp + (life % 1 days));
        bytes memory data = abi.encodeCall(IAgentRegistry.consentToRotation, (agentId, deadline));
        _attempt(account, address(sys.registry), data, Reasons.none());
        _consents[account] = Consent(agentId, epochOf[agentId], deadline);
        _lastConsenter[agentId] = account;
    }

    /// @param fault 0: not by the agent, 1: from another account, 2: without asking for consent, 3: only asking for it; else none.
    function handOver(uint256 agent, uint256 to, uint256 fault) external {
        uint256 agentId = _rotating(agent);
        address owner = eoaOf[agentId];
        fault %= 10;
        address receiver = fault == 2 && to % 2 == 0 ? _lastConsenter[agentId] : _successor(agentId, to);
        if (receiver == address(0)) receiver = _account(to);
        if (fault != 2) _consent(agentId, receiver, agent);
        if (fault == 3) return;
        address caller = fault == 0 ? _account(agent) : owner;
        address from = fault == 1 ? _account(agent) : owner;
        Consent memory given = _consents[receiver];

        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            from != owner,
            abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, from, agentId, owner)
        );
        reasons.when(
            caller != from,
            abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, caller, agentId)
        );
        bool agreed = given.agentId == agentId && given.epoch == epochOf[agentId] && given.deadline >= block.timestamp;
        reasons.when(!agreed, abi.encodeWithSelector(IAgentRegistry.ConsentMissing.selector, agentId, receiver));
        _mustBeFree(reasons, receiver, agentId);
        bytes memory data = abi.encodeCall(IERC721.transferFrom, (from, receiver, agentId));
        _rotateBy(caller, data, agentId, receiver, reasons);
    }

    /// @dev Half of the time an agent that waits for a key: what is under way must find it at its new account.
    function _rotating(uint256 seed) private view returns (uint256 agentId) {
        uint256 latest = _quotes.length < 3 ? _quotes.length : 3;
        if (seed % 2 == 0 && latest != 0) {
            agentId = agentAt[_quotes[_quotes.length - 1 - ((seed / 2) % latest)].quote.buyer];
        }
        if (agentId == 0) agentId = _agent(seed / 2);
    }

    /// @dev Anybody, or quite often an account that the agent had before.
    function _successor(uint256 agentId, uint256 seed) private view returns (address) {
        if (seed % 3 != 0) return _account(seed / 3);
        return eoaAt[agentId][uint32((seed / 3) % (epochOf[agentId] + 1))];
    }

    /// @dev What the agent has is the same before and after, and its old account has nothing.
    function _rotateBy(
        address caller,
        bytes memory data,
        uint256 agentId,
        address to,
        Reasons.List memory reasons
    ) private returns (bool done) {
        address from = eoaOf[agentId];
        bytes32 before = _possessionsOf(agentId);
        (done, ) = _attempt(caller, address(sys.registry), data, reasons);
        if (!done) return false;
        _bookRotation(agentId, to);
        equal(_possessionsOf(agentId), before, "22: a rotation changed what the agent has");
        equal(sys.keys.balanceOf(from), 0, "22: the old account kept keys");
        equal(sys.registry.agentOf(from), 0, "22: the old account kept the agent");
        _checkAllowances(agentId);
    }

    /// @dev Whatever the old account allowed others to do is over.
    function _checkAllowances(uint256 agentId) private view {
        (uint256 actions, ) = sys.registry.grantOf(agentId, _lastOperator[agentId]);
        equal(actions, 0, "22: a grant of the old account lives on");
        bool allowed = sys.keys.isApprovedForAll(eoaOf[agentId], _lastKeyOperator[agentId]);
        isTrue(!allowed, "22: an approval for all of the old account lives on");
        for (uint256 i; i < _orders.length; ++i) {
            if (_keys[_orders[i].keyId].agentId != agentId) continue;
            address approved = sys.keys.getApproved(_orders[i].keyId);
            equal(approved, address(0), "22: a key's approval of the old account lives on");
        }
    }

    /// @dev Keys, rights, points, credits, listings and open orders, as the contracts answer for the agent's account of the moment.
    function _possessionsOf(uint256 agentId) private view returns (bytes32 digest) {
        address account = sys.registry.eoaOf(agentId);
        digest = keccak256(
            abi.encode(sys.keys.balanceOf(account), sys.points.balanceOf(agentId), sys.points.lifetimeOf(agentId))
        );
        for (uint256 i; i < tokens.length; ++i) {
            digest = keccak256(abi.encode(digest, sys.exchange.creditOf(agentId, tokens[i])));
        }
        for (uint256 ekId = 1; ekId <= listingCount; ++ekId) {
            (uint256 keyId, ) = sys.keys.accessOf(ekId, agentId);
            (uint256 sellerId, , , ) = sys.catalog.listingHead(ekId);
            digest = keccak256(abi.encode(digest, keyId, sys.keys.hasAccess(ekId, account, 0), sellerId == agentId));
        }
        for (uint256 i; i < _orders.length; ++i) {
            if (_orders[i].held == 0 || (_orders[i].payerId != agentId && _orders[i].sellerId != agentId)) continue;
            digest = keccak256(abi.encode(digest, sys.exchange.orderOf(_orders[i].keyId)));
        }
    }

    function _mustBeSigned(Reasons.List memory reasons, bool missing, address account) private pure {
        reasons.when(missing, abi.encodeWithSelector(IAgentRegistry.InvalidSignature.selector, account));
    }
}
