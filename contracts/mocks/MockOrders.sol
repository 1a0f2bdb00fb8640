// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IOrders} from "../interfaces/IOrders.sol";

/// @title The exchange's orders as disputes see them, with real money, for tests
/// @dev What {IOrders} promises and no more: no fees, no keys. Amounts move from `held` to credits; refusing what the real one refuses.
contract MockOrders is IOrders {
    using SafeERC20 for IERC20;

    error NotDisputes(address caller);
    error WrongOrderStatus(uint256 keyId, OrderStatus status);
    error WindowOver(uint256 keyId);
    error WindowOpen(uint256 keyId);
    error AboveAmount(uint256 toBuyer, uint256 amount);
    error Halted();

    event Settled(uint256 indexed keyId, uint256 toBuyer, uint256 toSeller, OrderStatus status);

    address public disputes;
    /// @notice Makes {settle} revert, which the real exchange must never do.
    bool public halted;
    uint256 public held;
    mapping(uint256 keyId => Order) private _orders;
    mapping(uint256 agentId => mapping(address token => uint256)) public creditOf;

    function wire(address disputes_) external {
        disputes = disputes_;
    }

    function halt(bool halted_) external {
        halted = halted_;
    }

    /// @notice Takes the caller's tokens for an order.
    function sell(uint256 keyId, uint64 sellerId, uint64 buyerId, IERC20 token, uint96 amount, uint40 window) external {
        if (_orders[keyId].status != OrderStatus.None) revert WrongOrderStatus(keyId, _orders[keyId].status);
        uint40 releaseTime = uint40(block.timestamp) + window;
        _orders[keyId] = Order(sellerId, buyerId, 1, address(token), amount, releaseTime, OrderStatus.Held, false);
        held += amount;
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    function release(uint256 keyId) external {
        Order storage order = _orders[keyId];
        if (order.status != OrderStatus.Held) revert WrongOrderStatus(keyId, order.status);
        if (block.timestamp < order.releaseTime) revert WindowOpen(keyId);
        _end(keyId, order, 0, OrderStatus.Released);
    }

    function isHeld(uint256 keyId) external view returns (bool) {
        OrderStatus status = _orders[keyId].status;
        return status == OrderStatus.Held || status == OrderStatus.Disputed;
    }

    function orderOf(uint256 keyId) external view returns (Order memory) {
        return _orders[keyId];
    }

    function freeze(uint256 keyId) external {
        if (msg.sender != disputes) revert NotDisputes(msg.sender);
        Order storage order = _orders[keyId];
        if (order.status != OrderStatus.Held) revert WrongOrderStatus(keyId, order.status);
        if (block.timestamp >= order.releaseTime) revert WindowOver(keyId);
        order.status = OrderStatus.Disputed;
    }

    function settle(uint256 keyId, uint256 toBuyer) external {
        if (halted) revert Halted();
        if (msg.sender != disputes) revert NotDisputes(msg.sender);
        Order storage order = _orders[keyId];
        if (order.status != OrderStatus.Disputed) revert WrongOrderStatus(keyId, order.status);
        if (toBuyer > order.amount) revert AboveAmount(toBuyer, order.amount);
        _end(keyId, order, toBuyer, toBuyer == order.amount ? OrderStatus.Refunded : OrderStatus.Released);
    }

    function withdraw(uint256 agentId, IERC20 token, address to) external {
        uint256 amount = creditOf[agentId][address(token)];
        creditOf[agentId][address(token)] = 0;
        token.safeTransfer(to, amount);
    }

    function _end(uint256 keyId, Order storage order, uint256 toBuyer, OrderStatus status) private {
        uint256 amount = order.amount;
        order.status = status;
        held -= amount;
        creditOf[order.buyerId][order.token] += toBuyer;
        creditOf[order.sellerId][order.token] += amount - toBuyer;
        emit Settled(keyId, toBuyer, amount - toBuyer, status);
    }
}
