// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {ICardIssuer} from "./interfaces/ICardIssuer.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IExchange} from "./interfaces/IExchange.sol";

/// @title CardIssuer
contract CardIssuer is ICardIssuer, AccessManaged {
    using SafeERC20 for IERC20;

    struct Charge {
        uint256 keyId;
        bool reversed;
    }

    struct Day {
        uint40 day;
        uint216 spent;
    }

    /// @dev A sale without any hold leaves no order, and what has none can't be taken back.
    uint32 private constant MIN_HOLD = 1;
    uint32 private constant MAX_HOLD = 180 days;

    IAgentRegistry public immutable registry;
    ICatalog public immutable catalog;
    IExchange public immutable exchange;

    /// @inheritdoc ICardIssuer
    uint32 public hold = 120 days;
    mapping(bytes32 chargeId => Charge) private _charges;
    mapping(address token => Day) private _days;
    mapping(address token => uint256) private _caps;

    constructor(
        address authority,
        IAgentRegistry registry_,
        ICatalog catalog_,
        IExchange exchange_
    ) AccessManaged(authority) {
        registry = registry_;
        catalog = catalog_;
        exchange = exchange_;
    }

    /// @inheritdoc ICardIssuer
    function issueForCharge(
        uint256 ekId,
        uint32 version,
        address recipient,
        uint256 maxPrice,
        uint256 deadline,
        bytes32 chargeId
    ) external restricted returns (uint256 keyId) {
        if (chargeId == 0) revert ChargeMissing();
        if (_charges[chargeId].keyId != 0) revert ChargeUsed(chargeId, _charges[chargeId].keyId);
        IERC20 token = IERC20(catalog.termsOf(ekId, version).token);
        uint256 before = token.balanceOf(address(this));
        token.forceApprove(address(exchange), maxPrice);
        keyId = exchange.buyForCard(IExchange.Purchase(ekId, version, recipient, maxPrice, deadline, 0), hold);
        token.forceApprove(address(exchange), 0);
        uint256 price = before - token.balanceOf(address(this));
        // The exchange lets nobody in twice, so what was spent before this call is what was spent.
        _spend(address(token), price);
        _charges[chargeId].keyId = keyId;
        emit ChargeIssued(chargeId, keyId, address(token), price, msg.sender);
    }

    /// @inheritdoc ICardIssuer
    function chargeback(bytes32 chargeId) external restricted returns (uint256 recovered) {
        Charge storage charge = _charges[chargeId];
        uint256 keyId = charge.keyId;
        if (keyId == 0) revert UnknownCharge(chargeId);
        if (charge.reversed) revert ChargeAlreadyReversed(chargeId);
        charge.reversed = true;
        address token = exchange.orderOf(keyId).token;
        recovered = exchange.reverse(keyId);
        emit ChargeReversed(chargeId, keyId, recovered, msg.sender);
        // Back into the float at once, with whatever else waits there.
        uint256 agentId = registry.agentOf(address(this));
        if (exchange.creditOf(agentId, token) != 0) exchange.withdraw(agentId, token, address(this));
    }

    /// @inheritdoc ICardIssuer
    function setDailyCap(address token, uint256 cap) external restricted {
        _caps[token] = cap;
        emit DailyCapSet(token, cap);
    }

    /// @inheritdoc ICardIssuer
    function setHold(uint32 hold_) external restricted {
        if (hold_ < MIN_HOLD || hold_ > MAX_HOLD) revert HoldOutOfBounds(hold_, MIN_HOLD, MAX_HOLD);
        hold = hold_;
        emit HoldSet(hold_);
    }

    /// @inheritdoc ICardIssuer
    function withdrawFloat(address token, address to, uint256 amount) external restricted {
        emit FloatWithdrawn(token, to, amount, msg.sender);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc ICardIssuer
    function chargeOf(bytes32 chargeId) external view returns (uint256 keyId, bool reversed) {
        Charge memory charge = _charges[chargeId];
        return (charge.keyId, charge.reversed);
    }

    /// @inheritdoc ICardIssuer
    function spentToday(address token) public view returns (uint256 spent, uint256 cap) {
        Day memory day = _days[token];
        return (day.day == block.timestamp / 1 days ? day.spent : 0, _caps[token]);
    }

    function _spend(address token, uint256 price) private {
        (uint256 spent, uint256 cap) = spentToday(token);
        if (spent + price > cap) revert DailyCapExceeded(token, spent, price, cap);
        _days[token] = Day(uint40(block.timestamp / 1 days), uint216(spent + price));
    }
}
