// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {LabelActions} from "./LabelActions.sol";
import {Reasons} from "./Reasons.sol";

/// @title Both sides, the disputes desk and strangers let money go, take it back, freeze it and rule on it
abstract contract OrderActions is LabelActions {
    using Reasons for Reasons.List;

    function release(uint256 order, uint256 who) public {
        if (_orders.length == 0) return;
        Order storage o = _waiting(order);
        Reasons.List memory reasons = _mustBe(o, IOrders.OrderStatus.Held);
        reasons.when(
            block.timestamp < o.releaseTime,
            abi.encodeWithSelector(IExchange.ReleaseTooEarly.selector, o.keyId, o.releaseTime, block.timestamp)
        );
        if (_onOrder(_party(o, who), abi.encodeCall(IExchange.release, (o.keyId)), reasons)) _bookEnd(o, 0);
    }

    function accept(uint256 order, uint256 who) external {
        if (_orders.length == 0) return;
        Order storage o = _waiting(order);
        address caller = who % 2 == 0 ? eoaOf[o.payerId] : _party(o, who);
        Reasons.List memory reasons = _mustBe(o, IOrders.OrderStatus.Held);
        bytes memory notBuyer = abi.encodeWithSelector(IExchange.NotBuyer.selector, o.keyId, caller);
        reasons.when(caller != eoaOf[o.payerId], notBuyer);
        if (_onOrder(caller, abi.encodeCall(IExchange.accept, (o.keyId)), reasons)) _bookEnd(o, 0);
    }

    /// @dev The seller may at any time, the buyer in time and as the version's terms say, nobody else ever.
    function refund(uint256 order, uint256 who) public {
        if (_orders.length == 0) return;
        Order storage o = _waiting(order);
        address caller = _party(o, who);
        ICatalog.RefundTerms terms = _versions[o.ekId][o.version].refundTerms;
        bool agreed = terms == ICatalog.RefundTerms.Full;
        if (terms == ICatalog.RefundTerms.UntilAccess) agreed = !o.accessed;
        bool entitled = caller == eoaOf[o.payerId] && agreed && block.timestamp < o.releaseTime;
        Reasons.List memory reasons = _mustBe(o, IOrders.OrderStatus.Held);
        reasons.when(
            !entitled && caller != eoaOf[o.sellerId],
            abi.encodeWithSelector(IExchange.RefundRefused.selector, o.keyId, caller, terms)
        );
        if (_onOrder(caller, abi.encodeCall(IExchange.refund, (o.keyId)), reasons)) _bookEnd(o, o.price);
    }

    function freeze(uint256 order, uint256 who) public {
        if (_orders.length == 0) return;
        Order storage o = _waiting(order);
        address caller = who % 8 == 0 ? _party(o, who / 8) : DISPUTES;
        Reasons.List memory reasons = _mustBe(o, IOrders.OrderStatus.Held);
        _mustBeDesk(reasons, caller);
        reasons.when(
            block.timestamp >= o.releaseTime,
            abi.encodeWithSelector(IOrders.RefundWindowOver.selector, o.keyId, o.releaseTime, block.timestamp)
        );
        if (!_onOrder(caller, abi.encodeCall(IOrders.freeze, (o.keyId)), reasons)) return;
        o.status = IOrders.OrderStatus.Disputed;
        _touch(o.keyId);
    }

    /// @dev All to one side, a part to each, or more than there is. Where there is nothing to rule on, nothing happens.
    function settle(uint256 order, uint256 share, uint256 who) external {
        if (_orders.length == 0) return;
        Order storage o = _someOrder(order, IOrders.OrderStatus.Disputed);
        address caller = who % 8 == 0 ? _party(o, who / 8) : DISPUTES;
        uint256 toBuyer = share % 4 == 0 ? 0 : o.price;
        if (share % 4 > 1) toBuyer = share % (o.price + 1);
        if (share % 16 == 1) ++toBuyer;
        bool disputed = o.status == IOrders.OrderStatus.Disputed;
        Reasons.List memory reasons = Reasons.none();
        _mustBeDesk(reasons, caller);
        reasons.when(
            disputed && toBuyer > o.price,
            abi.encodeWithSelector(IOrders.SettlementAboveAmount.selector, o.keyId, toBuyer, o.price)
        );
        bool done = _onOrder(caller, abi.encodeCall(IOrders.settle, (o.keyId, toBuyer)), reasons);
        if (done && disputed) _bookEnd(o, toBuyer);
    }

    /// @dev Two orders, one of them twice, and a key that is not there.
    function recordAccess(uint256 order, uint256 other, uint256 who) external {
        if (_orders.length == 0) return;
        address caller = who % 8 == 0 ? _account(who / 8) : RECORDER;
        uint256[] memory keyIds = new uint256[](4);
        keyIds[0] = _waiting(order).keyId;
        keyIds[1] = _waiting(other).keyId;
        keyIds[2] = keyIds[0];
        keyIds[3] = keyIds[0] + 2 ** 20;
        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            caller != RECORDER,
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller)
        );
        if (!_onOrder(caller, abi.encodeCall(IExchange.recordAccess, (keyIds)), reasons)) return;
        for (uint256 i; i < 2; ++i) {
            Order storage o = _orders[_places[keyIds[i]] - 1];
            if (o.status == IOrders.OrderStatus.Held) o.accessed = true;
            _touch(keyIds[i]);
        }
    }

    function _waiting(uint256 seed) internal view returns (Order storage) {
        return _someOrder(seed, IOrders.OrderStatus.Held);
    }

    function _onOrder(address caller, bytes memory data, Reasons.List memory reasons) private returns (bool done) {
        (done, ) = _attempt(caller, address(sys.exchange), data, reasons);
    }

    /// @dev The one that paid, the seller, the key's holder, an account that the payer's agent had before, or anybody.
    function _party(Order storage o, uint256 seed) internal view returns (address account) {
        uint256 kind = seed % 8;
        if (kind < 3) return eoaOf[o.payerId];
        if (kind == 3) return eoaOf[o.sellerId];
        if (kind == 4) account = eoaOf[_keys[o.keyId].agentId];
        if (kind == 5) account = eoaAt[o.payerId][0];
        return account == address(0) ? _account(seed / 8) : account;
    }

    function _mustBe(Order storage o, IOrders.OrderStatus status) private view returns (Reasons.List memory reasons) {
        reasons = Reasons.none();
        reasons.when(o.status != status, abi.encodeWithSelector(IOrders.OrderNotInStatus.selector, o.keyId, o.status));
    }

    function _mustBeDesk(Reasons.List memory reasons, address caller) private pure {
        reasons.when(caller != DISPUTES, abi.encodeWithSelector(IExchange.WrongCaller.selector, caller, DISPUTES));
    }
}
