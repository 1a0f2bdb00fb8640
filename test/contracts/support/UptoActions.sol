// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IPermit2} from "../../../contracts/interfaces/IPermit2.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";
import {IUptoProxy} from "../../../contracts/interfaces/IUptoProxy.sol";
import {TestPermit2} from "../../../contracts/mocks/TestPermit2.sol";
import {TestUptoProxy} from "../../../contracts/mocks/TestUptoProxy.sol";
import {Reasons} from "./Reasons.sol";
import {TillActions} from "./TillActions.sol";
import {TypedData} from "./TypedData.sol";

/// @title Quotes paid by x402's `upto`: good permissions, bad ones, and ones that were used
abstract contract UptoActions is TillActions {
    using Reasons for Reasons.List;

    address private constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;
    address private constant PROXY = 0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002;

    uint256 private _permissions;
    mapping(address payer => uint256) private _lastNonce;

    /// @dev Local chains have neither of the two.
    function _placeUpto() internal {
        vm.etch(PERMIT2, address(new TestPermit2()).code);
        vm.etch(PROXY, address(new TestUptoProxy()).code);
    }

    /// @param fault 8: forged, 9: late, 10: for another till, 11: for less than the price, 12: too early, 13: used before; else none.
    function buyUpto(uint256 quote, uint256 who, uint256 amount, uint256 fault) external {
        if (amount % 2 == 0) _requestQuote(who, quote, amount, fault);
        QuoteEntry storage e = _quotes[amount % 2 == 0 ? _quotes.length - 1 : _quoteIndex(quote)];
        address payer = _account(who);
        address buyer = e.quote.buyer;
        Trade memory t = _quotedTrade(e, _account(amount), payer, buyer == address(0) ? payer : buyer);
        t.payer = payer;
        ITills.Permission memory p = _permission(payer, e.quote.maxPrice, t.cost, fault % 16);
        (bytes memory signature, bytes memory refusal) = _permit(e, p, t.cost, fault % 16);
        _give(e.quote.token, payer, t.cost);
        _attempt(payer, e.quote.token, abi.encodeCall(IERC20.approve, (PERMIT2, type(uint256).max)), Reasons.none());

        Reasons.List memory reasons = _mustBeRedeemable(e, t, t.cost, refusal);
        reasons.when(refusal.length != 0, refusal);
        reasons.when(t.cost == 0, abi.encodeWithSelector(ITills.NothingPaid.selector, e.hash));
        if (buyer == address(0)) t.asked = t.recipient == payer;
        else _mustBeAgreed(reasons, t, payer == buyer || t.caller == buyer);
        bytes memory data = abi.encodeCall(ITills.buyUpto, (e.quote, p, signature));
        uint256 before = held[e.quote.token][e.till];
        if (!_attemptSale(t, address(sys.tills), data, reasons)) return;
        _lastNonce[payer] = p.nonce;
        _intoTill(e, e.quote.token, payer, t.cost);
        if (buyer != address(0)) {
            _settle(e, t.cost, before + t.cost);
            return;
        }
        ++successes[bytes4("upto")];
        e.used = true;
        ++e.keys;
        (e.signer, e.spent) = (payer, t.cost);
        _move(e.quote.token, e.till, address(sys.exchange), t.cost);
    }

    function _permission(
        address payer,
        uint256 most,
        uint256 cost,
        uint256 fault
    ) private returns (ITills.Permission memory p) {
        (p.from, p.amount, p.nonce, p.deadline) = (payer, most < cost ? cost : most, ++_permissions, block.timestamp);
        if (fault == 9) --p.deadline;
        if (fault == 11 && cost != 0) p.amount = cost - 1;
        if (fault == 12) p.validAfter = block.timestamp + 1;
        if (fault == 13 && _lastNonce[payer] != 0) p.nonce = _lastNonce[payer];
    }

    /// @dev The refusal is why proxy or Permit2 must refuse it; empty where they must not.
    function _permit(
        QuoteEntry storage e,
        ITills.Permission memory p,
        uint256 cost,
        uint256 fault
    ) private view returns (bytes memory signature, bytes memory refusal) {
        address till = fault == 10 ? address(uint160(e.till) ^ 1) : e.till;
        bytes32 digest = TypedData.upto(
            PROXY,
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(e.quote.token, p.amount), p.nonce, p.deadline),
            IUptoProxy.Witness(till, address(sys.tills), p.validAfter)
        );
        signature = fault == 8 ? _forge(p.from, digest, p.nonce) : _sign(p.from, digest);
        if (p.amount < cost) refusal = abi.encodeWithSelector(TestUptoProxy.AmountExceedsPermitted.selector);
        if (fault == 8 || fault == 10) refusal = abi.encodeWithSelector(TestPermit2.InvalidSigner.selector);
        if (p.nonce == _lastNonce[p.from]) refusal = abi.encodeWithSelector(TestPermit2.InvalidNonce.selector);
        if (fault == 9) refusal = abi.encodeWithSelector(TestPermit2.SignatureExpired.selector, p.deadline);
        if (fault == 12) refusal = abi.encodeWithSelector(TestUptoProxy.PaymentTooEarly.selector);
    }
}
