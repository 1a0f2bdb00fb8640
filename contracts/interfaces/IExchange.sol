// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title The exchange: listings, sales and sellers' money
/// @notice Sells Experience Keys at the listing's curve price. Money and key move in one transaction or not at all. Money is paid out
/// by withdrawal only, and only to the agent that earned it: no administrator can move or freeze it.
/// @dev An order is a key: the key's id is the order's id. Amounts are in the smallest units of the listing's payment token.
interface IExchange {
    enum Status {
        None,
        Active,
        Paused,
        Archived
    }

    /// @notice What one version of a listing sells and for how much. Frozen: another version is another set of terms.
    struct Terms {
        /// The payment token; on the allowlist.
        address token;
        /// The price curve; on the allowlist.
        address curve;
        /// The curve's parameters.
        bytes curveParams;
        /// How many keys may ever be sold, all versions together; 0 = no cap.
        uint32 supplyCap;
        /// Unix time from which keys are sold; 0 = at once.
        uint40 startTime;
        /// Unix time at which sales end, exclusive; 0 = never.
        uint40 endTime;
        /// Seconds that a key lives; 0 = for ever.
        uint32 keyTtl;
        /// Bit set of {Scopes} that a key grants; at least one.
        uint8 scopes;
        /// Bit set of {Flags}.
        uint8 flags;
    }

    /// @notice What is sold, by hash.
    struct Content {
        /// keccak256 of the ContentManifest as canonical JSON (RFC 8785).
        bytes32 manifestHash;
        /// The public summary as canonical JSON (RFC 8785); empty when `uri` says where it is.
        string summary;
        /// Where the summary is, when it is not in the event.
        string uri;
        /// keccak256 of the summary's bytes; checked against `summary` when that is given.
        bytes32 summaryHash;
    }

    /// @notice A listing as stored.
    struct Listing {
        uint64 sellerId;
        uint32 version;
        uint32 sold;
        Status status;
        Terms terms;
        /// keccak256(abi.encode(manifestHash, summaryHash)) of the present version.
        bytes32 contentHash;
    }

    /// @notice A wallet's order.
    struct Purchase {
        uint256 ekId;
        /// The version whose terms the buyer saw.
        uint32 version;
        /// Who gets the key: the caller, or the EOA of any agent.
        address recipient;
        /// The most that the buyer pays.
        uint256 maxPrice;
        /// Unix time, inclusive.
        uint256 deadline;
    }

    /// @notice An ERC-2612 permit for the exchange.
    struct Permit {
        uint256 value;
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

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

    /// @notice What a sale was, for the log.
    struct Sale {
        uint256 sellerId;
        uint32 version;
        /// The listing's count of sold keys after this one.
        uint32 soldAfter;
        /// When the key ends; 0 = never.
        uint40 expiry;
        /// Who paid: the wallet, or the signer of the authorization; the quote's buyer where the till's payer is not known.
        address payer;
        address token;
        uint256 price;
        /// The exchange's part of the price.
        uint256 fee;
        /// What the seller can withdraw in `token` after it; left at 0 by a free sale, which changes no credit.
        uint256 sellerCredit;
        /// The quote's hash for a till sale, else zero.
        bytes32 paymentRef;
        /// Who sent the transaction.
        address by;
    }

    /// @notice A listing was created (version 1) or got a new version.
    event ListingVersion(
        uint256 indexed ekId,
        uint256 indexed sellerId,
        uint32 indexed version,
        Terms terms,
        Content content,
        address by
    );
    event ListingStatus(uint256 indexed ekId, Status status, address by);
    /// @notice A key was sold. The key's id is the order's.
    event KeySold(uint256 indexed ekId, uint256 indexed buyerId, uint256 indexed keyId, Sale sale);
    /// @notice Money in a till went back to the quote's buyer.
    event TillRefunded(
        bytes32 indexed quoteHash,
        uint256 indexed ekId,
        address indexed buyer,
        address token,
        uint256 amount
    );
    event Withdrawn(
        uint256 indexed agentId,
        address indexed token,
        address to,
        uint256 amount,
        uint256 creditAfter,
        address by
    );
    /// @notice The fee on sales from now on, in basis points of the price, and the agent that earns it.
    event FeeSet(uint16 feeBps, uint256 indexed feeAgentId);
    event FeeCredited(uint256 indexed agentId, address indexed token, uint256 amount, uint256 creditAfter);
    event TokenAllowed(address indexed token, bool allowed);
    event CurveAllowed(address indexed curve, bool allowed);

    error UnknownListing(uint256 ekId);
    error NotAuthorized(uint256 agentId, address caller, uint256 action);
    error TokenNotAllowed(address token);
    error CurveNotAllowed(address curve);
    error InvalidScopes(uint8 scopes);
    error InvalidFlags(uint8 flags);
    error InvalidTimes(uint40 startTime, uint40 endTime);
    error SupplyCapBelowSold(uint32 supplyCap, uint32 sold);
    error ManifestHashMissing();
    error SummaryHashMismatch(bytes32 expected, bytes32 given);
    error SummaryMissing();
    error SummaryTooLong(uint256 length, uint256 maximum);
    /// @notice An archived listing stays archived; a status can't be set to what it is, nor to None.
    error InvalidStatus(uint256 ekId, Status current, Status given);
    error ListingNotActive(uint256 ekId, Status status);
    error VersionMismatch(uint256 ekId, uint32 current, uint32 given);
    error NotStarted(uint256 ekId, uint256 startTime, uint256 time);
    error Ended(uint256 ekId, uint256 endTime, uint256 time);
    error SoldOut(uint256 ekId, uint256 supplyCap);
    error CostAboveMaximum(uint256 cost, uint256 maximum);
    error DeadlinePassed(uint256 deadline, uint256 time);
    /// @notice Only an agent can be given a key by {buy}. A till makes its quote's buyer an agent, if it is none yet.
    error RecipientNotAgent(address recipient);
    error NotFree(uint256 ekId, uint256 cost);
    error TokenMismatch(uint256 ekId, address current, address given);
    /// @notice The token moved another amount than it was told to.
    error InexactTransfer(address token, uint256 expected, uint256 received);
    /// @notice The quote was already turned into a key or refunded.
    error QuoteUsed(bytes32 quoteHash);
    error TillUnderfunded(address till, uint256 balance, uint256 needed);
    error TillNotRefundable(bytes32 quoteHash, uint256 deadline, uint256 time);
    error NothingToRefund(bytes32 quoteHash, address token);
    error NothingToWithdraw(uint256 agentId, address token);
    error FeeAboveMaximum(uint16 feeBps, uint16 maximum);
    error WrongWiring(address contract_);

    /// @notice Creates a listing and returns its id.
    /// @param sellerId The selling agent, for which the caller may act with {Actions.LIST}; 0 for the caller's own agent, which is
    /// registered when the caller is none yet.
    function list(uint256 sellerId, Terms calldata terms, Content calldata content) external returns (uint256 ekId);

    /// @notice Replaces a listing's terms and content by a new version. Keys sold before keep what they bought.
    function update(uint256 ekId, Terms calldata terms, Content calldata content) external returns (uint32 version);

    /// @notice Pauses, resumes or archives a listing. Sold keys are not touched.
    function setStatus(uint256 ekId, Status status) external;

    /// @notice Buys one key with the caller's tokens, by an allowance. A caller that is no agent yet becomes one.
    function buy(Purchase calldata purchase) external returns (uint256 keyId);

    /// @notice {buy} after an ERC-2612 permit. A permit that somebody submitted first does no harm: the allowance decides.
    function buyWithPermit(Purchase calldata purchase, Permit calldata permit) external returns (uint256 keyId);

    /// @notice Takes a key of a listing that costs nothing now.
    /// @param agentId The agent that gets it, for which the caller may act with {Actions.CLAIM}; 0 for the caller's own, as in {list}.
    function claim(uint256 ekId, uint32 version, uint256 agentId) external returns (uint256 keyId);

    /// @notice Moves the authorization's money into the quote's till and the key to its buyer. Anyone may call it. If somebody
    /// submitted the authorization itself first, the money is in the till already and the call goes on from there.
    /// @dev Only the till's balance decides. `authorizationState` is never asked: it is also true after a cancellation.
    function buyViaTill(
        Quote calldata q,
        Authorization calldata authorization,
        bytes calldata signature
    ) external returns (uint256 keyId);

    /// @notice Turns a funded till into its key. Anyone may call it, until the quote's deadline.
    function finalizeTill(Quote calldata q) external returns (uint256 keyId);

    /// @notice Sends all of `token` in the quote's till to its buyer: after the deadline or the sale by anyone, before that by the
    /// buyer itself. It ends the quote.
    function refundTill(Quote calldata q, address token) external returns (uint256 amount);

    /// @notice Pays out all that the agent has earned in `token`: to its EOA when anyone else calls, to `to` when the EOA itself does.
    function withdraw(uint256 agentId, address token, address to) external returns (uint256 amount);

    /// @notice Sets the fee on future sales, at most {MAX_FEE_BPS}, and who earns it. Administrators only.
    function setFee(uint16 feeBps, uint256 feeAgentId) external;

    /// @notice Allows or disallows a payment token for new listings and versions. Administrators only.
    function allowToken(address token, bool allowed) external;

    /// @notice Allows or disallows a price curve for new listings and versions. Administrators only.
    function allowCurve(address curve, bool allowed) external;

    /// @notice Cost of the next `count` keys of the listing at `time`, from what is sold now on.
    /// @dev At most 256 keys: more revert with the curve's {IPriceCurve-CurveCountTooLarge}.
    function quote(uint256 ekId, uint256 count, uint256 time) external view returns (uint256 cost);

    /// @notice The quote's identity: its EIP-712 hash, which names chain and exchange.
    function quoteHashOf(Quote calldata q) external view returns (bytes32);

    /// @notice The address that pays for this quote and nothing else: what arrives there becomes the buyer's key or goes back to it.
    function tillOf(Quote calldata q) external view returns (address);

    /// @notice Whether the quote became a key or was refunded.
    function isQuoteUsed(Quote calldata q) external view returns (bool);

    function listingOf(uint256 ekId) external view returns (Listing memory);

    /// @notice The seller, present version, its flags and its status, in one call; zeros for an unknown listing.
    function listingHead(
        uint256 ekId
    ) external view returns (uint256 sellerId, uint32 version, uint8 flags, Status status);

    /// @notice What the agent can withdraw in `token`.
    function creditOf(uint256 agentId, address token) external view returns (uint256);

    /// @notice How many listings there are; ids run from 1.
    function listingCount() external view returns (uint256);

    function feeBps() external view returns (uint16);

    function feeAgentId() external view returns (uint256);

    function isTokenAllowed(address token) external view returns (bool);

    function isCurveAllowed(address curve) external view returns (bool);

    function MAX_FEE_BPS() external view returns (uint16);
}
