// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";
import {OpenTillActions} from "./OpenTillActions.sol";
import {Reasons} from "./Reasons.sol";
import {TypedData} from "./TypedData.sol";

/// @title Quotes, the payments to their tills, honest and not, and what becomes of the money
abstract contract TillActions is OpenTillActions {
    using Reasons for Reasons.List;

    uint256 internal constant MAX_QUOTES = 24;

    /// @param fault 0: another token than the listing's, 1: a stale version, 2: a maximum below the price; else none.
    function _requestQuote(uint256 who, uint256 ek, uint256 seed, uint256 fault) internal {
        if (_quotes.length == MAX_QUOTES) return;
        ICatalog.Listing storage offer = _listings[_listingId(ek)];
        uint256 cost = _priceOf(offer.terms, offer.sold);
        ITills.Quote memory q;
        q.ekId = _listingId(ek);
        q.version = offer.version;
        q.buyer = part(seed, "open") % 4 == 0 ? address(0) : _asker(who);
        q.token = offer.terms.token;
        q.maxPrice = cost + (seed % 3 == 0 ? 0 : seed % 100_000);
        q.deadline = block.timestamp + (seed % 3 days);
        q.salt = keccak256(abi.encode("salt", _quotes.length));
        if (fault % 16 == 0) q.token = tokens[seed % tokens.length];
        if (fault % 16 == 1) --q.version;
        if (fault % 16 == 2 && cost != 0) q.maxPrice = cost - 1;
        bytes32 hash = TypedData.quote(address(sys.tills), q);
        equal(sys.tills.quoteHashOf(q), hash, "hash of the quote");
        address till = sys.tills.tillOf(q);
        _quoteOf[till] = _quotes.length;
        _quotes.push(QuoteEntry(q, hash, till, false, 0, address(0), 0));
    }

    /// @dev Anybody, or quite often an account that some agent has had: it has rotated since it asked.
    function _asker(uint256 seed) private view returns (address) {
        uint256 agentId = _agent(seed / 3);
        if (seed % 3 != 0) return _account(seed / 3);
        return eoaAt[agentId][uint32((seed / 9) % (epochOf[agentId] + 1))];
    }

    /// @dev Anybody may send any token to a till, as much as it likes: it is the buyer's.
    function fundTill(uint256 quote, uint256 who, uint256 tokenIndex, uint256 amount) external {
        if (amount % 4 == 1) _requestQuote(who, quote, amount, tokenIndex);
        QuoteEntry storage e = _quote(quote);
        address token = tokenIndex % 4 == 0 ? tokens[tokenIndex % tokens.length] : e.quote.token;
        address payer = _account(who);
        uint256 cost = _priceOf(_listings[e.quote.ekId].terms, _listings[e.quote.ekId].sold);
        uint256 enough = cost > e.quote.maxPrice ? cost : e.quote.maxPrice;
        amount = amount % 4 != 0 ? enough : amount % (enough + 2);
        _give(token, payer, amount);
        _attempt(payer, token, abi.encodeCall(IERC20.transfer, (e.till, amount)), Reasons.none());
        _intoTill(e, token, payer, amount);
    }

    /// @param before 0 to 2: {Before}, one third each; the authorization may also be forged, late, or made for another till.
    function buyViaTill(uint256 quote, uint256 who, uint256 amount, uint256 before, uint256 fault) external {
        if (amount % 2 == 0) _requestQuote(who, quote, amount, fault);
        uint256 index = amount % 2 == 0 ? _quotes.length - 1 : _quoteIndex(quote);
        QuoteEntry storage e = _quotes[index];
        TypedData.Payment memory p = _payment(e, _account(who), amount);
        (bytes memory signature, bytes memory refusal) = _authorize(e, p, fault % 16);
        bool good = refusal.length == 0;
        if (e.quote.token == address(hostile)) refusal = new bytes(0);
        else if (good) refusal = _meddle(index, p, signature, Before(before % 3));
        bool pays = good && refusal.length == 0 && e.quote.token != address(hostile);
        if (e.quote.buyer == address(0)) {
            _redeemOpen(e, p, signature, refusal, pays);
            return;
        }
        _redeem(e, p, signature, refusal, pays, fault % 16 != 8 && fault % 16 != 10);
    }

    function finalizeTill(uint256 quote, uint256 who) public {
        QuoteEntry storage e = _fundedQuote(quote);
        Trade memory t = _quotedTrade(e, _account(who), e.quote.buyer, e.quote.buyer);
        uint256 funds = held[e.quote.token][e.till];
        Reasons.List memory reasons = _mustBeRedeemable(e, t, funds, "");
        reasons.when(e.quote.buyer == address(0), abi.encodeWithSelector(ITills.QuoteOpen.selector, e.hash));
        _mustBeAgreed(reasons, t, t.caller == e.quote.buyer);
        if (!_attemptSale(t, address(sys.tills), abi.encodeCall(ITills.finalizeTill, (e.quote)), reasons)) return;
        _settle(e, t.cost, funds);
    }

    /// @dev After the deadline or the sale anyone may send the money home; before that the buyer alone.
    function refundTill(uint256 quote, uint256 tokenIndex, uint256 who) public {
        QuoteEntry storage e = _fundedQuote(quote);
        address token = tokenIndex % 4 == 0 ? tokens[tokenIndex % tokens.length] : e.quote.token;
        address payee = _presentOf(e.quote.buyer);
        address caller = who % 3 == 0 ? payee : _account(who);
        uint256 amount = held[token][e.till];
        Reasons.List memory reasons = Reasons.none();
        reasons.when(amount == 0, abi.encodeWithSelector(ITills.NothingToRefund.selector, e.hash, token));
        reasons.when(e.quote.buyer == address(0), abi.encodeWithSelector(ITills.QuoteOpen.selector, e.hash));
        bool pending = !e.used && block.timestamp <= e.quote.deadline;
        reasons.when(
            pending && caller != payee,
            abi.encodeWithSelector(ITills.TillNotRefundable.selector, e.hash, e.quote.deadline, block.timestamp)
        );
        bytes memory data = abi.encodeCall(ITills.refundTill, (e.quote, token));
        (bool done, bytes memory result) = _attempt(caller, address(sys.tills), data, reasons);
        if (!done) return;
        equal(abi.decode(result, (uint256)), amount, "amount refunded");
        e.used = true;
        _move(token, e.till, payee, amount);
    }

    function _redeem(
        QuoteEntry storage e,
        TypedData.Payment memory p,
        bytes memory signature,
        bytes memory refusal,
        bool pays,
        bool signed
    ) private {
        Trade memory t = _quotedTrade(e, _account(p.value), e.quote.buyer, e.quote.buyer);
        // The log names as payer only whom the exchange saw pay the whole price.
        if (pays && p.value != 0 && p.value >= t.cost) t.payer = p.from;
        uint256 funds = held[e.quote.token][e.till] + (pays ? p.value : 0);
        Reasons.List memory reasons = _mustBeRedeemable(e, t, funds, refusal);
        // Late or used up: its signature still tells that the buyer wants this.
        bool agreed = signed && p.from == e.quote.buyer && e.quote.token != address(hostile);
        _mustBeAgreed(reasons, t, agreed || t.caller == e.quote.buyer);
        ITills.Authorization memory a = ITills.Authorization(p.from, p.value, p.validAfter, p.validBefore, p.nonce);
        bytes memory data = abi.encodeCall(ITills.buyViaTill, (e.quote, a, signature));
        if (!_attemptSale(t, address(sys.tills), data, reasons)) return;
        if (pays) {
            _payments.push(Payment(e.quote.token, p.from, p.nonce));
            _intoTill(e, e.quote.token, p.from, p.value);
        }
        _settle(e, t.cost, funds);
    }

    /// @dev The price to the exchange, the rest to where the buyer is now.
    function _settle(QuoteEntry storage e, uint256 cost, uint256 funds) internal {
        e.used = true;
        ++e.keys;
        _move(e.quote.token, e.till, address(sys.exchange), cost);
        _move(e.quote.token, e.till, _presentOf(e.quote.buyer), funds - cost);
    }

    function _quote(uint256 seed) internal view returns (QuoteEntry storage) {
        return _quotes[_quoteIndex(seed)];
    }

    /// @dev Mostly one with money in its till, where there is one.
    function _fundedQuote(uint256 seed) internal view returns (QuoteEntry storage) {
        uint256 count = _quotes.length;
        for (uint256 i; i < count && seed % 4 != 0; ++i) {
            QuoteEntry storage e = _quotes[((seed % count) + i) % count];
            if (held[e.quote.token][e.till] != 0) return e;
        }
        return _quotes[seed % count];
    }
}
