// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {BindingActions} from "./BindingActions.sol";
import {Reasons} from "./Reasons.sol";
import {TypedData} from "./TypedData.sol";

/// @title ERC-3009 authorizations for tills: good ones, bad ones, and what others do to them
abstract contract Payments is BindingActions {
    /// @dev What happens to a payer's authorization before the purchase is submitted.
    enum Before {
        Nothing,
        SubmittedByOther,
        Cancelled
    }

    uint256 private _nonces;

    /// @dev A payment to the quote's till: of the price, of the maximum, or of any sum up to a little more.
    function _payment(
        QuoteEntry storage e,
        address payer,
        uint256 amount
    ) internal returns (TypedData.Payment memory p) {
        uint256 cost = _priceOf(_listings[e.quote.ekId].terms, _listings[e.quote.ekId].sold);
        uint256 kind = part(amount, "kind") % 4;
        p.from = payer;
        p.to = e.till;
        p.value =
            kind == 0
                ? amount % (e.quote.maxPrice + 2)
                : kind == 1
                    ? cost
                    : e.quote.maxPrice;
        p.validBefore = block.timestamp + 60;
        p.nonce = keccak256(abi.encode("nonce", ++_nonces));
        _give(e.quote.token, payer, p.value);
    }

    /// @param fault 8: forged, 9: late, 10: signed for another till, 11: too early; else none.
    /// The refusal is the token's reason, where it must refuse the authorization.
    function _authorize(
        QuoteEntry storage e,
        TypedData.Payment memory p,
        uint256 fault
    ) internal view returns (bytes memory signature, bytes memory refusal) {
        if (fault == 9) p.validBefore = block.timestamp;
        if (fault == 11) p.validAfter = block.timestamp;
        if (fault == 9 || fault == 11) {
            refusal = abi.encodeWithSelector(
                ERC3009.ERC3009InvalidAuthorizationTime.selector,
                p.validAfter,
                p.validBefore
            );
        }
        if (fault == 10) p.to = address(uint160(e.till) ^ 1);
        bytes32 digest = TypedData.payment(e.quote.token, p);
        p.to = e.till;
        signature = fault == 8 ? _forge(p.from, digest, p.value) : _sign(p.from, digest);
        if (fault == 8 || fault == 10) refusal = abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector);
    }

    /// @dev Somebody else is quicker with the authorization, or the payer takes it back. Returns the token's reason to refuse it then.
    function _meddle(
        uint256 index,
        TypedData.Payment memory p,
        bytes memory signature,
        Before before
    ) internal returns (bytes memory refusal) {
        if (before == Before.Nothing) return "";
        address token = _quotes[index].quote.token;
        if (before == Before.Cancelled) {
            if (_isSmart(p.from)) return "";
            bytes32 digest = TypedData.cancellation(token, p.from, p.nonce);
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(_signers[p.from], digest);
            bytes memory cancel = abi.encodeCall(IERC3009Cancel.cancelAuthorization, (p.from, p.nonce, v, r, s));
            _attempt(p.from, token, cancel, Reasons.none());
        } else {
            bytes memory data = abi.encodeWithSignature(
                "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
                p.from,
                p.to,
                p.value,
                p.validAfter,
                p.validBefore,
                p.nonce,
                signature
            );
            _attempt(_other(p.from), token, data, Reasons.none());
            _intoTill(_quotes[index], token, p.from, p.value);
            _payments.push(Payment(token, p.from, p.nonce));
        }
        return abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, p.from, p.nonce);
    }

    /// @dev Books a transfer into a till; of an open quote's one can show the receipt.
    function _intoTill(QuoteEntry storage e, address token, address from, uint256 amount) internal {
        _move(token, from, e.till, amount);
        if (e.quote.buyer != address(0)) return;
        _sent.push(Sent(_quoteOf[e.till], token, from, amount, false));
        bytes32[] memory topics = new bytes32[](3);
        topics[0] = IERC20.Transfer.selector;
        topics[1] = bytes32(uint256(uint160(from)));
        topics[2] = bytes32(uint256(uint160(e.till)));
        sys.receipts.tell(token, topics, abi.encode(amount));
    }
}
