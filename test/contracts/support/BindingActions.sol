// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {BatchActions} from "./BatchActions.sol";
import {Reasons} from "./Reasons.sol";
import {TypedData} from "./TypedData.sol";

/// @title Buyers sign an authorization that pays for one purchase and nothing else, and anybody submits it
abstract contract BindingActions is BatchActions {
    using Reasons for Reasons.List;

    struct Bound {
        IExchange.Purchase purchase;
        address from;
        bytes32 salt;
        bytes signature;
        address token;
    }

    Bound[] private _spentBound;

    /// @param fault 0, 1, 2, 4, 7: as in {buy}; 8: forged, 9: signed for another purchase, 10: used before; else none.
    function buyWithAuthorization(uint256 who, uint256 ek, uint256 seed, uint256 fault) external {
        fault %= 20;
        if (fault == 10) return _replayBound(who, seed);
        Bound memory b;
        b.from = _account(who);
        b.salt = keccak256(abi.encode("bound", _spentBound.length));
        Trade memory t = _trade(_listingId(ek), _account(seed));
        Reasons.List memory reasons = Reasons.none();
        t.payer = b.from;
        t.recipient = b.from;
        b.purchase = _purchase(reasons, t, seed, fault);
        b.token = _listings[t.ekId].terms.token;
        if (agentAt[b.from] == 0) _mustBeFree(reasons, b.from, 0);
        reasons.when(t.maxPrice == 0, abi.encodeWithSelector(IExchange.NothingAuthorized.selector));
        // A token without authorizations refuses without a word.
        reasons.when(b.token == address(hostile), "");
        t.paymentRef = keccak256(abi.encode(block.chainid, address(sys.exchange), b.purchase, b.salt));
        b.signature = _bind(b, fault, seed);
        bytes memory wrong = abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector);
        reasons.when(fault == 8 || fault == 9, wrong);
        _give(b.token, b.from, t.maxPrice);
        bytes memory data = abi.encodeCall(IExchange.buyWithAuthorization, (b.purchase, b.from, b.salt, b.signature));
        if (!_attemptSale(t, address(sys.exchange), data, reasons)) return;
        _payments.push(Payment(b.token, b.from, t.paymentRef));
        _spentBound.push(b);
        _move(b.token, b.from, address(sys.exchange), t.cost);
    }

    /// @dev The same words again buy nothing, though the payer has the money.
    function _replayBound(uint256 who, uint256 seed) private {
        if (_spentBound.length == 0) return;
        Bound memory b = _spentBound[seed % _spentBound.length];
        _give(b.token, b.from, b.purchase.maxPrice);
        bytes memory data = abi.encodeCall(IExchange.buyWithAuthorization, (b.purchase, b.from, b.salt, b.signature));
        (bool done, ) = callAs(_account(who), address(sys.exchange), data);
        isTrue(!done, "5: an authorization paid twice");
    }

    /// @dev Valid for a second longer than the purchase's deadline, which is inclusive.
    function _bind(Bound memory b, uint256 fault, uint256 seed) private view returns (bytes memory) {
        IExchange.Purchase memory p = b.purchase;
        uint256 ekId = p.ekId;
        if (fault == 9) ++p.ekId;
        TypedData.Payment memory words = TypedData.Payment({
            from: b.from,
            to: address(sys.exchange),
            value: p.maxPrice,
            validAfter: 0,
            validBefore: p.deadline + 1,
            nonce: keccak256(abi.encode(block.chainid, address(sys.exchange), p, b.salt))
        });
        p.ekId = ekId;
        bytes32 digest = TypedData.receipt(b.token, words);
        return fault == 8 ? _forge(b.from, digest, seed) : _sign(b.from, digest);
    }
}
