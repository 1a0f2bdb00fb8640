// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IAgentRegistry} from "../../../contracts/interfaces/IAgentRegistry.sol";
import {IERC8004Identity} from "../../../contracts/interfaces/IERC8004Identity.sol";
import {ICardIssuer} from "../../../contracts/interfaces/ICardIssuer.sol";
import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {IPointsLedger} from "../../../contracts/interfaces/IPointsLedger.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";
import {Till} from "../../../contracts/Till.sol";
import {HouseActions} from "./HouseActions.sol";
import {Reasons} from "./Reasons.sol";

/// @title What nobody may
abstract contract TrespassActions is HouseActions {
    using Reasons for Reasons.List;

    function attack(uint256 who, uint256 kind, uint256 seed) external {
        if (kind % 4 == 0) _replay(seed, who);
        if (kind % 4 == 1) _trespass(who, kind / 4, seed);
        if (kind % 4 == 2) _actAsFormerAccount(who, seed);
        if (kind % 4 == 3) _knock(who, kind / 4, seed);
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
            uint256 keyId = _someKey(seed);
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

    /// @dev Doors of the exchange that are for one caller each.
    function _knock(uint256 who, uint256 kind, uint256 seed) private {
        if (kind % 6 == 5) return _govern(_account(who));
        uint256 ekId = _listingId(seed);
        address owner = cardDesk;
        bytes memory data = abi.encodeCall(IExchange.reverse, (_someKey(seed)));
        if (kind % 6 == 1) {
            IExchange.Purchase memory purchase;
            data = abi.encodeCall(IExchange.buyForCard, (purchase, 0));
        } else if (kind % 6 == 2) {
            data = abi.encodeCall(IExchange.setVersion, (ekId, 9, owner));
            owner = address(sys.catalog);
        } else if (kind % 6 == 3) {
            data = abi.encodeCall(IExchange.setStatus, (ekId, ICatalog.Status.None));
            owner = address(sys.catalog);
        } else if (kind % 6 == 4) {
            ITills.Quote memory q;
            IExchange.TillPayment memory payment;
            data = abi.encodeCall(IExchange.sellToTill, (q, 0, payment));
            owner = address(sys.tills);
        }
        bytes memory wrong = abi.encodeWithSelector(IExchange.WrongCaller.selector, _account(who), owner);
        _refused(_account(who), address(sys.exchange), data, wrong);
    }

    /// @dev What roles may do, by somebody who has none.
    function _govern(address thief) private {
        bytes memory unauthorized = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, thief);
        _refused(thief, address(sys.cards), abi.encodeCall(ICardIssuer.setHold, (1)), unauthorized);
        bytes memory data = abi.encodeCall(ICardIssuer.setDailyCap, (tokens[0], type(uint256).max));
        _refused(thief, address(sys.cards), data, unauthorized);
        data = abi.encodeCall(ICardIssuer.withdrawFloat, (tokens[0], thief, 0));
        _refused(thief, address(sys.cards), data, unauthorized);
        IPointsLedger.Policy memory policy = IPointsLedger.Policy(10, 10, 50, 10_000, 1000, 100);
        _refused(thief, address(sys.points), abi.encodeCall(IPointsLedger.setPolicy, (policy)), unauthorized);
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
        _wantBack(old, agentId);
    }

    /// @dev The rights of a buyer and of a seller have moved with the agent.
    function _wantBack(address old, uint256 agentId) private {
        for (uint256 i; i < _orders.length; ++i) {
            Order storage o = _orders[i];
            if (o.status != IOrders.OrderStatus.Held || (o.payerId != agentId && o.sellerId != agentId)) continue;
            bytes memory denied = abi.encodeWithSelector(IExchange.NotBuyer.selector, o.keyId, old);
            _refused(old, address(sys.exchange), abi.encodeCall(IExchange.accept, (o.keyId)), denied);
            ICatalog.RefundTerms terms = _versions[o.ekId][o.version].refundTerms;
            denied = abi.encodeWithSelector(IExchange.RefundRefused.selector, o.keyId, old, terms);
            _refused(old, address(sys.exchange), abi.encodeCall(IExchange.refund, (o.keyId)), denied);
            return;
        }
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
}
