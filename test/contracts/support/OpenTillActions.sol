// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IReceiptProofs} from "../../../contracts/interfaces/IReceiptProofs.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";
import {Payments} from "./Payments.sol";
import {Reasons} from "./Reasons.sol";
import {TypedData} from "./TypedData.sol";

/// @title Quotes that name no buyer, and the receipts of what came into their tills
abstract contract OpenTillActions is Payments {
    using Reasons for Reasons.List;

    /// @param fault 0: for another quote, 1: of another token; else none.
    function refundByReceipt(uint256 which, uint256 who, uint256 fault) public {
        if (_sent.length == 0) return;
        uint256 number = which % _sent.length;
        Sent storage s = _sent[number];
        QuoteEntry storage e = _quotes[fault % 8 == 0 ? _quoteIndex(which) : s.quote];
        address token = fault % 8 == 1 ? tokens[who % tokens.length] : s.token;
        address caller = who % 3 == 0 ? _presentOf(s.from) : _account(who);
        uint256 gone = s.from == e.signer && token == e.quote.token ? _least(s.value, e.spent) : 0;
        bool isSale = s.from == e.signer && token == e.quote.token && gone == s.value;
        uint256 amount = _least(s.value - gone, held[token][e.till]);
        Reasons.List memory reasons = _mustBeShown(e, s, number, token);
        if (!isSale) {
            reasons.when(amount == 0, abi.encodeWithSelector(ITills.NothingToRefund.selector, e.hash, token));
            reasons.when(
                !e.used && block.timestamp <= e.quote.deadline && caller != _presentOf(s.from),
                abi.encodeWithSelector(ITills.TillNotRefundable.selector, e.hash, e.quote.deadline, block.timestamp)
            );
        }
        IReceiptProofs.Proof memory proof = IReceiptProofs.Proof(abi.encode(number), 0, new bytes[](0), 0);
        bytes memory data = abi.encodeCall(ITills.refundByReceipt, (e.quote, token, proof));
        (bool done, bytes memory result) = _attempt(caller, address(sys.tills), data, reasons);
        if (!done) return;
        equal(abi.decode(result, (uint256)), isSale ? 0 : amount, "amount refunded by receipt");
        s.shown = true;
        e.spent -= gone;
        if (isSale) {
            ++successes[bytes4("sale")];
            return;
        }
        ++successes[bytes4("sent")];
        e.used = true;
        _move(token, e.till, _presentOf(s.from), amount);
    }

    function _mustBeShown(
        QuoteEntry storage e,
        Sent storage s,
        uint256 number,
        address token
    ) private view returns (Reasons.List memory reasons) {
        reasons = Reasons.none();
        address till = _quotes[s.quote].till;
        reasons.when(e.quote.buyer != address(0), abi.encodeWithSelector(ITills.QuoteNotOpen.selector, e.hash));
        reasons.when(token != s.token, abi.encodeWithSelector(ITills.LogOfOther.selector, s.token, token));
        reasons.when(till != e.till, abi.encodeWithSelector(ITills.TransferToOther.selector, till, e.till));
        reasons.when(s.shown, abi.encodeWithSelector(ITills.ReceiptAlreadyUsed.selector, number, 0, 0));
    }

    /// @dev Whoever signed buys, with what comes in this call alone.
    function _redeemOpen(
        QuoteEntry storage e,
        TypedData.Payment memory p,
        bytes memory signature,
        bytes memory refusal,
        bool pays
    ) internal {
        Trade memory t = _quotedTrade(e, _account(p.value), p.from, p.from);
        t.payer = p.from;
        t.asked = t.recipient == p.from;
        Reasons.List memory reasons = _mustBeRedeemable(e, t, p.value, refusal);
        bytes memory nothing = abi.encodeWithSelector(ITills.NothingPaid.selector, e.hash);
        reasons.when(!pays || p.value == 0, refusal.length == 0 ? nothing : refusal);
        ITills.Authorization memory a = ITills.Authorization(p.from, p.value, p.validAfter, p.validBefore, p.nonce);
        bytes memory data = abi.encodeCall(ITills.buyViaTill, (e.quote, a, signature));
        if (!_attemptSale(t, address(sys.tills), data, reasons)) return;
        ++successes[bytes4("open")];
        _payments.push(Payment(e.quote.token, p.from, p.nonce));
        _intoTill(e, e.quote.token, p.from, p.value);
        e.used = true;
        ++e.keys;
        (e.signer, e.spent) = (p.from, p.value);
        _move(e.quote.token, e.till, address(sys.exchange), t.cost);
        _move(e.quote.token, e.till, t.recipient, p.value - t.cost);
    }

    /// @param payer Who the log names; `buyer` who gets the key.
    function _quotedTrade(
        QuoteEntry storage e,
        address caller,
        address payer,
        address buyer
    ) internal view returns (Trade memory t) {
        t = _trade(e.quote.ekId, caller);
        // What costs nothing is paid by nobody: the log names who called.
        t.payer = t.cost == 0 ? caller : payer;
        t.recipient = _presentOf(buyer);
        t.maxPrice = e.quote.maxPrice;
        t.deadline = e.quote.deadline;
        t.paymentRef = e.hash;
    }

    function _mustBeRedeemable(
        QuoteEntry storage e,
        Trade memory t,
        uint256 funds,
        bytes memory refusal
    ) internal view returns (Reasons.List memory reasons) {
        reasons = Reasons.none();
        reasons.when(e.used, abi.encodeWithSelector(ITills.QuoteUsed.selector, e.hash));
        _mustBeOpen(reasons, t, e.quote.version);
        address current = _listings[e.quote.ekId].terms.token;
        reasons.when(
            current != e.quote.token,
            abi.encodeWithSelector(IExchange.TokenMismatch.selector, e.quote.ekId, current, e.quote.token)
        );
        bytes memory short =
            refusal.length == 0
                ? abi.encodeWithSelector(IExchange.TillUnderfunded.selector, e.hash, funds, t.cost)
                : refusal;
        reasons.when(funds < t.cost, short);
    }

    /// @dev Nobody is made an agent who did not send the call or sign the payment.
    function _mustBeAgreed(Reasons.List memory reasons, Trade memory t, bool agreed) internal view {
        t.asked = agreed;
        bytes memory noAgent = abi.encodeWithSelector(IExchange.RecipientNotAgent.selector, t.recipient);
        reasons.when(agentAt[t.recipient] == 0 && !agreed, noAgent);
    }

    /// @dev Mostly one that can still be used, where there is one.
    function _quoteIndex(uint256 seed) internal view returns (uint256) {
        uint256 count = _quotes.length;
        for (uint256 i; i < count && seed % 4 != 0; ++i) {
            uint256 index = ((seed % count) + i) % count;
            if (!_quotes[index].used && _quotes[index].quote.deadline >= block.timestamp) return index;
        }
        return seed % count;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
