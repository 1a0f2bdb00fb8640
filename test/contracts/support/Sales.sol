// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {ListingActions} from "./ListingActions.sol";
import {Reasons} from "./Reasons.sol";
import {Vm} from "./Vm.sol";

/// @title What forbids a sale, and how a sale is booked and checked, whichever way it was paid
abstract contract Sales is ListingActions {
    using Reasons for Reasons.List;

    /// @dev A sale that is about to be tried.
    struct Trade {
        uint256 ekId;
        /// Whose agent gets the key.
        address recipient;
        address caller;
        /// Who the log is to say paid.
        address payer;
        /// The caller pays by allowance, and is an agent from then on.
        bool byWallet;
        /// Whoever gets the key asked for it.
        bool asked;
        uint256 maxPrice;
        uint256 deadline;
        bytes32 quoteHash;
        uint256 cost;
        /// Credits in the contract before it.
        uint256 sellerCredit;
        uint256 feeCredit;
    }

    function _trade(uint256 ekId, address caller) internal view returns (Trade memory t) {
        ICatalog.Listing storage offer = _listings[ekId];
        t.ekId = ekId;
        t.caller = caller;
        t.payer = caller;
        t.recipient = caller;
        t.cost = _priceOf(offer.terms, offer.sold);
        t.maxPrice = type(uint256).max;
        t.deadline = type(uint256).max;
        t.sellerCredit = sys.exchange.creditOf(offer.sellerId, offer.terms.token);
        t.feeCredit = sys.exchange.creditOf(feeAgentId, offer.terms.token);
    }

    /// @dev What keeps the listing from selling one key of `version` now.
    function _mustBeOpen(Reasons.List memory reasons, Trade memory t, uint32 version) internal view {
        ICatalog.Listing storage offer = _listings[t.ekId];
        uint256 time = block.timestamp;
        reasons.when(
            offer.status != ICatalog.Status.Active,
            abi.encodeWithSelector(IExchange.ListingNotActive.selector, t.ekId, offer.status)
        );
        reasons.when(
            version != offer.version,
            abi.encodeWithSelector(IExchange.VersionMismatch.selector, t.ekId, offer.version, version)
        );
        reasons.when(
            time < offer.terms.startTime,
            abi.encodeWithSelector(IExchange.NotStarted.selector, t.ekId, offer.terms.startTime, time)
        );
        reasons.when(
            offer.terms.endTime != 0 && time >= offer.terms.endTime,
            abi.encodeWithSelector(IExchange.Ended.selector, t.ekId, offer.terms.endTime, time)
        );
        reasons.when(
            offer.terms.supplyCap != 0 && offer.sold >= offer.terms.supplyCap,
            abi.encodeWithSelector(IExchange.SoldOut.selector, t.ekId, offer.terms.supplyCap)
        );
        reasons.when(
            t.cost > t.maxPrice,
            abi.encodeWithSelector(IExchange.CostAboveMaximum.selector, t.cost, t.maxPrice)
        );
        reasons.when(time > t.deadline, abi.encodeWithSelector(IExchange.DeadlinePassed.selector, t.deadline, time));
    }

    /// @dev Tries a sale, and when it went through books it and compares credits, key and log with the books.
    function _attemptSale(Trade memory t, bytes memory data, Reasons.List memory reasons) internal returns (bool done) {
        vm.recordLogs();
        bytes memory result;
        address target = t.quoteHash == 0 ? address(sys.exchange) : address(sys.tills);
        (done, result) = _attempt(t.caller, target, data, reasons);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (!done) return false;
        if (t.byWallet && agentAt[t.caller] == 0) _enter(t.caller);
        uint256 buyerId = agentAt[t.recipient] == 0 ? _enter(t.recipient) : agentAt[t.recipient];
        uint256 keyId = _bookKey(t.ekId, buyerId, t.asked);
        equal(abi.decode(result, (uint256)), keyId, "id of the new key");
        _bookOrder(t, buyerId, keyId);
        _checkLog(logs, t);
        _checkAccess(t.ekId, buyerId);
        ++_listings[t.ekId].sold;
        _bookPoints(t, buyerId);
    }

    function _bookPoints(Trade memory t, uint256 buyerId) private {
        uint256 sellerId = _listings[t.ekId].sellerId;
        bool operators = isOperator(sellerId, eoaOf[buyerId]) || isOperator(buyerId, eoaOf[sellerId]);
        bool endorsed = _vouches(t.ekId, _endorserOf[t.ekId], STAKE);
        uint256 payerId = t.cost == 0 ? 0 : everAgentAt[t.payer];
        _bookAward(PointsOrder(sellerId, buyerId, payerId, operators, _listings[t.ekId].sold, endorsed));
    }

    /// @dev Whether, and by which key, the agent may use the Experience now.
    function _checkAccess(uint256 ekId, uint256 agentId) internal view {
        uint256 expected = _accessKey(ekId, agentId);
        (uint256 keyId, IExperienceKey.Key memory key) = sys.keys.accessOf(ekId, agentId);
        equal(keyId, expected, "the key by which an agent may use an Experience");
        equal(key.agentId, _keys[expected].agentId, "its holder");
        equal(key.scopes, _keys[expected].scopes, "its scopes");
        uint256 end = key.expiry == 0 && expected != 0 ? type(uint256).max : key.expiry;
        equal(end, _usedUntil(expected, agentId), "the end of the use");
        isTrue(sys.keys.hasAccess(ekId, eoaOf[agentId], 0) == (expected != 0), "whether it may use it");
        isTrue(expected == 0 || sys.keys.hasAccess(ekId, eoaOf[agentId], key.scopes), "with which scopes");
    }

    function _bookKey(uint256 ekId, uint256 buyerId, bool asked) private returns (uint256 keyId) {
        ICatalog.Listing storage offer = _listings[ekId];
        keyId = _keyId(ekId, buyerId, bought[ekId][buyerId]++);
        if (ordersOf[keyId]++ != 0) isTrue(false, "4: a second order for one key");
        _keys[keyId] = IExperienceKey.Key({
            agentId: uint64(buyerId),
            version: offer.version,
            startTime: uint40(block.timestamp),
            expiry: offer.terms.keyTtl == 0 ? 0 : uint40(block.timestamp + offer.terms.keyTtl),
            scopes: offer.terms.scopes,
            flags: offer.terms.flags,
            announcedEpoch: epochOf[buyerId],
            minted: 0,
            lent: false
        });
        _keys[_keyId(ekId, buyerId, 0)].minted = uint24(bought[ekId][buyerId]);
        if (asked) _bookChoice(keyId, buyerId);
        else _bookGift(keyId, buyerId, false);
        ++keysHeldBy[buyerId];
    }

    /// @dev The exchange's part is the largest whole number of units that is not above its rate; the seller has the rest.
    function _bookOrder(Trade memory t, uint256 buyerId, uint256 keyId) private {
        ICatalog.Listing storage offer = _listings[t.ekId];
        address token = offer.terms.token;
        uint256 parts = t.cost * feeBps;
        uint256 fee = (parts - (parts % 10_000)) / 10_000;
        _earn(offer.sellerId, token, t.cost - fee);
        _earn(feeAgentId, token, fee);
        uint256 sellerShare = sys.exchange.creditOf(offer.sellerId, token) - t.sellerCredit;
        uint256 feeShare = fee;
        if (offer.sellerId == feeAgentId) sellerShare -= fee;
        else feeShare = sys.exchange.creditOf(feeAgentId, token) - t.feeCredit;
        _orders.push(
            Order({
                keyId: keyId,
                ekId: t.ekId,
                sellerId: offer.sellerId,
                buyerId: buyerId,
                token: token,
                price: t.cost,
                sellerShare: sellerShare,
                feeShare: feeShare,
                feeBps: feeBps,
                index: offer.sold,
                maxPrice: t.maxPrice,
                deadline: t.deadline,
                time: block.timestamp,
                quoteHash: t.quoteHash
            })
        );
    }

    /// @dev One sale, one event, and in it the state after the sale.
    function _checkLog(Vm.Log[] memory logs, Trade memory t) private view {
        Order storage o = _orders[_orders.length - 1];
        IExchange.Sale memory sale;
        sale.sellerId = o.sellerId;
        sale.version = _listings[t.ekId].version;
        sale.soldAfter = uint32(o.index + 1);
        sale.expiry = _keys[o.keyId].expiry;
        sale.payer = t.payer;
        sale.token = o.token;
        sale.price = o.price;
        sale.payerId = t.byWallet ? agentAt[t.caller] : o.buyerId;
        sale.feeBps = uint16(o.feeBps);
        sale.paymentRef = t.quoteHash;
        sale.by = t.caller;
        uint256 seen;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(sys.exchange) || logs[i].topics[0] != IExchange.KeySold.selector) continue;
            ++seen;
            bytes32[] memory topics = logs[i].topics;
            equal(uint256(topics[1]), o.ekId, "KeySold: listing");
            equal(uint256(topics[2]), o.buyerId, "KeySold: buyer");
            equal(uint256(topics[3]), o.keyId, "KeySold: key");
            equal(logs[i].data, abi.encode(sale), "KeySold: sale");
        }
        equal(seen, 1, "KeySold events of one sale");
    }
}
