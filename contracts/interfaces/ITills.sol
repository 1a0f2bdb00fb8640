// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IReceiptProofs} from "./IReceiptProofs.sol";

/// @title Tills: an address per quote, so that money and key can't part
/// @notice Somebody who pays by a plain ERC-3009 transfer signs no word about what it buys. So each quote has an address of its own, its
/// till: what arrives there becomes the key of that quote or goes back to its buyer, whoever submits the transfer.
///
/// A quote that names no buyer (the zero address) is *open*: it serves whoever's authorization the same transaction carries, once. Money
/// that was in its till before buys nobody a key, since nobody knows here whose it is; it goes back to the sender that the token's own
/// log of the transfer names, see {refundByReceipt}.
/// @dev The quote's hash is EIP-712, domain "MOA Tills", version "1", this contract.
interface ITills {
    /// @notice An offer that a payment can be bound to: see {tillOf}.
    struct Quote {
        uint256 ekId;
        uint32 version;
        /// Who gets the key, or the money back; zero for whoever signs the payment.
        address buyer;
        address token;
        /// The price quoted. The curve may ask for less at the sale (the rest goes back to `buyer`), never for more.
        uint256 maxPrice;
        /// Unix time, inclusive, after which the quote can only be refunded.
        uint256 deadline;
        bytes32 salt;
    }

    /// @notice An ERC-3009 authorization by which `from` pays a till.
    struct Authorization {
        address from;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// @notice x402's `upto`: a Permit2 permission by which `from` lets a till have up to `amount` of the quote's token. Its witness names
    /// the till and, as the only facilitator, this contract.
    struct Permission {
        address from;
        uint256 amount;
        uint256 nonce;
        uint256 deadline;
        uint256 validAfter;
    }

    /// @notice Money in a till went back to the quote's buyer. For a token that no listing has ever had it means nothing.
    event TillRefunded(
        bytes32 indexed quoteHash,
        uint256 indexed ekId,
        address indexed buyer,
        address token,
        uint256 amount
    );

    /// @notice A transfer was shown by its receipt, and counts no more.
    event ReceiptUsed(bytes32 indexed quoteHash, uint256 blockNumber, uint256 txIndex, uint256 logIndex);

    /// @notice The quote was already turned into a key or refunded.
    error QuoteUsed(bytes32 quoteHash);
    error DeadlinePassed(uint256 deadline, uint256 time);
    error NotExchange(address caller);
    error TillNotRefundable(bytes32 quoteHash, uint256 deadline, uint256 time);
    error NothingToRefund(bytes32 quoteHash, address token);
    /// @notice The quote names no buyer: what is in its till goes back by receipt alone.
    error QuoteOpen(bytes32 quoteHash);
    /// @notice The quote names a buyer, whose all that is in its till is.
    error QuoteNotOpen(bytes32 quoteHash);
    /// @notice Nothing came into the open quote's till with this call.
    error NothingPaid(bytes32 quoteHash);
    /// @notice The receipt's log is another contract's than the token's.
    error LogOfOther(address emitter, address token);
    /// @notice The receipt's log is no ERC-20 transfer from an account.
    error LogNotTransfer(address emitter);
    /// @notice The receipt's log is a transfer to somewhere else.
    error TransferToOther(address to, address till);
    error ReceiptAlreadyUsed(uint256 blockNumber, uint256 txIndex, uint256 logIndex);

    /// @notice Moves the authorization's money into the quote's till and the key to its buyer. Anyone may call it. If somebody
    /// submitted the authorization itself first, the money is in the till already and the call goes on from there. A buyer that is no
    /// agent yet becomes one if it sent the call or signed the authorization. For an open quote the money must come with this very
    /// call: its signer is the buyer, also of what the curve does not ask for.
    /// @dev Only the till's balance decides. `authorizationState` is never asked: it is also true after a cancellation.
    function buyViaTill(
        Quote calldata q,
        Authorization calldata authorization,
        bytes calldata signature
    ) external returns (uint256 keyId);

    /// @notice Takes by a permission exactly what the key costs now and sells it: to the quote's buyer, or to who signed when the quote is
    /// open. Anyone may call it. Nobody else can make use of the permission, so money and key can't part.
    /// @param signature Of x402's `PermitWitnessTransferFrom`, with its `upto` proxy as spender.
    function buyUpto(
        Quote calldata q,
        Permission calldata permission,
        bytes calldata signature
    ) external returns (uint256 keyId);

    /// @notice Turns a funded till into its key. Anyone may call it, until the quote's deadline; for a buyer that is no agent yet only
    /// the buyer, since nobody is made an agent unasked. Not for an open quote.
    function finalizeTill(Quote calldata q) external returns (uint256 keyId);

    /// @notice Sends all of `token` in the quote's till to its buyer: after the deadline or the sale by anyone, before that by the
    /// buyer itself. It ends the quote. Not for an open quote.
    function refundTill(Quote calldata q, address token) external returns (uint256 amount);

    /// @notice Sends the money of one transfer into an open quote's till back to the sender that `token`'s log names, or to its agent's
    /// present EOA: after the deadline or the sale by anyone, before that by the sender itself. It ends the quote.
    /// @dev The sale's own transfer counts as the sender's first, and its money is gone: that much of what the same account sent pays
    /// nothing, and the call goes through, so that the account's further transfers pay. Of a token that delivers less than its logs say
    /// the last ones get what is left. A sender is whoever the log names: what a pool or a bridge sent goes back to it.
    /// @return amount What was sent; never more than the till held.
    function refundByReceipt(
        Quote calldata q,
        address token,
        IReceiptProofs.Proof calldata proof
    ) external returns (uint256 amount);

    /// @notice Pays `amount` of the till's money to the exchange, for a key. The exchange alone.
    function pay(bytes32 quoteHash, address token, uint256 amount) external;

    /// @notice The quote's identity: its EIP-712 hash, which names chain and exchange.
    function quoteHashOf(Quote calldata q) external view returns (bytes32);

    /// @notice The address that pays for this quote and nothing else: what arrives there becomes the buyer's key or goes back to it.
    function tillOf(Quote calldata q) external view returns (address);

    /// @notice Whether the quote became a key or was refunded.
    function isQuoteUsed(Quote calldata q) external view returns (bool);

    /// @notice Whether that transfer was shown to {refundByReceipt} before.
    function isReceiptUsed(uint256 blockNumber, uint256 txIndex, uint256 logIndex) external view returns (bool);

    /// @notice Who checks receipts.
    function receipts() external view returns (IReceiptProofs);

    /// @notice The code that every till is a clone of.
    function tillImplementation() external view returns (address);
}
