// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {KeyBook} from "./KeyBook.sol";

/// @title Orders as they ought to be: who gets which part of the money, and when
abstract contract OrderBook is KeyBook {
    /// @dev What the sale was is filled in; here its money is put where it belongs.
    function _bookPrice(Order storage o) internal {
        o.paid = o.price;
        if (o.releaseTime != 0) {
            o.status = IOrders.OrderStatus.Held;
            o.held = o.price;
        } else if (o.price != 0) {
            _bookSplit(o, o.price, o.feeBps, o.referrerId);
        }
    }

    /// @dev Shared among all that the version names: each part is the largest whole number of units that is not above its rate; the
    /// seller has what is left.
    function _bookSplit(Order storage o, uint256 amount, uint256 rate, uint256 referrerId) internal {
        ICatalog.Terms storage terms = _versions[o.ekId][o.version];
        ++o.splits;
        uint256 left = amount;
        left -= _bookShare(o, IExchange.Share.Fee, feeAgentId, amount * rate);
        left -= _bookShare(o, IExchange.Share.Bounty, 0, amount * terms.bountyBps);
        for (uint256 i; i < terms.royalties.length; ++i) {
            uint256 parentSeller = _listings[terms.royalties[i].ekId].sellerId;
            left -= _bookShare(o, IExchange.Share.Royalty, parentSeller, amount * terms.royalties[i].bps);
        }
        if (referrerId != 0) {
            left -= _bookShare(o, IExchange.Share.Referral, referrerId, amount * terms.referralBps);
        }
        _bookShare(o, IExchange.Share.Seller, o.sellerId, left * 10_000);
    }

    /// @dev The order's end: something goes back to who paid, the rest to the seller's side; all of it back takes the key.
    function _bookEnd(Order storage o, uint256 toBuyer) internal {
        _touch(o.keyId);
        bool refunded = toBuyer == o.price;
        o.status = refunded ? IOrders.OrderStatus.Refunded : IOrders.OrderStatus.Released;
        o.held = 0;
        _bookShare(o, IExchange.Share.Refund, o.payerId, toBuyer * 10_000);
        if (refunded) {
            --_listings[o.ekId].sold;
            _bookBurn(o.keyId);
            return;
        }
        _bookSplit(o, o.price - toBuyer, o.feeBps, o.referrerId);
        if (toBuyer == 0) _bookPoints(o, o.payerId);
    }

    /// @dev Points for a sale that is complete; `payerId` is the agent that the payer is or ever was.
    function _bookPoints(Order storage o, uint256 payerId) internal {
        (uint256 sellerId, uint256 buyerId) = (o.sellerId, o.buyerId);
        bool operators = isOperator(sellerId, eoaOf[buyerId]) || isOperator(buyerId, eoaOf[sellerId]);
        bool endorsed = _vouches(o.ekId, _endorserOf[o.ekId], STAKE);
        _bookAward(PointsOrder(sellerId, buyerId, payerId, operators, _listings[o.ekId].sold, endorsed));
    }

    /// @param exact The share times 10,000.
    function _bookShare(
        Order storage o,
        IExchange.Share share,
        uint256 agentId,
        uint256 exact
    ) private returns (uint256 amount) {
        amount = (exact - (exact % 10_000)) / 10_000;
        o.shares[uint256(share)] += amount;
        o.exact[uint256(share)] += exact;
        if (share == IExchange.Share.Bounty) bountyOf[o.ekId][o.token] += amount;
        else _earn(agentId, o.token, amount);
    }

    /// @dev Mostly an order in this state, where there is one; any otherwise. There is at least one.
    function _someOrder(uint256 seed, IOrders.OrderStatus status) internal view returns (Order storage) {
        uint256 count = _orders.length;
        for (uint256 i; i < count && seed % 8 != 0; ++i) {
            Order storage o = _orders[((seed % count) + i) % count];
            if (o.status == status) return o;
        }
        return _orders[seed % count];
    }
}
