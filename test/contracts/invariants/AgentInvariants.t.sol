// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IPointsLedger} from "../../../contracts/interfaces/IPointsLedger.sol";
import {Books} from "../support/Books.sol";
import {Inspection} from "./Inspection.sol";

/// @title Agents are their present accounts, and parameters are the administrators'
abstract contract AgentInvariants is Inspection {
    /// 22. Rotation changes no agent's keys, points or credits; afterwards the old key authorises nothing.
    /// @dev That nothing changes is asserted at each rotation; here every account that an agent has left is asked what it can do.
    function invariant_22_formerAccountsAreNobody() internal view {
        Books.AccountEntry[] memory accounts = books.accountEntries();
        for (uint256 i; i < accounts.length; ++i) {
            if (accounts[i].everAgentId == 0 || accounts[i].agentId != 0) continue;
            (address old, uint256 agentId) = (accounts[i].account, accounts[i].everAgentId);
            equal(sys.registry.agentOf(old), 0, "22: a former account is still an agent's");
            equal(sys.registry.balanceOf(old), 0, "22: a former account owns an identity");
            equal(sys.keys.balanceOf(old), 0, "22: a former account has keys");
            isTrue(!sys.registry.isAuthorizedOrOwner(old, agentId), "22: a former account controls the agent");
            bool acts;
            for (uint256 action = 1; action < 16; action *= 2) {
                acts = acts || sys.registry.canAct(agentId, old, action);
            }
            isTrue(!acts || books.isOperator(agentId, old), "22: a former account acts for the agent");
            for (uint256 ekId = 1; ekId <= books.listingCount(); ++ekId) {
                isTrue(!sys.keys.hasAccess(ekId, old, 0), "22: a former account has access");
            }
        }
    }

    /// 23. Every nonce is used at most once; agent id ↔ EOA is one-to-one.
    function invariant_23_oneAgentOneAccount() internal view {
        Books.AgentEntry[] memory agents = books.agents();
        equal(sys.registry.agentCount(), agents.length, "23: agents");
        for (uint256 i; i < agents.length; ++i) {
            address eoa = sys.registry.eoaOf(i + 1);
            equal(eoa, agents[i].eoa, "23: account of an agent");
            (uint256 bound, uint32 epoch) = sys.registry.bindingOf(eoa);
            equal(bound, i + 1, "23: agent of the account");
            equal(epoch, agents[i].epoch, "23: epoch of the binding");
            equal(sys.registry.epochOf(i + 1), epoch, "23: epoch of the agent");
        }
        Books.AccountEntry[] memory accounts = books.accountEntries();
        for (uint256 i; i < accounts.length; ++i) {
            address account = accounts[i].account;
            equal(sys.registry.agentOf(account), accounts[i].agentId, "23: agent of an account");
            equal(sys.registry.lastAgentOf(account), accounts[i].everAgentId, "23: the only agent of an account");
            equal(sys.registry.nonces(account), accounts[i].nonces, "23: nonces used");
        }
    }

    /// 24. Only listed roles change parameters, within bounds; open orders keep their snapshot.
    /// @dev That an order keeps the fee of its sale is in the shares that it is split into.
    function invariant_24_parametersAreTheAdministrators() internal view {
        address[] memory tokens = books.tokenList();
        for (uint256 t; t < tokens.length; ++t) {
            isTrue(sys.catalog.isTokenAllowed(tokens[t]) == books.tokenAllowed(tokens[t]), "24: the allowed tokens");
            (, uint256 cap) = sys.cards.spentToday(tokens[t]);
            equal(cap, 10 ** 10, "24: the cap of the card issuer");
        }
        isTrue(sys.catalog.isCurveAllowed(address(sys.fixedPrice)), "24: a curve was taken off");
        isTrue(sys.catalog.isCurveAllowed(address(sys.linearPrice)), "24: a curve was taken off");
        equal(sys.cards.hold(), 5 days, "24: the hold of the card issuer");
        bytes memory policy = abi.encode(IPointsLedger.Policy(2, 1, 5, 100, 5, 50));
        equal(abi.encode(sys.points.policy()), policy, "24: the policy of the points");
    }

    /// 25. A pause always expires.
    function invariant_25_pauseExpires() internal view {
        equal(sys.exchange.pausedUntil(), books.pausedUntil(), "25: the end of the pause");
        isTrue(sys.exchange.pausedUntil() <= block.timestamp + 7 days, "25: a pause without end");
    }
}
