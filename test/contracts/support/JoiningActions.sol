// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAgentRegistry} from "../../../contracts/interfaces/IAgentRegistry.sol";
import {Actions} from "../../../contracts/libraries/Actions.sol";
import {Reasons} from "./Reasons.sol";
import {TypedData} from "./TypedData.sol";
import {World} from "./World.sol";

/// @title Agents join and let operators act for them
abstract contract JoiningActions is World {
    using Reasons for Reasons.List;

    struct SpentCall {
        address caller;
        bytes data;
    }

    /// @dev Calls that carried a signature and went through: none may ever go through again.
    SpentCall[] internal _spent;

    function register(uint256 who) public {
        address account = _account(who);
        Reasons.List memory reasons = Reasons.none();
        _mustBeFree(reasons, account, 0);
        bytes memory data = abi.encodeWithSignature("register()");
        (bool done, bytes memory result) = _attempt(account, address(sys.registry), data, reasons);
        if (done) equal(abi.decode(result, (uint256)), _enter(account), "id of the new agent");
    }

    /// @param fault 0: a wrong signature, 1: too late, 2: a nonce that is not the next one; else none.
    function registerFor(uint256 who, uint256 relayer, uint256 delay, uint256 fault) external {
        address account = _account(who);
        fault %= 8;
        uint256 deadline = fault == 1 ? block.timestamp - 1 - (delay % 1 days) : block.timestamp + (delay % 1 days);
        uint256 nonce = nonceOf[account] + (fault == 2 ? 1 : 0);
        bytes32 digest = TypedData.registration(address(sys.registry), account, "ipfs://profile", nonce, deadline);
        bytes memory signature = fault == 0 ? _forge(account, digest, relayer) : _sign(account, digest);

        Reasons.List memory reasons = Reasons.none();
        reasons.when(fault == 1, _expired(deadline));
        reasons.when(
            fault == 0 || fault == 2,
            abi.encodeWithSelector(IAgentRegistry.InvalidSignature.selector, account)
        );
        _mustBeFree(reasons, account, 0);
        bytes memory data = abi.encodeCall(
            IAgentRegistry.registerFor,
            (account, "ipfs://profile", deadline, signature)
        );
        (bool done, bytes memory result) = _attempt(_account(relayer), address(sys.registry), data, reasons);
        if (!done) return;
        equal(abi.decode(result, (uint256)), _enter(account), "id of the new agent");
        ++nonceOf[account];
        _spent.push(SpentCall(_account(relayer), data));
    }

    function grant(uint256 who, uint256 operator, uint256 actions, uint256 life) external {
        address granter = who % 4 == 0 ? _account(who) : eoaOf[_agent(who)];
        IAgentRegistry.GrantRequest memory g = _grantRequest(granter, _account(operator), actions, life);
        Reasons.List memory reasons = Reasons.none();
        bytes memory noAgent = abi.encodeWithSelector(IAgentRegistry.NotAgentOwner.selector, 0, g.agent);
        reasons.when(agentAt[g.agent] == 0, noAgent);
        _mustBeGrantable(reasons, g);
        bytes memory data = abi.encodeCall(IAgentRegistry.grant, (g.operator, g.actions, g.expiry));
        (bool done, ) = _attempt(g.agent, address(sys.registry), data, reasons);
        if (done) _bookGrant(agentAt[g.agent], g);
    }

    /// @param fault 0: a wrong signature, 1: too late, 2: a nonce that is not the next one; else none.
    function grantBySig(uint256 who, uint256 operator, uint256 actions, uint256 life, uint256 fault) external {
        IAgentRegistry.GrantRequest memory g = _grantRequest(_account(who), _account(operator), actions, life);
        fault %= 8;
        g.deadline = fault == 1 ? block.timestamp - 1 : block.timestamp + (life % 1 days);
        if (fault == 2) g.nonce = nonceOf[g.agent] == 0 ? 1 : nonceOf[g.agent] - 1;
        bytes32 digest = TypedData.operatorGrant(address(sys.registry), g);
        bytes memory signature = fault == 0 ? _forge(g.agent, digest, life) : _sign(g.agent, digest);

        Reasons.List memory reasons = Reasons.none();
        reasons.when(fault == 1, _expired(g.deadline));
        reasons.when(
            fault == 2,
            abi.encodeWithSelector(IAgentRegistry.InvalidNonce.selector, g.agent, nonceOf[g.agent], g.nonce)
        );
        reasons.when(fault == 0, abi.encodeWithSelector(IAgentRegistry.InvalidSignature.selector, g.agent));
        if (agentAt[g.agent] == 0) _mustBeFree(reasons, g.agent, 0);
        _mustBeGrantable(reasons, g);
        bytes memory data = abi.encodeCall(IAgentRegistry.grantBySig, (g, signature));
        (bool done, ) = _attempt(_account(fault), address(sys.registry), data, reasons);
        if (!done) return;
        if (agentAt[g.agent] == 0) _enter(g.agent);
        ++nonceOf[g.agent];
        _bookGrant(agentAt[g.agent], g);
        _spent.push(SpentCall(_account(fault), data));
    }

    function revoke(uint256 who, uint256 operator) external {
        uint256 agentId = _agent(who);
        address account = operator % 4 == 0 ? _account(who) : eoaOf[agentId];
        agentId = agentAt[account];
        address target = operator % 2 == 0 ? _account(operator) : _lastOperator[agentId];
        Reasons.List memory reasons = Reasons.none();
        reasons.when(agentId == 0, abi.encodeWithSelector(IAgentRegistry.NotAgentOwner.selector, 0, account));
        bytes memory data = abi.encodeCall(IAgentRegistry.revoke, (target));
        (bool done, ) = _attempt(account, address(sys.registry), data, reasons);
        if (done) delete _grants[agentId][target];
    }

    function invalidateNonce(uint256 who) external {
        address account = _account(who);
        _attempt(account, address(sys.registry), abi.encodeCall(IAgentRegistry.invalidateNonce, ()), Reasons.none());
        ++nonceOf[account];
    }

    /// @dev A grant that is mostly good; its nonce is the next one.
    function _grantRequest(
        address agent,
        address operator,
        uint256 actions,
        uint256 life
    ) private view returns (IAgentRegistry.GrantRequest memory g) {
        g.agent = agent;
        g.operator = life % 16 == 0 ? address(0) : operator;
        g.actions = actions % 16 == 0 ? actions : actions % (Actions.ALL + 1);
        g.expiry = uint64(life % 16 == 1 ? block.timestamp - (life % 2) : block.timestamp + 1 + (life % 30 days));
        g.nonce = nonceOf[agent];
    }

    function _mustBeGrantable(Reasons.List memory reasons, IAgentRegistry.GrantRequest memory g) private view {
        reasons.when(
            g.actions > Actions.ALL,
            abi.encodeWithSelector(IAgentRegistry.UnknownActions.selector, g.actions)
        );
        reasons.when(
            g.operator == address(0) || g.operator == g.agent,
            abi.encodeWithSelector(IAgentRegistry.InvalidOperator.selector, g.operator)
        );
        reasons.when(
            g.actions != 0 && g.expiry <= block.timestamp,
            abi.encodeWithSelector(IAgentRegistry.GrantExpired.selector, g.expiry, block.timestamp)
        );
    }

    function _bookGrant(uint256 agentId, IAgentRegistry.GrantRequest memory g) private {
        _grants[agentId][g.operator] = Grant(g.actions, g.expiry, epochOf[agentId]);
        _lastOperator[agentId] = g.operator;
    }

    /// @dev An account may belong to one agent, and only to the one that it ever belonged to.
    function _mustBeFree(Reasons.List memory reasons, address account, uint256 agentId) internal view {
        uint256 present = agentAt[account];
        uint256 ever = everAgentAt[account];
        reasons.when(
            present != 0,
            abi.encodeWithSelector(IAgentRegistry.AddressAlreadyBound.selector, account, present)
        );
        reasons.when(
            present == 0 && ever != 0 && ever != agentId,
            abi.encodeWithSelector(IAgentRegistry.AddressRetired.selector, account, ever)
        );
    }

    function _expired(uint256 deadline) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IAgentRegistry.SignatureExpired.selector, deadline, block.timestamp);
    }
}
