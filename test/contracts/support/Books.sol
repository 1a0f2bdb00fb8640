// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {Deployment} from "./Deployment.sol";
import {PointsBook} from "./PointsBook.sol";

/// @title The ghost books: what ought to be true, kept from what was done and never read from the contracts
abstract contract Books is Deployment, PointsBook {
    /// @dev One sale and what became of its money. Shares stand at the place of their {IExchange.Share}; the bounty's is what went to the
    /// pot. Amounts are those of all payments for the key: its price and its renewals.
    struct Order {
        uint256 keyId;
        uint256 ekId;
        uint256 sellerId;
        /// The agent that the key was made for.
        uint256 buyerId;
        /// The agent that a refund goes to.
        uint256 payerId;
        uint256 referrerId;
        uint32 version;
        address token;
        uint256 price;
        uint256 feeBps;
        /// The number of keys sold before this one.
        uint256 index;
        uint256 maxPrice;
        uint256 deadline;
        uint256 time;
        /// The quote's hash where a till paid, an authorization's nonce, else zero.
        bytes32 paymentRef;
        uint256 releaseTime;
        IOrders.OrderStatus status;
        bool accessed;
        /// A charge was taken back after the money had gone.
        bool revoked;
        uint256 paid;
        uint256 held;
        uint256[6] shares;
        /// What the shares would be without rounding, times 10,000; and how often there was something to share.
        uint256[6] exact;
        uint256 splits;
    }

    struct ChargeEntry {
        bytes32 id;
        uint256 keyId;
        bool reversed;
    }

    struct QuoteEntry {
        ITills.Quote quote;
        bytes32 hash;
        address till;
        bool used;
        uint256 keys;
        /// Who bought by it, if it was open, and what of that one's transfers the sale took and no receipt was shown for yet.
        address signer;
        uint256 spent;
    }

    /// @dev A transfer into an open quote's till, which one can be shown the receipt of.
    struct Sent {
        uint256 quote;
        address token;
        address from;
        uint256 value;
        bool shown;
    }

    /// @dev An ERC-3009 authorization that the token accepted.
    struct Payment {
        address token;
        address payer;
        bytes32 nonce;
    }

    struct Grant {
        uint256 actions;
        uint64 expiry;
        uint32 epoch;
    }

    /// @dev What somebody may do with a key: valid while `agentId` holds it and is in `epoch`.
    struct KeyApproval {
        address operator;
        uint256 agentId;
        uint32 epoch;
    }

    struct Consent {
        uint256 agentId;
        uint32 epoch;
        uint64 deadline;
    }

    /// @dev Runs while `expires` is ahead.
    struct Rental {
        uint256 tenantId;
        uint256 expires;
    }

    /// @dev What an agent's access to a listing goes by: what it bought or preferred last, what was given to it, and which came later.
    struct Access {
        uint256 chosen;
        uint256 given;
        bool givenLater;
    }

    struct LabelSums {
        uint256 count;
        uint256[5] scores;
    }

    /// @dev Where some earners send what they withdraw.
    address internal constant COLD_WALLET = address(0xc01d);

    /// @dev All who act. Any of them can be seller, buyer, payer, validator, operator or thief.
    address[] public accounts;
    address[] public tokens;
    /// @notice The card issuer's contract, which is an agent once it has bought something.
    address public cardDesk;
    /// @notice How many calls were tried.
    uint256 public steps;

    // ---------------------------------------------------------------- agents

    uint256 public agentCount;
    mapping(uint256 agentId => address) public eoaOf;
    mapping(uint256 agentId => uint32) public epochOf;
    mapping(uint256 agentId => mapping(uint32 epoch => address)) public eoaAt;
    /// @dev The agent that an account is now, and the one that it is or ever was; 0 for none.
    mapping(address account => uint256) public agentAt;
    mapping(address account => uint256) public everAgentAt;
    /// @dev How many signatures of the account the registry has used up, or the account burnt.
    mapping(address account => uint256) public nonceOf;
    mapping(uint256 agentId => mapping(address operator => Grant)) internal _grants;
    mapping(uint256 agentId => address) internal _lastOperator;
    mapping(address account => Consent) internal _consents;
    mapping(uint256 agentId => address) internal _lastConsenter;
    mapping(bytes32 digest => bool) internal _usedDigests;

    // ------------------------------------------------- listings, orders, keys

    uint256 public listingCount;
    mapping(uint256 ekId => ICatalog.Listing) internal _listings;
    mapping(uint256 ekId => mapping(uint32 version => ICatalog.Terms)) internal _versions;
    Order[] internal _orders;
    mapping(uint256 keyId => uint256 place) internal _places;
    mapping(uint256 keyId => uint256) public ordersOf;
    /// @dev The places of the orders that were touched last.
    uint256[4] internal _touched;
    uint256 private _touches;
    mapping(uint256 ekId => mapping(uint256 agentId => uint256)) public bought;
    mapping(uint256 keyId => IExperienceKey.Key) internal _keys;
    mapping(uint256 agentId => uint256) public keysHeldBy;
    mapping(uint256 ekId => mapping(uint256 agentId => Access)) internal _access;
    mapping(uint256 keyId => Rental) internal _rentals;
    mapping(uint256 keyId => KeyApproval) internal _keyApprovals;
    mapping(uint256 agentId => mapping(uint32 epoch => mapping(address operator => bool))) internal _keyOperators;
    mapping(uint256 agentId => address) internal _lastKeyOperator;

    // ----------------------------------------------------------------- money

    /// @dev Every balance of every account that ever held a token here: actors, tills, the exchange.
    mapping(address token => mapping(address account => uint256)) public held;
    mapping(uint256 agentId => mapping(address token => uint256)) public creditOf;
    mapping(uint256 agentId => mapping(address token => uint256)) public earned;
    mapping(uint256 agentId => mapping(address token => uint256)) public withdrawn;
    /// @dev Sent to the exchange without a sale.
    mapping(address token => uint256) public donated;
    mapping(address token => bool) public tokenAllowed;
    uint16 public feeBps;
    uint256 public feeAgentId;
    QuoteEntry[] internal _quotes;
    mapping(address till => uint256 quote) internal _quoteOf;
    Sent[] internal _sent;
    Payment[] internal _payments;
    ChargeEntry[] internal _charges;
    mapping(uint256 ekId => mapping(address token => uint256)) public bountyOf;
    mapping(address token => mapping(uint256 day => uint256)) internal _chargedOn;
    uint256 public pausedUntil;
    uint256 public pausableFrom;

    // ---------------------------------------------------------------- labels

    mapping(uint256 ekId => LabelSums) internal _labelSums;
    mapping(uint256 ekId => mapping(uint256 validatorId => uint256)) public labelsBy;
    mapping(uint256 ekId => mapping(uint256 validatorId => bool)) internal _validatorAllowed;
    /// @dev Of those who said something good and nothing bad.
    mapping(uint256 ekId => mapping(uint256 validatorId => bool)) internal _praises;
    mapping(uint256 validatorId => uint256) internal _bonded;
    /// @dev Whose label the endorsement rests on. Nobody withdraws, revises or challenges here: a bond is all that can go.
    mapping(uint256 ekId => uint256 validatorId) internal _endorserOf;

    /// @dev Whether the validator's word can carry an endorsement now.
    function _vouches(uint256 ekId, uint256 validatorId, uint256 stake) internal view returns (bool) {
        return _praises[ekId][validatorId] && _bonded[validatorId] >= stake;
    }

    // --------------------------------------------------------------- entries

    function _move(address token, address from, address to, uint256 amount) internal {
        held[token][from] -= amount;
        held[token][to] += amount;
    }

    function _earn(uint256 agentId, address token, uint256 amount) internal {
        creditOf[agentId][token] += amount;
        earned[agentId][token] += amount;
    }

    /// @dev The invariants look at it next.
    function _touch(uint256 keyId) internal {
        _touched[_touches++ % _touched.length] = _places[keyId];
    }

    function _enter(address account) internal returns (uint256 agentId) {
        agentId = ++agentCount;
        eoaOf[agentId] = account;
        eoaAt[agentId][0] = account;
        agentAt[account] = agentId;
        everAgentAt[account] = agentId;
    }

    function _bookRotation(uint256 agentId, address to) internal {
        agentAt[eoaOf[agentId]] = 0;
        // What the account signed before is void, also when the agent comes back to it.
        ++nonceOf[eoaOf[agentId]];
        eoaOf[agentId] = to;
        eoaAt[agentId][++epochOf[agentId]] = to;
        agentAt[to] = agentId;
        everAgentAt[to] = agentId;
    }

    // ----------------------------------------------------------------- rules

    /// @notice Whether the books know a live grant of `agentId` to `account`.
    function isOperator(uint256 agentId, address account) public view returns (bool) {
        Grant memory g = _grants[agentId][account];
        return g.actions != 0 && g.expiry > block.timestamp && g.epoch == epochOf[agentId];
    }

    function _mayAct(uint256 agentId, address account, uint256 action) internal view returns (bool) {
        if (agentId == 0 || agentId > agentCount) return false;
        if (eoaOf[agentId] == account) return true;
        return isOperator(agentId, account) && _grants[agentId][account].actions & action != 0;
    }

    /// @dev Where a quote's buyer is now: it may have rotated.
    function _presentOf(address buyer) internal view returns (address) {
        uint256 agentId = everAgentAt[buyer];
        return agentId == 0 ? buyer : eoaOf[agentId];
    }
}
