// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPointsLedger} from "./interfaces/IPointsLedger.sol";

/// @title PointsLedger
contract PointsLedger is IPointsLedger {
    /// @dev One slot per agent. Both only grow by single digits per sale: they can't reach 2^128.
    struct Account {
        uint128 balance;
        uint128 lifetime;
    }

    /// @inheritdoc IPointsLedger
    uint256 public constant SELLER_AWARD = 2;
    /// @inheritdoc IPointsLedger
    uint256 public constant BUYER_AWARD = 1;

    address public immutable exchange;

    mapping(uint256 agentId => Account) private _accounts;

    constructor(address exchange_) {
        exchange = exchange_;
    }

    /// @inheritdoc IPointsLedger
    function award(uint256 ekId, uint256 keyId, uint256 sellerId, uint256 buyerId) external {
        if (msg.sender != exchange) revert NotExchange(msg.sender);
        if (sellerId == buyerId) return;
        uint256 sellerBalance = _credit(sellerId, SELLER_AWARD);
        uint256 buyerBalance = _credit(buyerId, BUYER_AWARD);
        emit PointsAwarded(ekId, sellerId, buyerId, keyId, SELLER_AWARD, BUYER_AWARD, sellerBalance, buyerBalance);
    }

    /// @inheritdoc IPointsLedger
    function balanceOf(uint256 agentId) external view returns (uint256) {
        return _accounts[agentId].balance;
    }

    /// @inheritdoc IPointsLedger
    function lifetimeOf(uint256 agentId) external view returns (uint256) {
        return _accounts[agentId].lifetime;
    }

    function _credit(uint256 agentId, uint256 amount) private returns (uint256 balance) {
        Account memory account = _accounts[agentId];
        account.balance += uint128(amount);
        account.lifetime += uint128(amount);
        _accounts[agentId] = account;
        return account.balance;
    }
}
