// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {Books} from "../support/Books.sol";
import {OpenBooks} from "../support/OpenBooks.sol";
import {Inspection} from "./Inspection.sol";

/// @title Orders are what their parties made of them, and a key stands for each
abstract contract OrderInvariants is Inspection {
    /// 4. A key exists ⇔ exactly one order stands behind it that is not refunded or revoked.
    function invariant_4_oneOrderPerKey(OpenBooks.Page[] memory page) internal view {
        for (uint256 i; i < page.length; ++i) {
            uint256 keyId = page[i].order.keyId;
            equal(page[i].told.sales, 1, "4: sales of a key");
            equal(books.ordersOf(keyId), 1, "4: orders of a key");
            if (page[i].order.status == IOrders.OrderStatus.Refunded || page[i].order.revoked) {
                (bool ok, bytes memory result) = address(sys.keys).staticcall(
                    abi.encodeCall(sys.keys.ownerOf, (keyId))
                );
                isTrue(!ok, "4: the key of an order that was taken back");
                equal(result, abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, keyId), "4: why");
                continue;
            }
            equal(sys.keys.userOf(keyId), page[i].user, "4: who rents the key of an order");
            equal(abi.encode(sys.keys.keyInfo(keyId)), abi.encode(page[i].key), "4: the key of an order");
        }
    }

    function invariant_4_asManyKeysAsOrders(OpenBooks.Page[] memory all) internal view {
        Books.AgentEntry[] memory agents = books.agents();
        uint256 keys;
        for (uint256 i; i < agents.length; ++i) {
            uint256 balance = sys.keys.balanceOf(agents[i].eoa);
            equal(balance, agents[i].keys, "4: keys of an agent");
            keys += balance;
        }
        uint256 standing;
        for (uint256 i; i < all.length; ++i) {
            if (all[i].order.status != IOrders.OrderStatus.Refunded && !all[i].order.revoked) ++standing;
        }
        equal(keys, standing, "4: keys and orders");
        equal(books.toldSales(), all.length, "26: sales and orders");
    }

    /// 5. One payment reference (token, payer, nonce; the quote's hash; the charge) creates at most one key.
    function invariant_5_oneKeyPerPayment() internal view {
        Books.QuoteEntry[] memory quotes = books.quotes();
        bytes32[] memory refs = books.paymentRefs();
        for (uint256 i; i < quotes.length; ++i) {
            isTrue(sys.tills.isQuoteUsed(quotes[i].quote) == quotes[i].used, "5: whether a quote is used");
            uint256 keys;
            for (uint256 j; j < refs.length; ++j) {
                if (refs[j] == quotes[i].hash) ++keys;
            }
            isTrue(keys <= 1, "5: a quote became two keys");
            equal(keys, quotes[i].keys, "5: keys of a quote");
        }
        Books.Payment[] memory payments = books.payments();
        for (uint256 i; i < payments.length; ++i) {
            for (uint256 j; j < i; ++j) {
                bool same = payments[i].payer == payments[j].payer && payments[i].nonce == payments[j].nonce;
                isTrue(!same || payments[i].token != payments[j].token, "5: one authorization paid twice");
            }
        }
        Books.ChargeEntry[] memory charges = books.charges();
        for (uint256 i; i < charges.length; ++i) {
            (uint256 keyId, bool reversed) = sys.cards.chargeOf(charges[i].id);
            equal(keyId, charges[i].keyId, "5: the key of a charge");
            isTrue(reversed == charges[i].reversed, "5: whether a charge was taken back");
        }
    }

    /// 9. Orders move only along the allowed graph; terminal states never change.
    /// @dev Each step along it is asserted when the log tells of it.
    function invariant_9_ordersAreAsTold(OpenBooks.Page[] memory page) internal view {
        for (uint256 i; i < page.length; ++i) {
            Books.Order memory o = page[i].order;
            IOrders.Order memory expected;
            if (o.status != IOrders.OrderStatus.None) {
                expected.sellerId = uint64(o.sellerId);
                expected.buyerId = uint64(o.payerId);
                expected.version = o.version;
                expected.token = o.token;
                expected.amount = uint96(o.price);
                expected.releaseTime = uint40(o.releaseTime);
                expected.status = o.status;
                expected.accessed = o.accessed;
            }
            equal(abi.encode(sys.exchange.orderOf(o.keyId)), abi.encode(expected), "9: an order");
            isTrue(sys.exchange.isHeld(o.keyId) == (o.held != 0), "9: whether money waits");
            isTrue(page[i].told.status == o.status, "26: the state of an order");
            isTrue(page[i].told.accessed == o.accessed, "26: whether a key was used");
            equal(page[i].told.releaseTime, o.releaseTime, "26: when an order ends");
        }
    }

    /// 10. Before the refund deadline nothing is released without the buyer's consent; after it no one-sided refund; disputed money moves
    /// only by ruling.
    /// @dev Who ended an order and when is asserted when the log tells of it; here that an open order's money has not moved.
    function invariant_10_openMoneyStays(OpenBooks.Page[] memory page) internal pure {
        for (uint256 i; i < page.length; ++i) {
            IOrders.OrderStatus status = page[i].told.status;
            if (status != IOrders.OrderStatus.Held && status != IOrders.OrderStatus.Disputed) continue;
            equal(page[i].order.held, page[i].told.price, "10: an open order holds its price");
            for (uint256 share; share < 6; ++share) {
                equal(page[i].told.shares[share], 0, "10: money of an open order moved");
            }
        }
    }

    /// 13. Buy then refund never profits: what comes back is what was paid, and nobody else has any of it.
    function invariant_13_refundIsThePrice(OpenBooks.Page[] memory page) internal pure {
        for (uint256 i; i < page.length; ++i) {
            if (page[i].told.status != IOrders.OrderStatus.Refunded) continue;
            for (uint256 share; share < 6; ++share) {
                uint256 expected = share == uint256(IExchange.Share.Refund) ? page[i].told.price : 0;
                equal(page[i].told.shares[share], expected, "13: a refund of another amount");
            }
        }
    }

    /// 14. Executed price ≤ the signed maximum and time ≤ the deadline.
    function invariant_14_withinWhatWasSigned(OpenBooks.Page[] memory page) internal pure {
        for (uint256 i; i < page.length; ++i) {
            isTrue(page[i].told.price <= page[i].order.maxPrice, "14: dearer than the maximum");
            isTrue(page[i].order.time <= page[i].order.deadline, "14: later than the deadline");
        }
    }
}
