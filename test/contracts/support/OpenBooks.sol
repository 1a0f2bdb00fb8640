// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {Books} from "./Books.sol";

/// @title The books, open for the invariants to read
/// @dev Each function answers for all there is: an invariant asks after every step, and calls cost more than memory.
abstract contract OpenBooks is Books {
    function listings() external view returns (ICatalog.Listing[] memory all) {
        all = new ICatalog.Listing[](listingCount);
        for (uint256 i; i < listingCount; ++i) {
            all[i] = _listings[i + 1];
        }
    }

    function orders() external view returns (Order[] memory) {
        return _orders;
    }

    /// @notice The keys behind the orders, in the orders' order.
    function keys() external view returns (IExperienceKey.Key[] memory all) {
        all = new IExperienceKey.Key[](_orders.length);
        for (uint256 i; i < all.length; ++i) {
            all[i] = _keys[_orders[i].keyId];
        }
    }

    /// @notice Who rents the keys behind the orders, in the orders' order; the zero address for nobody.
    function users() external view returns (address[] memory all) {
        all = new address[](_orders.length);
        for (uint256 i; i < all.length; ++i) {
            all[i] = eoaOf[_tenant(_orders[i].keyId)];
        }
    }

    function quotes() external view returns (QuoteEntry[] memory) {
        return _quotes;
    }

    function payments() external view returns (Payment[] memory) {
        return _payments;
    }

    /// @notice Agent number `i + 1` at place `i`.
    function agents() external view returns (AgentEntry[] memory all) {
        all = new AgentEntry[](agentCount);
        for (uint256 i; i < agentCount; ++i) {
            all[i] = AgentEntry(eoaOf[i + 1], epochOf[i + 1], pointsOf[i + 1], keysHeldBy[i + 1]);
        }
    }

    function accountEntries() external view returns (AccountEntry[] memory all) {
        all = new AccountEntry[](accounts.length);
        for (uint256 i; i < all.length; ++i) {
            address account = accounts[i];
            all[i] = AccountEntry(account, agentAt[account], everAgentAt[account], nonceOf[account]);
        }
    }

    /// @notice What agent number `i + 1` has earned in the token, withdrawn, and not yet withdrawn.
    function revenues(address token) external view returns (Revenue[] memory all) {
        all = new Revenue[](agentCount);
        for (uint256 i; i < agentCount; ++i) {
            all[i] = Revenue(earned[i + 1][token], withdrawn[i + 1][token], creditOf[i + 1][token]);
        }
    }

    /// @notice Everybody who may hold the token, and how much of it they should have.
    function balances(address token) external view returns (address[] memory holders, uint256[] memory amounts) {
        uint256 people = accounts.length;
        holders = new address[](people + _quotes.length + 1);
        amounts = new uint256[](holders.length);
        holders[holders.length - 1] = COLD_WALLET;
        for (uint256 i; i < people; ++i) {
            holders[i] = accounts[i];
        }
        for (uint256 i; i < _quotes.length; ++i) {
            holders[people + i] = _quotes[i].till;
        }
        for (uint256 i; i < holders.length; ++i) {
            amounts[i] = held[token][holders[i]];
        }
    }

    function tokenList() external view returns (address[] memory) {
        return tokens;
    }

    function labelSums(uint256 ekId) external view returns (LabelSums memory) {
        return _labelSums[ekId];
    }
}
