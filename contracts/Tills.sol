// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IExchange} from "./interfaces/IExchange.sol";
import {IReceiptProofs} from "./interfaces/IReceiptProofs.sol";
import {ITills} from "./interfaces/ITills.sol";
import {Till} from "./Till.sol";
import {TillPayments} from "./TillPayments.sol";

/// @title Tills
/// @dev A till with code is a quote that was used: clones can't be destroyed. What a quote costs and delivers is {Exchange}'s business.
contract Tills is TillPayments, EIP712, ReentrancyGuardTransient {
    bytes32 private constant QUOTE_TYPEHASH = keccak256(
        "Quote(uint256 ekId,uint32 version,address buyer,address token,uint256 maxPrice,uint256 deadline,bytes32 salt)"
    );
    bytes32 private constant TRANSFER_TOPIC = keccak256("Transfer(address,address,uint256)");

    /// @dev One slot: who bought an open quote's key, and how much of what it sent into the till has gone by that.
    struct Spent {
        address by;
        uint96 amount;
    }

    IAgentRegistry public immutable registry;
    IExchange public immutable exchange;
    ICatalog public immutable catalog;
    /// @inheritdoc ITills
    IReceiptProofs public immutable receipts;
    /// @inheritdoc ITills
    address public immutable tillImplementation = address(new Till());

    mapping(bytes32 quoteHash => Spent) private _spent;
    mapping(bytes32 receiptId => bool) private _isReceiptUsed;

    constructor(
        IAgentRegistry registry_,
        IExchange exchange_,
        ICatalog catalog_,
        IReceiptProofs receipts_
    ) EIP712("MOA Tills", "1") {
        registry = registry_;
        exchange = exchange_;
        catalog = catalog_;
        receipts = receipts_;
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
        if (q.buyer == address(0)) {
            if (!paid) _revert(refusal, abi.encodeWithSelector(NothingPaid.selector, hash));
            return _sellOpen(q, hash, authorization.from, authorization.value);
        }
        IExchange.TillPayment memory payment;
        // Who paid a till that was funded before is not known here: nothing that the caller says of it may go into the log.
        if (paid) (payment.from, payment.value) = (authorization.from, authorization.value);
        payment.agreed =
            msg.sender == q.buyer ||
            (paid && authorization.from == q.buyer) ||
            _isSignedBy(q.buyer, q.token, till, authorization, signature);
        return _sellNamed(q, hash, payment, refusal);
    }

    /// @inheritdoc ITills
    function buyUpto(
        Quote calldata q,
        Permission calldata permission,
        bytes calldata signature
    ) external nonReentrant returns (uint256 keyId) {
        bytes32 hash = _fresh(q);
        uint256 price = catalog.quote(q.ekId, 1, block.timestamp);
        if (!_draw(q.token, _tillAddress(hash), price, permission, signature)) revert NothingPaid(hash);
        if (q.buyer == address(0)) return _sellOpen(q, hash, permission.from, price);
        IExchange.TillPayment memory payment;
        (payment.from, payment.value) = (permission.from, price);
        payment.agreed = msg.sender == q.buyer || permission.from == q.buyer;
        return _sellNamed(q, hash, payment, "");
    }

    /// @inheritdoc ITills
    function finalizeTill(Quote calldata q) external nonReentrant returns (uint256 keyId) {
        bytes32 hash = _fresh(q);
        if (q.buyer == address(0)) revert QuoteOpen(hash);
        IExchange.TillPayment memory payment;
        payment.agreed = msg.sender == q.buyer;
        return _sellNamed(q, hash, payment, "");
    }

    /// @inheritdoc ITills
    function refundTill(Quote calldata q, address token) external nonReentrant returns (uint256 amount) {
        bytes32 hash = quoteHashOf(q);
        if (q.buyer == address(0)) revert QuoteOpen(hash);
        amount = IERC20(token).balanceOf(_tillAddress(hash));
        _refund(q, hash, token, q.buyer, amount);
    }

    /// @inheritdoc ITills
    function refundByReceipt(
        Quote calldata q,
        address token,
        IReceiptProofs.Proof calldata proof
    ) external nonReentrant returns (uint256 amount) {
        bytes32 hash = quoteHashOf(q);
        if (q.buyer != address(0)) revert QuoteNotOpen(hash);
        (address from, uint256 value) = _useReceipt(hash, token, proof);
        uint256 gone;
        Spent memory spent = _spent[hash];
        if (from == spent.by && token == q.token) {
            gone = Math.min(value, spent.amount);
            _spent[hash].amount = spent.amount - uint96(gone);
            if (gone == value) return 0;
        }
        amount = Math.min(value - gone, IERC20(token).balanceOf(_tillAddress(hash)));
        _refund(q, hash, token, from, amount);
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

    /// @inheritdoc ITills
    function isReceiptUsed(uint256 blockNumber, uint256 txIndex, uint256 logIndex) external view returns (bool) {
        return _isReceiptUsed[_receiptId(blockNumber, txIndex, logIndex)];
    }

    /// @dev The hash of a quote that is still good.
    function _fresh(Quote calldata q) private view returns (bytes32 hash) {
        hash = quoteHashOf(q);
        if (_tillAddress(hash).code.length != 0) revert QuoteUsed(hash);
        if (block.timestamp > q.deadline) revert DeadlinePassed(q.deadline, block.timestamp);
    }

    /// @dev Sells the key to the quote's buyer for all that is in the till.
    function _sellNamed(
        Quote calldata q,
        bytes32 hash,
        IExchange.TillPayment memory payment,
        bytes memory refusal
    ) private returns (uint256 keyId) {
        payment.by = msg.sender;
        // Nobody pays for a free key: there it counts who called for it.
        if (payment.value == 0) payment.from = msg.sender;
        payment.funds = IERC20(q.token).balanceOf(_tillAddress(hash));
        return _sell(q, hash, payment, refusal);
    }

    /// @dev Sells the key to who paid in this call, for that alone: what else is in the till is somebody else's.
    function _sellOpen(Quote memory q, bytes32 hash, address from, uint256 value) private returns (uint256 keyId) {
        q.buyer = from;
        _spent[hash] = Spent(from, SafeCast.toUint96(value));
        return _sell(q, hash, IExchange.TillPayment(msg.sender, value, from, value, true), "");
    }

    /// @dev Sells the key for `payment.funds`; what is left of them goes back to the buyer. Where the money is not there, the token's own
    /// reason says more than that.
    function _sell(
        Quote memory q,
        bytes32 hash,
        IExchange.TillPayment memory payment,
        bytes memory refusal
    ) private returns (uint256 keyId) {
        address till = Clones.cloneDeterministic(tillImplementation, hash);
        try exchange.sellToTill(q, hash, payment) returns (uint256 id, uint256 change, address buyerEoa) {
            keyId = id;
            if (change != 0) Till(till).pay(IERC20(q.token), buyerEoa, change);
        } catch (bytes memory reason) {
            _revert(bytes4(reason) == IExchange.TillUnderfunded.selector ? refusal : bytes(""), reason);
        }
    }

    /// @dev Sends the till's money to `account`, or where its agent is now: before the deadline or a sale for that one alone.
    function _refund(Quote calldata q, bytes32 hash, address token, address account, uint256 amount) private {
        if (amount == 0) revert NothingToRefund(hash, token);
        uint256 agentId = registry.lastAgentOf(account);
        address payee = agentId == 0 ? account : registry.eoaOf(agentId);
        if (_tillAddress(hash).code.length == 0) {
            if (block.timestamp <= q.deadline && msg.sender != payee) {
                revert TillNotRefundable(hash, q.deadline, block.timestamp);
            }
            Clones.cloneDeterministic(tillImplementation, hash);
        }
        emit TillRefunded(hash, q.ekId, payee, token, amount);
        Till(_tillAddress(hash)).pay(IERC20(token), payee, amount);
    }

    /// @dev Who sent how much of the token into the till, by the token's own log, which counts once.
    function _useReceipt(
        bytes32 hash,
        address token,
        IReceiptProofs.Proof calldata proof
    ) private returns (address from, uint256 value) {
        IReceiptProofs.Log memory log = receipts.logOf(proof);
        if (log.emitter != token) revert LogOfOther(log.emitter, token);
        if (log.topics.length != 3 || log.topics[0] != TRANSFER_TOPIC || log.data.length != 32 || log.topics[1] == 0) {
            revert LogNotTransfer(token);
        }
        address to = address(uint160(uint256(log.topics[2])));
        if (to != _tillAddress(hash)) revert TransferToOther(to, _tillAddress(hash));
        bytes32 id = _receiptId(log.blockNumber, proof.txIndex, proof.logIndex);
        if (_isReceiptUsed[id]) revert ReceiptAlreadyUsed(log.blockNumber, proof.txIndex, proof.logIndex);
        _isReceiptUsed[id] = true;
        emit ReceiptUsed(hash, log.blockNumber, proof.txIndex, proof.logIndex);
        return (address(uint160(uint256(log.topics[1]))), abi.decode(log.data, (uint256)));
    }

    function _receiptId(uint256 blockNumber, uint256 txIndex, uint256 logIndex) private pure returns (bytes32) {
        return keccak256(abi.encode(blockNumber, txIndex, logIndex));
    }

    /// @dev With `first` if there is one.
    function _revert(bytes memory first, bytes memory second) private pure {
        bytes memory reason = first.length != 0 ? first : second;
        assembly ("memory-safe") {
            revert(add(reason, 0x20), mload(reason))
        }
    }

    function _tillAddress(bytes32 quoteHash) private view returns (address) {
        return Clones.predictDeterministicAddress(tillImplementation, quoteHash);
    }
}
