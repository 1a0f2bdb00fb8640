// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {Reasons} from "./Reasons.sol";
import {RentalActions} from "./RentalActions.sol";

/// @title Anybody prolongs keys
abstract contract RenewalActions is RentalActions {
    using Reasons for Reasons.List;

    /// @param fault 0: a maximum below the price, 1: too late, 2: a key that is not there, 3: no sufficient allowance; else none.
    function renew(uint256 order, uint256 who, uint256 seed, uint256 fault) external {
        fault %= 16;
        uint256 keyId = _renewable(order);
        if (keyId == 0) return;
        Order storage o = _orders[_places[keyId] - 1];
        Trade memory t = _trade(o.ekId, who % 2 == 0 ? eoaOf[_keys[keyId].agentId] : _account(who));
        t.maxPrice = t.cost + (seed % 3 == 0 ? 0 : seed % 1_000_000);
        t.deadline = block.timestamp + (seed % 2 == 0 ? 0 : seed % 1 days);
        if (fault == 0 && t.cost != 0) t.maxPrice = t.cost - 1;
        if (fault == 1) t.deadline = block.timestamp - 1;
        Reasons.List memory reasons = _mustBeRenewable(o, t);
        if (fault == 2) keyId += 2 ** 20;
        reasons.when(fault == 2, abi.encodeWithSelector(IExperienceKey.UnknownKey.selector, keyId));
        uint256 allowance = fault == 3 ? t.cost / 2 : t.cost;
        _provide(_listings[o.ekId].terms.token, t.caller, t.cost, allowance);
        _mustBeAllowed(reasons, allowance, t.cost);
        bytes memory data = abi.encodeCall(IExchange.renew, (keyId, t.maxPrice, t.deadline));
        (bool done, bytes memory result) = _attempt(t.caller, address(sys.exchange), data, reasons);
        if (!done) return;
        _move(_listings[o.ekId].terms.token, t.caller, address(sys.exchange), t.cost);
        _bookRenewal(o, t);
        equal(abi.decode(result, (uint256)), _keys[keyId].expiry, "until when a key was prolonged");
        _checkAccess(o.ekId, _keys[keyId].agentId);
    }

    /// @dev From its end on, or from now; the money is the seller's side's at once, at the present fee, and nobody brought the buyer.
    function _bookRenewal(Order storage o, Trade memory t) private {
        if (agentAt[t.caller] == 0) _enter(t.caller);
        IExperienceKey.Key storage key = _keys[o.keyId];
        uint256 from = key.expiry > block.timestamp ? key.expiry : block.timestamp;
        key.expiry = uint40(from + _listings[o.ekId].terms.keyTtl);
        o.paid += t.cost;
        _touch(o.keyId);
        _bookSplit(o, t.cost, feeBps, 0);
    }

    function _mustBeRenewable(Order storage o, Trade memory t) private view returns (Reasons.List memory reasons) {
        reasons = Reasons.none();
        uint32 version = _keys[o.keyId].version;
        _mustBeOpenUncapped(reasons, t, version);
        bool endless = _keys[o.keyId].expiry == 0 || _listings[o.ekId].terms.keyTtl == 0;
        reasons.when(endless || o.held != 0, abi.encodeWithSelector(IExchange.NotRenewable.selector, o.keyId, version));
        if (agentAt[t.caller] == 0) _mustBeFree(reasons, t.caller, 0);
    }

    /// @dev Mostly a key of a present version that ends, where there is one.
    function _renewable(uint256 seed) private view returns (uint256 keyId) {
        for (uint256 i; i < _orders.length && seed % 8 != 0; ++i) {
            keyId = _someKey((seed % _orders.length) + i);
            ICatalog.Listing storage offer = _listings[keyId >> 96];
            if (keyId != 0 && _keys[keyId].expiry != 0 && _keys[keyId].version == offer.version) return keyId;
        }
        keyId = _someKey(seed);
    }
}
