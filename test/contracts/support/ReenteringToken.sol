// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";

/// @title A token that an administrator should not have allowed
/// @notice Whenever the exchange or a till moves it, it calls whatever can change the exchange from inside the transfer. It can also
/// keep a part of what it is told to move. It has no ERC-3009.
contract ReenteringToken is ERC20 {
    IExchange public immutable exchange;
    /// @notice How many of its calls the exchange did not refuse for being made from inside.
    uint256 public breaches;
    /// @notice What it keeps of every transfer from outside into the exchange or a till.
    uint256 public toll;

    constructor(IExchange exchange_) ERC20("Hostile", "HOST") {
        exchange = exchange_;
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
        _reenter();
        super._update(from, to, value);
        if (toll != 0) super._update(to, address(0xdead), toll < value ? toll : value);
    }

    function _reenter() private {
        IExchange.Purchase memory purchase;
        IExchange.Permit memory permit;
        ITills.Quote memory quote;
        ITills.Authorization memory authorization;
        ICatalog.Terms memory terms;
        ICatalog.Content memory content;
        _try(abi.encodeCall(ICatalog.list, (1, terms, content)));
        _try(abi.encodeCall(ICatalog.update, (1, terms, content)));
        _try(abi.encodeCall(ICatalog.setStatus, (1, ICatalog.Status.Paused)));
        _try(abi.encodeCall(IExchange.buy, (purchase)));
        _try(abi.encodeCall(IExchange.buyWithPermit, (purchase, permit)));
        _try(abi.encodeCall(IExchange.claim, (1, 1, 0)));
        _try(abi.encodeCall(ITills.buyViaTill, (quote, authorization, "")));
        _try(abi.encodeCall(ITills.finalizeTill, (quote)));
        _try(abi.encodeCall(ITills.refundTill, (quote, address(this))));
        _try(abi.encodeCall(IExchange.withdraw, (1, address(this), address(0))));
    }

    function _try(bytes memory data) private {
        (bool ok, bytes memory result) = address(exchange).call(data);
        bool guarded = !ok && bytes4(result) == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        if (!guarded) ++breaches;
    }
}
