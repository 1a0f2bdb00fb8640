// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Tills: an address per quote, so that money and key can't part
/// @notice Somebody who pays by a plain ERC-3009 transfer signs no word about what it buys. So each quote has an address of its own, its
/// till: what arrives there becomes the key of that quote or goes back to its buyer, whoever submits the transfer.
/// @dev The quote's hash is EIP-712, domain "MOA Tills", version "1", this contract.
interface ITills {
    /// @notice An offer that a payment can be bound to: see {tillOf}.
    struct Quote {
        uint256 ekId;
        uint32 version;
        /// Who gets the key, or the money back.
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

    /// @notice Money in a till went back to the quote's buyer. For a token that no listing has ever had it means nothing.
    event TillRefunded(
        bytes32 indexed quoteHash,
        uint256 indexed ekId,
        address indexed buyer,
        address token,
        uint256 amount
    );

    /// @notice The quote was already turned into a key or refunded.
    error QuoteUsed(bytes32 quoteHash);
    error DeadlinePassed(uint256 deadline, uint256 time);
    error NotExchange(address caller);
    error TillNotRefundable(bytes32 quoteHash, uint256 deadline, uint256 time);
    error NothingToRefund(bytes32 quoteHash, address token);

    /// @notice Moves the authorization's money into the quote's till and the key to its buyer. Anyone may call it. If somebody
    /// submitted the authorization itself first, the money is in the till already and the call goes on from there. A buyer that is no
    /// agent yet becomes one if it sent the call or signed the authorization.
    /// @dev Only the till's balance decides. `authorizationState` is never asked: it is also true after a cancellation.
    function buyViaTill(
        Quote calldata q,
        Authorization calldata authorization,
        bytes calldata signature
    ) external returns (uint256 keyId);

    /// @notice Turns a funded till into its key. Anyone may call it, until the quote's deadline; for a buyer that is no agent yet only
    /// the buyer, since nobody is made an agent unasked.
    function finalizeTill(Quote calldata q) external returns (uint256 keyId);

    /// @notice Sends all of `token` in the quote's till to its buyer: after the deadline or the sale by anyone, before that by the
    /// buyer itself. It ends the quote.
    function refundTill(Quote calldata q, address token) external returns (uint256 amount);

    /// @notice Pays `amount` of the till's money to the exchange, for a key. The exchange alone.
    function pay(bytes32 quoteHash, address token, uint256 amount) external;

    /// @notice The quote's identity: its EIP-712 hash, which names chain and exchange.
    function quoteHashOf(Quote calldata q) external view returns (bytes32);

    /// @notice The address that pays for this quote and nothing else: what arrives there becomes the buyer's key or goes back to it.
    function tillOf(Quote calldata q) external view returns (address);

    /// @notice Whether the quote became a key or was refunded.
    function isQuoteUsed(Quote calldata q) external view returns (bool);

    /// @notice The code that every till is a clone of.
    function tillImplementation() external view returns (address);
}
