// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {Chronicle} from "./Chronicle.sol";

/// @title The books, open for the invariants to read
/// @dev Each function answers for all there is: an invariant asks after every step, and calls cost more than memory.
abstract contract OpenBooks is Chronicle {
    struct AgentEntry {
        address eoa;
        uint32 epoch;
        uint256 points;
        uint256 keys;
    }

    struct AccountEntry {
        address account;
        uint256 agentId;
        uint256 everAgentId;
        uint256 nonces;
    }

    struct Revenue {
        uint256 earned;
        uint256 withdrawn;
        uint256 open;
        uint256 told;
    }

    struct Page {
        Order order;
        Told told;
        IExperienceKey.Key key;
        address user;
    }

    function listings() external view returns (ICatalog.Listing[] memory all) {
        all = new ICatalog.Listing[](listingCount);
        for (uint256 i; i < listingCount; ++i) {
            all[i] = _listings[i + 1];
        }
    }

    /// @notice The orders to look at now: the ones touched last, one at random, and now and then all; what the log tells of each, and who
    /// rents its key.
    function page(bool all) external view returns (Page[] memory entries) {
        uint256 count = _orders.length;
        if (count == 0) return entries;
        entries = new Page[](all ? count : _touched.length + 1);
        for (uint256 i; i < entries.length; ++i) {
            uint256 place = steps % count;
            if (all) place = i;
            else if (i < _touched.length && _touched[i] != 0) place = _touched[i] - 1;
            Order storage o = _orders[place];
            entries[i] = Page(o, _told[o.keyId], _keys[o.keyId], eoaOf[_tenant(o.keyId)]);
        }
    }

    function orderCount() external view returns (uint256) {
        return _orders.length;
    }

    /// @notice What all open orders hold of the token, and all listings' pots.
    function waiting(address token) external view returns (uint256 escrow, uint256 bounties) {
        for (uint256 i; i < _orders.length; ++i) {
            if (_orders[i].token == token) escrow += _orders[i].held;
        }
        for (uint256 ekId = 1; ekId <= listingCount; ++ekId) {
            bounties += bountyOf[ekId][token];
        }
    }

    function paymentRefs() external view returns (bytes32[] memory all) {
        all = new bytes32[](_orders.length);
        for (uint256 i; i < all.length; ++i) {
            all[i] = _orders[i].paymentRef;
        }
    }

    /// @notice The keys of all orders whose money waits.
    function openKeys() external view returns (uint256[] memory all) {
        uint256 count;
        all = new uint256[](_orders.length);
        for (uint256 i; i < _orders.length; ++i) {
            if (_orders[i].held != 0) all[count++] = _orders[i].keyId;
        }
        assembly ("memory-safe") {
            mstore(all, count)
        }
    }

    function charges() external view returns (ChargeEntry[] memory) {
        return _charges;
    }

    function quotes() external view returns (QuoteEntry[] memory) {
        return _quotes;
    }

    /// @notice The transfers into open quotes' tills, by the numbers of their receipts.
    function sent() external view returns (Sent[] memory) {
        return _sent;
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
            uint256 told = toldCreditOf[i + 1][token];
            all[i] = Revenue(earned[i + 1][token], withdrawn[i + 1][token], creditOf[i + 1][token], told);
        }
    }

    /// @notice Everybody who may hold the token, and how much of it they should have.
    function balances(address token) external view returns (address[] memory holders, uint256[] memory amounts) {
        uint256 people = accounts.length;
        holders = new address[](people + _quotes.length + 2);
        amounts = new uint256[](holders.length);
        holders[holders.length - 1] = COLD_WALLET;
        holders[holders.length - 2] = cardDesk;
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
