// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {ListingActions} from "./ListingActions.sol";
import {Reasons} from "./Reasons.sol";

/// @title What forbids a sale, and how a sale is booked and checked, whichever way it was paid
abstract contract Sales is ListingActions {
    using Reasons for Reasons.List;

    /// @dev A sale that is about to be tried.
    struct Trade {
        uint256 ekId;
        /// Whose agent gets the key.
        address recipient;
        address caller;
        /// Who the log is to say called: the caller, but for cards.
        address by;
        /// Who the log is to say paid.
        address payer;
        /// The payer is an agent from then on, and gets refunds; else whoever gets the key does.
        bool enrolls;
        /// Whoever gets the key asked for it.
        bool asked;
        /// Paid with points: no money, and no award.
        bool forPoints;
        uint256 maxPrice;
        uint256 deadline;
        bytes32 paymentRef;
        uint256 referrerId;
        /// How long the money waits at least.
        uint256 hold;
        /// The number of keys sold before.
        uint256 index;
        uint256 cost;
    }

    function _trade(uint256 ekId, address caller) internal view returns (Trade memory t) {
        ICatalog.Listing storage offer = _listings[ekId];
        t.ekId = ekId;
        t.caller = caller;
        t.by = caller;
        t.payer = caller;
        t.recipient = caller;
        t.index = offer.sold;
        t.cost = _priceOf(offer.terms, offer.sold);
        t.maxPrice = type(uint256).max;
        t.deadline = type(uint256).max;
    }

    /// @dev What keeps the listing from selling one key of `version` now.
    function _mustBeOpen(Reasons.List memory reasons, Trade memory t, uint32 version) internal view {
        uint32 cap = _listings[t.ekId].terms.supplyCap;
        reasons.when(cap != 0 && t.index >= cap, abi.encodeWithSelector(IExchange.SoldOut.selector, t.ekId, cap));
        _mustBeOpenUncapped(reasons, t, version);
    }

    /// @dev The same for what takes no key out of the supply.
    function _mustBeOpenUncapped(Reasons.List memory reasons, Trade memory t, uint32 version) internal view {
        ICatalog.Listing storage offer = _listings[t.ekId];
        uint256 time = block.timestamp;
        reasons.when(time < pausedUntil, abi.encodeWithSelector(IExchange.Paused.selector, pausedUntil));
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
            t.cost > t.maxPrice,
            abi.encodeWithSelector(IExchange.CostAboveMaximum.selector, t.cost, t.maxPrice)
        );
        reasons.when(time > t.deadline, abi.encodeWithSelector(IExchange.DeadlinePassed.selector, t.deadline, time));
    }

    /// @dev Tries a sale, and when it went through books it and compares key and log with the books.
    function _attemptSale(
        Trade memory t,
        address target,
        bytes memory data,
        Reasons.List memory reasons
    ) internal returns (bool done) {
        bytes memory result;
        (done, result) = _attempt(t.caller, target, data, reasons);
        if (!done) return false;
        uint256 keyId = _bookSale(t);
        equal(abi.decode(result, (uint256)), keyId, "id of the new key");
        _checkAccess(t.ekId, agentAt[t.recipient]);
    }

    function _bookSale(Trade memory t) internal returns (uint256 keyId) {
        if (t.enrolls && agentAt[t.payer] == 0) _enter(t.payer);
        uint256 buyerId = agentAt[t.recipient] == 0 ? _enter(t.recipient) : agentAt[t.recipient];
        keyId = _bookKey(t.ekId, buyerId, t.asked);
        Order storage o = _bookOrder(t, buyerId, keyId);
        ++_listings[t.ekId].sold;
        _bookPrice(o);
        if (o.releaseTime == 0 && !t.forPoints) _bookPoints(o, everAgentAt[t.payer]);
        _checkLog(o, t);
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

    function _bookOrder(Trade memory t, uint256 buyerId, uint256 keyId) private returns (Order storage o) {
        ICatalog.Listing storage offer = _listings[t.ekId];
        o = _orders.push();
        _places[keyId] = _orders.length;
        _touch(keyId);
        o.keyId = keyId;
        o.ekId = t.ekId;
        o.sellerId = offer.sellerId;
        o.buyerId = buyerId;
        o.payerId = t.enrolls ? agentAt[t.payer] : buyerId;
        o.referrerId = t.referrerId;
        o.version = offer.version;
        o.token = offer.terms.token;
        o.price = t.cost;
        o.feeBps = feeBps;
        o.index = t.index;
        o.maxPrice = t.maxPrice;
        o.deadline = t.deadline;
        o.time = block.timestamp;
        o.paymentRef = t.paymentRef;
        uint256 wait = t.hold > offer.terms.refundWindow ? t.hold : offer.terms.refundWindow;
        if (t.cost != 0 && wait != 0) o.releaseTime = block.timestamp + wait;
    }

    /// @dev One sale, one event, and in it the state after the sale.
    function _checkLog(Order storage o, Trade memory t) private view {
        IExchange.Sale memory sale;
        sale.sellerId = o.sellerId;
        sale.version = o.version;
        sale.soldAfter = uint32(o.index + 1);
        sale.expiry = _keys[o.keyId].expiry;
        sale.payer = t.payer;
        sale.payerId = o.payerId;
        sale.token = o.token;
        sale.price = o.price;
        sale.releaseTime = uint40(o.releaseTime);
        sale.feeBps = uint16(o.feeBps);
        sale.referrerId = o.referrerId;
        sale.paymentRef = o.paymentRef;
        sale.by = t.by;
        bytes32 expected = keccak256(abi.encode(o.ekId, o.buyerId, abi.encode(sale)));
        equal(_told[o.keyId].sale, expected, "26: what the log says of a sale");
    }
}
