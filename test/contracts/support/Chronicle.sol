// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {OrderBook} from "./OrderBook.sol";
import {Vm} from "./Vm.sol";

/// @title What the exchange's log tells, and nothing else
/// @notice A second set of books, kept by a reader who sees no call and no storage. What contradicts itself fails at once.
abstract contract Chronicle is OrderBook {
    /// @dev One order; `shares` as in {Books.Order}.
    struct Told {
        uint256 sales;
        bytes32 sale;
        uint256 paid;
        uint256 price;
        uint256 payerId;
        uint256 sellerId;
        uint256 releaseTime;
        IOrders.OrderStatus status;
        bool accessed;
        uint256[6] shares;
    }

    uint256 public toldSales;
    mapping(uint256 keyId => Told) internal _told;
    mapping(uint256 agentId => mapping(address token => uint256)) public toldCreditOf;
    mapping(uint256 ekId => mapping(address token => uint256)) public toldBountyOf;

    function _read(address exchange, Vm.Log[] memory logs) internal {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != exchange) continue;
            bytes32 kind = logs[i].topics[0];
            if (kind == IExchange.KeySold.selector) _readSale(logs[i]);
            else if (kind == IExchange.KeyRenewed.selector) _readRenewal(logs[i]);
            else if (kind == IExchange.OrderStatusChanged.selector) _readStatus(logs[i]);
            else if (kind == IExchange.Credited.selector) _readCredit(logs[i]);
            else if (kind == IExchange.BountyFunded.selector) _readBounty(logs[i]);
            else if (kind == IExchange.Withdrawn.selector) _readWithdrawal(logs[i]);
            else if (kind == IExchange.OrderAccessed.selector) _readAccess(logs[i]);
        }
    }

    function _readSale(Vm.Log memory log) private {
        IExchange.Sale memory sale = abi.decode(log.data, (IExchange.Sale));
        Told storage told = _told[uint256(log.topics[3])];
        ++toldSales;
        if (++told.sales != 1) isTrue(false, "26: a key was sold twice");
        told.sale = keccak256(abi.encode(log.topics[1], log.topics[2], log.data));
        told.price = sale.price;
        told.paid = sale.price;
        told.payerId = sale.payerId;
        told.sellerId = sale.sellerId;
        told.releaseTime = sale.releaseTime;
        if (sale.releaseTime != 0) told.status = IOrders.OrderStatus.Held;
    }

    function _readRenewal(Vm.Log memory log) private {
        (, , uint256 price, ) = abi.decode(log.data, (uint40, address, uint256, uint16));
        _told[uint256(log.topics[1])].paid += price;
    }

    /// @dev 9 and 10: which way an order may go, by whom and when.
    function _readStatus(Vm.Log memory log) private {
        uint256 keyId = uint256(log.topics[1]);
        Told storage told = _told[keyId];
        (IOrders.OrderStatus status, uint256 toBuyer, address by) = abi.decode(
            log.data,
            (IOrders.OrderStatus, uint256, address)
        );
        bool open = told.status == IOrders.OrderStatus.Held || told.status == IOrders.OrderStatus.Disputed;
        isTrue(open, "9: an order went on that had not begun, or was over");
        bool early = block.timestamp < told.releaseTime;
        if (told.status == IOrders.OrderStatus.Disputed) {
            isTrue(status > IOrders.OrderStatus.Disputed, "9: a disputed order went back");
            isTrue(by == DISPUTES || by == cardDesk, "10: disputed money moved without a ruling");
        } else if (status == IOrders.OrderStatus.Disputed) {
            isTrue(by == DISPUTES && early && toBuyer == 0, "10: a dispute out of place");
        } else if (status == IOrders.OrderStatus.Released) {
            isTrue(!early || by == eoaOf[told.payerId], "10: released early without the buyer's consent");
            equal(toBuyer, 0, "10: a part went back without a ruling");
        } else {
            isTrue(status == IOrders.OrderStatus.Refunded, "9: an order was held twice");
            bool entitled = by == eoaOf[told.sellerId] || by == cardDesk || (by == eoaOf[told.payerId] && early);
            isTrue(entitled, "10: a one-sided refund out of time");
        }
        bool refunded = status == IOrders.OrderStatus.Refunded;
        isTrue(status == IOrders.OrderStatus.Disputed || refunded == (toBuyer == told.price), "9: a wrong end");
        told.status = status;
    }

    function _readCredit(Vm.Log memory log) private {
        (IExchange.Share share, uint256 amount, uint256 creditAfter) = abi.decode(
            log.data,
            (IExchange.Share, uint256, uint256)
        );
        (uint256 agentId, address token) = (uint256(log.topics[1]), address(uint160(uint256(log.topics[2]))));
        toldCreditOf[agentId][token] += amount;
        equal(creditAfter, toldCreditOf[agentId][token], "26: a credit after a credit");
        uint256 keyId = uint256(log.topics[3]);
        if (share == IExchange.Share.Bounty) toldBountyOf[keyId >> 96][token] -= amount;
        else _told[keyId].shares[uint256(share)] += amount;
    }

    function _readBounty(Vm.Log memory log) private {
        (uint256 amount, uint256 bountyAfter) = abi.decode(log.data, (uint256, uint256));
        (uint256 ekId, address token) = (uint256(log.topics[1]), address(uint160(uint256(log.topics[2]))));
        toldBountyOf[ekId][token] += amount;
        equal(bountyAfter, toldBountyOf[ekId][token], "26: a bounty after a payment");
        _told[uint256(log.topics[3])].shares[uint256(IExchange.Share.Bounty)] += amount;
    }

    function _readWithdrawal(Vm.Log memory log) private {
        (, uint256 amount, uint256 creditAfter, ) = abi.decode(log.data, (address, uint256, uint256, address));
        (uint256 agentId, address token) = (uint256(log.topics[1]), address(uint160(uint256(log.topics[2]))));
        toldCreditOf[agentId][token] -= amount;
        equal(creditAfter, toldCreditOf[agentId][token], "26: a credit after a withdrawal");
    }

    function _readAccess(Vm.Log memory log) private {
        Told storage told = _told[uint256(log.topics[1])];
        isTrue(told.status == IOrders.OrderStatus.Held && !told.accessed, "26: an access out of place");
        told.accessed = true;
    }
}
