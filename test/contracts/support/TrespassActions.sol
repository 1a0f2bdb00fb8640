// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IAgentRegistry} from "../../../contracts/interfaces/IAgentRegistry.sol";
import {IERC8004Identity} from "../../../contracts/interfaces/IERC8004Identity.sol";
import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {IPointsLedger} from "../../../contracts/interfaces/IPointsLedger.sol";
import {Till} from "../../../contracts/Till.sol";
import {LabelActions} from "./LabelActions.sol";
import {Reasons} from "./Reasons.sol";

/// @title What administrators may do, and what nobody may
abstract contract TrespassActions is LabelActions {
    using Reasons for Reasons.List;

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

    function attack(uint256 who, uint256 kind, uint256 seed) external {
        if (kind % 3 == 0) _replay(seed, who);
        if (kind % 3 == 1) _trespass(who, kind / 3, seed);
        if (kind % 3 == 2) _actAsFormerAccount(who, seed);
    }

    /// @dev No call that carried a signature goes through a second time, whoever sends it.
    function _replay(uint256 call, uint256 who) private {
        if (_spent.length == 0) return;
        SpentCall storage spent = _spent[call % _spent.length];
        address caller = who % 2 == 0 ? spent.caller : _account(who);
        (bool done, ) = callAs(caller, address(sys.registry), spent.data);
        isTrue(!done, "23: a signature was used twice");
    }

    /// @dev The ledgers obey the exchange alone, the tills too, and identities take no approvals.
    function _trespass(uint256 who, uint256 kind, uint256 seed) private {
        address thief = _account(who);
        uint256 agentId = _agent(seed);
        bytes memory mint = abi.encodeCall(IExperienceKey.mint, (1, agentId, thief, 0, 1, 0, 1, 0, true));
        bytes memory notExchange = abi.encodeWithSelector(IExperienceKey.NotExchange.selector, thief);
        if (kind % 7 == 0) _refused(thief, address(sys.keys), mint, notExchange);
        if (kind % 7 == 1) {
            uint256 keyId = _orders.length == 0 ? 1 : _someKey(seed);
            _refused(thief, address(sys.keys), abi.encodeCall(IExperienceKey.burn, (keyId)), notExchange);
        }
        if (kind % 7 == 2) {
            bytes memory award = abi.encodeCall(IPointsLedger.award, (1, 1, agentId, agentId + 1, thief, 1));
            _refused(thief, address(sys.points), award, notExchange);
        }
        if (kind % 7 == 3) {
            bytes memory notRegistrar = abi.encodeWithSelector(IAgentRegistry.NotRegistrar.selector, thief);
            _refused(thief, address(sys.registry), abi.encodeCall(IAgentRegistry.enroll, (thief)), notRegistrar);
        }
        if (kind % 7 == 4) _robTill(thief, seed);
        if (kind % 7 == 5) {
            bytes memory refused = abi.encodeWithSelector(IAgentRegistry.ApprovalRefused.selector);
            _refused(eoaOf[agentId], address(sys.registry), abi.encodeCall(IERC721.approve, (thief, agentId)), refused);
        }
        if (kind % 7 == 6) {
            bytes memory wanted = abi.encodeWithSelector(IAgentRegistry.WalletRequired.selector, agentId);
            bytes memory unset = abi.encodeCall(IERC8004Identity.unsetAgentWallet, (agentId));
            _refused(eoaOf[agentId], address(sys.registry), unset, wanted);
        }
    }

    /// @dev A key that its agent has left tries everything that it could before.
    function _actAsFormerAccount(uint256 who, uint256 seed) private {
        address old = _account(who);
        uint256 agentId = everAgentAt[old];
        if (agentId == 0 || agentAt[old] != 0 || isOperator(agentId, old)) return;
        bytes memory denied = abi.encodeWithSelector(IExchange.NotAuthorized.selector, agentId, old, 1);
        ICatalog.Terms memory terms;
        ICatalog.Content memory content;
        _refused(old, address(sys.catalog), abi.encodeCall(ICatalog.list, (agentId, terms, content)), denied);
        bytes memory retired = abi.encodeWithSelector(IAgentRegistry.AddressRetired.selector, old, agentId);
        _refused(old, address(sys.registry), abi.encodeWithSignature("register()"), retired);
        bytes memory noAgent = abi.encodeWithSelector(IAgentRegistry.NotAgentOwner.selector, 0, old);
        bytes memory grantIt = abi.encodeCall(IAgentRegistry.grant, (_other(old), 1, type(uint64).max));
        _refused(old, address(sys.registry), grantIt, noAgent);
        bytes memory notOwner = abi.encodeWithSelector(IAgentRegistry.NotAgentOwner.selector, agentId, old);
        bytes memory uri = abi.encodeCall(IERC8004Identity.setAgentURI, (agentId, "stolen"));
        _refused(old, address(sys.registry), uri, notOwner);
        denied = abi.encodeWithSelector(IExchange.NotAuthorized.selector, agentId, old, 0);
        bytes memory take = abi.encodeCall(IExchange.withdraw, (agentId, tokens[seed % tokens.length], old));
        _refused(old, address(sys.exchange), take, denied);
    }

    function _robTill(address thief, uint256 seed) private {
        bytes memory notTills = abi.encodeWithSelector(Till.NotTills.selector, thief);
        address till = sys.tills.tillImplementation();
        if (_quotes.length != 0 && _quote(seed).used) till = _quote(seed).till;
        _refused(thief, till, abi.encodeCall(Till.pay, (IERC20(tokens[0]), thief, 0)), notTills);
    }

    function _refused(address caller, address to, bytes memory data, bytes memory reason) private {
        Reasons.List memory reasons = Reasons.none();
        reasons.when(true, reason);
        _attempt(caller, to, data, reasons);
    }

    function _mustBeAdministrator(Reasons.List memory reasons, address caller) private view {
        reasons.when(
            caller != sys.admin,
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller)
        );
    }
}
