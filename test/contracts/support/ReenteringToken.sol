// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";

/// @title A token that an administrator should not have allowed
/// @notice Whenever the exchange or a till moves it, it calls whatever can change the exchange from inside the transfer. It can also
/// keep a part of what it is told to move. It has no ERC-3009.
contract ReenteringToken is ERC20 {
    IExchange public immutable exchange;
    ITills public immutable tills;
    /// @notice How many of its calls were not refused for being made from inside.
    uint256 public breaches;
    /// @notice What it keeps of every transfer from outside into the exchange or a till.
    uint256 public toll;

    constructor(IExchange exchange_, ITills tills_) ERC20("Hostile", "HOST") {
        exchange = exchange_;
        tills = tills_;
    }

    function mint(address to, uint256 value) external {
        _mint(to, value);
    }

    function setToll(uint256 toll_) external {
        toll = toll_;
    }

    function _update(address from, address to, uint256 value) internal override {
        bool byTill = msg.sender.code.length == 45;
        if (from == address(0) || (msg.sender != address(exchange) && !byTill)) return super._update(from, to, value);
        if (msg.sender == address(exchange) || to == address(exchange)) _reenterExchange();
        if (byTill) _reenterTills();
        super._update(from, to, value);
        if (toll != 0) super._update(to, address(0xdead), toll < value ? toll : value);
    }

    function _reenterExchange() private {
        IExchange.Purchase memory purchase;
        IExchange.Permit memory permit;
        address target = address(exchange);
        _try(target, abi.encodeCall(IExchange.buy, (purchase)));
        _try(target, abi.encodeCall(IExchange.buyBatch, (new IExchange.Purchase[](1))));
        _try(target, abi.encodeCall(IExchange.buyWithPermit, (purchase, permit)));
        _try(target, abi.encodeCall(IExchange.buyWithPermit2, (purchase, 0, 0, "")));
        _try(target, abi.encodeCall(IExchange.buyWithAuthorization, (purchase, address(1), bytes32(0), "")));
        _try(target, abi.encodeCall(IExchange.claim, (1, 1, 0)));
        _try(target, abi.encodeCall(IExchange.buyWithPoints, (1, 1, 0)));
        _try(target, abi.encodeCall(IExchange.renew, (1, 0, 0)));
        _try(target, abi.encodeCall(IExchange.release, (1)));
        _try(target, abi.encodeCall(IExchange.accept, (1)));
        _try(target, abi.encodeCall(IExchange.refund, (1)));
        _try(target, abi.encodeCall(IOrders.settle, (1, 0)));
        _try(target, abi.encodeCall(IExchange.withdraw, (1, address(this), address(0))));
    }

    function _reenterTills() private {
        ITills.Quote memory quote;
        ITills.Authorization memory authorization;
        _try(address(tills), abi.encodeCall(ITills.buyViaTill, (quote, authorization, "")));
        _try(address(tills), abi.encodeCall(ITills.finalizeTill, (quote)));
        _try(address(tills), abi.encodeCall(ITills.refundTill, (quote, address(this))));
    }

    function _try(address target, bytes memory data) private {
        (bool ok, bytes memory result) = target.call(data);
        bool guarded = !ok && bytes4(result) == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        if (!guarded) ++breaches;
    }
}
