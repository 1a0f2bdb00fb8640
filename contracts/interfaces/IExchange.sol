// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IBountyPot} from "./IBountyPot.sol";
import {ICatalog} from "./ICatalog.sol";
import {IOrders} from "./IOrders.sol";
import {ITills} from "./ITills.sol";

/// @title The exchange: sales, escrow and everybody's money
/// @notice Sells Experience Keys at the listing's curve price. Money and key move in one transaction or not at all. Money is paid out
/// by withdrawal only, and only to the agent that it is owed to: no administrator can move or freeze it.
/// @dev An order is a key: the key's id is the order's id. Amounts are in the smallest units of the listing's payment token, below 2^96.
///
/// **Split.** Of a price the exchange's fee, the validators' bounty, the royalties and the referrer's part are taken by basis points, each
/// rounded down; all the rest, dust included, is the seller's.
interface IExchange is IOrders, IBountyPot {
    /// @notice Why an agent was credited.
    enum Share {
        Seller,
        Fee,
        Royalty,
        Referral,
        Bounty,
        Refund
    }

    /// @notice A wallet's order.
    struct Purchase {
        uint256 ekId;
        /// The version whose terms the buyer saw.
        uint32 version;
        /// Who gets the key: the payer, or the EOA of any agent.
        address recipient;
        /// The most that the buyer pays.
        uint256 maxPrice;
        /// Unix time, inclusive.
        uint256 deadline;
        /// The agent that brought the buyer; 0 = none.
        uint256 referrerId;
    }

    /// @notice An ERC-2612 permit for the exchange.
    struct Permit {
        uint256 value;
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice What the tills know of a payment.
    struct TillPayment {
        /// Who sent the call.
        address by;
        uint256 funds;
        /// Who paid `value` by authorization; with a value of 0 who sent the call.
        address from;
        uint256 value;
        /// The buyer sent the call or signed the authorization, so it may be made an agent.
        bool agreed;
    }

    /// @notice What a sale was, for the log.
    struct Sale {
        uint256 sellerId;
        uint32 version;
        /// The listing's count of sold keys after this one.
        uint32 soldAfter;
        /// When the key ends; 0 = never.
        uint40 expiry;
        /// Who paid: the wallet, or the signer of the authorization; the quote's buyer where the till's payer is not known. For a
        /// free key who called for it.
        address payer;
        /// The agent that a refund goes to.
        uint256 payerId;
        address token;
        uint256 price;
        /// When the escrow ends; 0 = the price was split at once.
        uint40 releaseTime;
        /// The exchange's part, in basis points, as it was at the sale.
        uint16 feeBps;
        uint256 referrerId;
        /// The quote's hash for a till sale, the authorization's nonce for a bound one, else zero.
        bytes32 paymentRef;
        /// Who sent the call; {ICardIssuer} for its sales, which has an event of its own.
        address by;
    }

    /// @notice A key was sold. The key's id is the order's.
    event KeySold(uint256 indexed ekId, uint256 indexed buyerId, uint256 indexed keyId, Sale sale);
    /// @notice A key's life was prolonged for a price, which was split at once.
    event KeyRenewed(
        uint256 indexed keyId,
        uint256 indexed payerId,
        uint40 expiry,
        address token,
        uint256 price,
        uint16 feeBps
    );
    /// @notice An order's money was let go or given back; `toBuyer` of it went to the buyer. `status` is final, or Disputed.
    event OrderStatusChanged(uint256 indexed keyId, OrderStatus status, uint256 toBuyer, address by);
    /// @notice The key behind the order was used for the first time, before the order ended.
    event OrderAccessed(uint256 indexed keyId, address by);
    /// @notice An agent can withdraw `amount` more, `creditAfter` in all.
    event Credited(
        uint256 indexed agentId,
        address indexed token,
        uint256 indexed keyId,
        Share share,
        uint256 amount,
        uint256 creditAfter
    );
    /// @notice The validators of a listing have `amount` more to share.
    event BountyFunded(
        uint256 indexed ekId,
        address indexed token,
        uint256 indexed keyId,
        uint256 amount,
        uint256 bountyAfter
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
    /// @notice Nothing new is sold or listed until `until`; everything that ends something goes on.
    event PausedUntil(uint256 until, address by);

    error UnknownListing(uint256 ekId);
    error NotAuthorized(uint256 agentId, address caller, uint256 action);
    /// @notice The call is another contract's of the house alone.
    error WrongCaller(address caller, address expected);
    error ListingNotActive(uint256 ekId, ICatalog.Status status);
    error VersionMismatch(uint256 ekId, uint32 current, uint32 given);
    error NotStarted(uint256 ekId, uint256 startTime, uint256 time);
    error Ended(uint256 ekId, uint256 endTime, uint256 time);
    error SoldOut(uint256 ekId, uint256 supplyCap);
    error CostAboveMaximum(uint256 cost, uint256 maximum);
    error DeadlinePassed(uint256 deadline, uint256 time);
    /// @notice Only an agent can be given a key. A buyer that signed or sent its purchase becomes one by it; nobody else does.
    error RecipientNotAgent(address recipient);
    error NotFree(uint256 ekId, uint256 cost);
    error NotForPoints(uint256 ekId);
    error TokenMismatch(uint256 ekId, address current, address given);
    /// @notice A batch is paid in one token.
    error MixedTokens(address first, address other);
    error BatchTooLarge(uint256 count, uint256 maximum);
    error BatchEmpty();
    /// @notice The token moved another amount than it was told to.
    error InexactTransfer(address token, uint256 expected, uint256 received);
    error TillUnderfunded(bytes32 quoteHash, uint256 balance, uint256 needed);
    /// @notice An authorization over nothing would prove no consent: some tokens take any call. What costs nothing is claimed.
    error NothingAuthorized();
    error NothingToWithdraw(uint256 agentId, address token);
    error FeeAboveMaximum(uint16 feeBps, uint16 maximum);
    error WrongWiring(address contract_);
    error ReleaseTooEarly(uint256 keyId, uint256 releaseTime, uint256 time);
    /// @notice Neither the seller nor, under the listing's refund terms, the buyer.
    error RefundRefused(uint256 keyId, address caller, ICatalog.RefundTerms refundTerms);
    error NotBuyer(uint256 keyId, address caller);
    error NotRenewable(uint256 keyId, uint32 version);
    error BountyExceeded(uint256 ekId, address token, uint256 bounty, uint256 needed);
    error LengthMismatch(uint256 agents, uint256 amounts);
    /// @notice The exchange takes nothing new until `until`.
    error Paused(uint256 until);
    error PauseTooLong(uint256 duration, uint256 maximum);
    /// @notice After a pause there is none before `from`.
    error PauseTooSoon(uint256 from, uint256 time);

    // ---------------------------------------------------------------- buying

    /// @notice Buys one key with the caller's tokens, by an allowance. A caller that is no agent yet becomes one.
    function buy(Purchase calldata purchase) external returns (uint256 keyId);

    /// @notice Buys up to {MAX_BATCH} keys, of one or many listings, all paid in one token and in one transfer.
    function buyBatch(Purchase[] calldata purchases) external returns (uint256[] memory keyIds);

    /// @notice {buy} after an ERC-2612 permit. A permit that somebody submitted first does no harm: the allowance decides.
    function buyWithPermit(Purchase calldata purchase, Permit calldata permit) external returns (uint256 keyId);

    /// @notice {buy} with a Permit2 signature of the caller for `purchase.maxPrice` of the listing's token and this contract as spender.
    function buyWithPermit2(
        Purchase calldata purchase,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external returns (uint256 keyId);

    /// @notice Buys for `from` by its ERC-3009 `ReceiveWithAuthorization` of `purchase.maxPrice`, valid from 0 to `purchase.deadline + 1`,
    /// whose nonce is {authorizationNonce}: it can pay for this purchase and nothing else. Anyone may submit it; `from` gets back
    /// what the curve did not ask for.
    function buyWithAuthorization(
        Purchase calldata purchase,
        address from,
        bytes32 salt,
        bytes calldata signature
    ) external returns (uint256 keyId);

    /// @notice Takes a key of a listing that costs nothing now.
    /// @param agentId The agent that gets it, for which the caller may act with {Actions.CLAIM}; 0 for the caller's own agent, which is
    /// registered when the caller is none yet.
    function claim(uint256 ekId, uint32 version, uint256 agentId) external returns (uint256 keyId);

    /// @notice Buys a key with the agent's points, at the version's price in points. {Actions.SPEND_POINTS}; `agentId` as in {claim}.
    function buyWithPoints(uint256 ekId, uint32 version, uint256 agentId) external returns (uint256 keyId);

    /// @notice {buy} by the card issuer, whose money waits at least `hold` seconds, and which may {reverse} it.
    function buyForCard(Purchase calldata purchase, uint32 hold) external returns (uint256 keyId);

    /// @notice Prolongs a key that ends by its version's term, at the listing's present price, from its end or from now. The version
    /// must still be the present one, and the key's order over. Anyone may pay.
    function renew(uint256 keyId, uint256 maxPrice, uint256 deadline) external returns (uint40 expiry);

    /// @notice Sells a quote's key for the money in its till, which is called back to pay; see {ITills}. The tills' contract alone.
    /// @param payment What the till holds, and who paid how much of it by authorization, as far as that is known.
    /// @return keyId The key.
    /// @return change What the till holds above the price.
    /// @return buyerEoa The buyer's present EOA, which that goes to.
    function sellToTill(
        ITills.Quote calldata q,
        bytes32 quoteHash,
        TillPayment calldata payment
    ) external returns (uint256 keyId, uint256 change, address buyerEoa);

    // ---------------------------------------------------------------- orders

    /// @notice Lets an order's money go to the seller's side once its window is over. Anyone.
    function release(uint256 keyId) external;

    /// @notice Lets it go before that. The buyer alone.
    function accept(uint256 keyId) external;

    /// @notice Gives a Held order's money back and burns the key: by the seller at any time, by the buyer before the release time if the
    /// refund terms let it.
    function refund(uint256 keyId) external;

    /// @notice Says that held keys were used, which ends {ICatalog.RefundTerms.UntilAccess}. Recorders only. A dispute stays open.
    function recordAccess(uint256[] calldata keyIds) external;

    /// @notice A card payment was taken back: an open order is refunded to the issuer, and the key burnt in any case. The card issuer alone,
    /// for keys that it paid.
    /// @return amount What the issuer was credited; 0 when the money was gone.
    function reverse(uint256 keyId) external returns (uint256 amount);

    /// @notice Pays out all that the agent has earned in `token`: to its EOA when anyone else calls, to `to` when the EOA itself does.
    function withdraw(uint256 agentId, address token, address to) external returns (uint256 amount);

    // -------------------------------------------------------- administration

    /// @notice Sets the fee on future sales, at most {MAX_FEE_BPS}, and who earns it. Administrators only.
    function setFee(uint16 feeBps, uint256 feeAgentId) external;

    /// @notice Stops sales and listings for `duration` seconds, at most {MAX_PAUSE}; 0 ends a pause. Every exit stays open. After a pause
    /// there is none for as long as {MAX_PAUSE}. Guardians only.
    function pause(uint256 duration) external;

    /// @notice A listing's new version. The catalogue alone.
    function setVersion(uint256 ekId, uint32 version, address pointer) external;

    /// @notice A listing's new status. The catalogue alone.
    function setStatus(uint256 ekId, ICatalog.Status status) external;

    // ----------------------------------------------------------------- views

    /// @notice The listing's present terms, as the contract whose code they are, and its state; zeros for an unknown listing.
    function headOf(
        uint256 ekId
    ) external view returns (address pointer, uint32 sold, uint32 version, ICatalog.Status status);

    /// @notice The terms of any version, as the contract whose code they are; zero for an unknown one.
    function termsPointer(uint256 ekId, uint32 version) external view returns (address);

    /// @notice The nonce that binds an ERC-3009 authorization to a purchase: a hash that names chain and exchange.
    function authorizationNonce(Purchase calldata purchase, bytes32 salt) external view returns (bytes32);

    /// @notice What the agent can withdraw in `token`.
    function creditOf(uint256 agentId, address token) external view returns (uint256);

    function feeBps() external view returns (uint16);

    function feeAgentId() external view returns (uint256);

    /// @notice When the present or last pause ends.
    function pausedUntil() external view returns (uint256);

    function MAX_FEE_BPS() external view returns (uint16);

    function MAX_PAUSE() external view returns (uint256);

    function MAX_BATCH() external view returns (uint256);
}
