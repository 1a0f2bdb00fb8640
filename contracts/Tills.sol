// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";
import {IExchange} from "./interfaces/IExchange.sol";
import {ITills} from "./interfaces/ITills.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Till} from "./Till.sol";

/// @title Tills
/// @dev A till with code is a quote that was used: clones can't be destroyed. What a quote costs and delivers is {Exchange}'s business.
contract Tills is ITills, EIP712, ReentrancyGuardTransient {
    bytes32 private constant QUOTE_TYPEHASH = keccak256(
        "Quote(uint256 ekId,uint32 version,address buyer,address token,uint256 maxPrice,uint256 deadline,bytes32 salt)"
    );
    /// @dev ERC-3009.
    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    IAgentRegistry public immutable registry;
    IExchange public immutable exchange;
    /// @inheritdoc ITills
    address public immutable tillImplementation = address(new Till());

    constructor(IAgentRegistry registry_, IExchange exchange_) EIP712("MOA Tills", "1") {
        registry = registry_;
        exchange = exchange_;
    }

    /// @inheritdoc ITills
    function buyViaTill(
        Quote calldata q,
        Authorization calldata authorization,
        bytes calldata signature
    ) external nonReentrant returns (uint256 keyId) {
        bytes32 hash = _fresh(q);
        address till = _tillAddress(hash);
        (bool paid, bytes memory refusal) = _fill(q.token, till, authorization, signature);
        IExchange.TillPayment memory payment;
        // Who paid a till that was funded before is not known here: nothing that the caller says of it may go into the log.
        if (paid) (payment.from, payment.value) = (authorization.from, authorization.value);
        payment.agreed =
            msg.sender == q.buyer ||
            (paid && authorization.from == q.buyer) ||
            _isSignedBy(q.buyer, q.token, till, authorization, signature);
        return _sell(q, hash, payment, refusal);
    }

    /// @inheritdoc ITills
    function finalizeTill(Quote calldata q) external nonReentrant returns (uint256 keyId) {
        IExchange.TillPayment memory payment;
        payment.agreed = msg.sender == q.buyer;
        return _sell(q, _fresh(q), payment, "");
    }

    /// @inheritdoc ITills
    function refundTill(Quote calldata q, address token) external nonReentrant returns (uint256 amount) {
        bytes32 hash = quoteHashOf(q);
        uint256 agentId = registry.lastAgentOf(q.buyer);
        address payee = agentId == 0 ? q.buyer : registry.eoaOf(agentId);
        amount = IERC20(token).balanceOf(_tillAddress(hash));
        if (amount == 0) revert NothingToRefund(hash, token);
        if (_tillAddress(hash).code.length == 0) {
            if (block.timestamp <= q.deadline && msg.sender != payee) {
                revert TillNotRefundable(hash, q.deadline, block.timestamp);
            }
            Clones.cloneDeterministic(tillImplementation, hash);
        }
        emit TillRefunded(hash, q.ekId, payee, token, amount);
        Till(_tillAddress(hash)).pay(IERC20(token), payee, amount);
    }

    /// @inheritdoc ITills
    function pay(bytes32 quoteHash, address token, uint256 amount) external {
        if (msg.sender != address(exchange)) revert NotExchange(msg.sender);
        Till(_tillAddress(quoteHash)).pay(IERC20(token), msg.sender, amount);
    }

    /// @inheritdoc ITills
    function quoteHashOf(Quote calldata q) public view returns (bytes32) {
        return
            _hashTypedDataV4(
                keccak256(
                    abi.encode(QUOTE_TYPEHASH, q.ekId, q.version, q.buyer, q.token, q.maxPrice, q.deadline, q.salt)
                )
            );
    }

    /// @inheritdoc ITills
    function tillOf(Quote calldata q) external view returns (address) {
        return _tillAddress(quoteHashOf(q));
    }

    /// @inheritdoc ITills
    function isQuoteUsed(Quote calldata q) external view returns (bool) {
        return _tillAddress(quoteHashOf(q)).code.length != 0;
    }

    /// @dev The hash of a quote that is still good.
    function _fresh(Quote calldata q) private view returns (bytes32 hash) {
        hash = quoteHashOf(q);
        if (_tillAddress(hash).code.length != 0) revert QuoteUsed(hash);
        if (block.timestamp > q.deadline) revert DeadlinePassed(q.deadline, block.timestamp);
    }

    /// @dev Sells the key for what is in the till; the rest goes back to the buyer. Where the money is not there, the token's own reason
    /// says more than that.
    function _sell(
        Quote calldata q,
        bytes32 hash,
        IExchange.TillPayment memory payment,
        bytes memory refusal
    ) private returns (uint256 keyId) {
        payment.by = msg.sender;
        // Nobody pays for a free key: there it counts who called for it.
        if (payment.value == 0) payment.from = msg.sender;
        payment.funds = IERC20(q.token).balanceOf(_tillAddress(hash));
        address till = Clones.cloneDeterministic(tillImplementation, hash);
        try exchange.sellToTill(q, hash, payment) returns (uint256 id, uint256 change, address buyerEoa) {
            keyId = id;
            if (change != 0) Till(till).pay(IERC20(q.token), buyerEoa, change);
        } catch (bytes memory reason) {
            if (refusal.length != 0 && bytes4(reason) == IExchange.TillUnderfunded.selector) reason = refusal;
            assembly ("memory-safe") {
                revert(add(reason, 0x20), mload(reason))
            }
        }
    }

    function _tillAddress(bytes32 quoteHash) private view returns (address) {
        return Clones.predictDeterministicAddress(tillImplementation, quoteHash);
    }

    /// @dev Has the authorization's money sent to the till. Returns the token's reason where it refused: the money may be there all the
    /// same, if somebody else submitted the authorization first, so the caller goes by the till's balance. Nor is a payment what the
    /// token did not refuse, but what arrived: some tokens take any call and do nothing.
    function _fill(
        address token,
        address till,
        Authorization calldata a,
        bytes calldata signature
    ) private returns (bool paid, bytes memory refusal) {
        // Every ERC-3009 token has the (v, r, s) form; only the newer ones take a smart account's longer signature.
        bytes memory call;
        if (signature.length == 65) {
            (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
            call = abi.encodeWithSignature(
                "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
                a.from,
                till,
                a.value,
                a.validAfter,
                a.validBefore,
                a.nonce,
                uint8(signature[64]),
                r,
                s
            );
        } else {
            call = abi.encodeWithSignature(
                "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
                a.from,
                till,
                a.value,
                a.validAfter,
                a.validBefore,
                a.nonce,
                signature
            );
        }
        uint256 before = IERC20(token).balanceOf(till);
        // solhint-disable-next-line avoid-low-level-calls
        (paid, refusal) = token.call(call); // two overloads, and either may be missing
        if (!paid) return (false, refusal);
        uint256 present = IERC20(token).balanceOf(till);
        return (present > before && present - before >= a.value, "");
    }

    /// @dev Whether `signer` signed the authorization, used or not. Its signature is over the till, so over the quote.
    function _isSignedBy(
        address signer,
        address token,
        address till,
        Authorization calldata a,
        bytes calldata signature
    ) private view returns (bool) {
        if (a.from != signer) return false;
        (bool ok, bytes memory domain) = token.staticcall(abi.encodeCall(IERC3009.DOMAIN_SEPARATOR, ()));
        if (!ok || domain.length != 32) return false;
        bytes32 structHash = keccak256(
            abi.encode(TRANSFER_TYPEHASH, signer, till, a.value, a.validAfter, a.validBefore, a.nonce)
        );
        bytes32 digest = MessageHashUtils.toTypedDataHash(bytes32(domain), structHash);
        return Signatures.isValid(signer, digest, signature);
    }
}
