// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {Deployment} from "./Deployment.sol";
import {PointsBook} from "./PointsBook.sol";

/// @title The ghost books: what ought to be true, kept from what was done and never read from the contracts
abstract contract Books is Deployment, PointsBook {
    /// @dev One sale. The shares are what the contracts credited; everything else is what the books expected of it.
    struct Order {
        uint256 keyId;
        uint256 ekId;
        uint256 sellerId;
        uint256 buyerId;
        address token;
        uint256 price;
        uint256 sellerShare;
        uint256 feeShare;
        uint256 feeBps;
        /// The number of keys sold before this one.
        uint256 index;
        uint256 maxPrice;
        uint256 deadline;
        uint256 time;
        /// The quote's hash where a till paid, else zero.
        bytes32 quoteHash;
    }

    struct QuoteEntry {
        ITills.Quote quote;
        bytes32 hash;
        address till;
        bool used;
        uint256 keys;
    }

    /// @dev An ERC-3009 authorization that the token accepted, and the quote to whose till it went.
    struct Payment {
        address token;
        address payer;
        bytes32 nonce;
        uint256 quoteIndex;
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

    // The three below are pages for reading, made up when asked for.

    struct AgentEntry {
        address eoa;
        uint32 epoch;
        uint256 points;
        uint256 keys;
    }

    struct AccountEntry {
        address account;
        uint256 agentId;
        uint256 everAgentId;
        uint256 nonces;
    }

    struct Revenue {
        uint256 earned;
        uint256 withdrawn;
        uint256 open;
    }

    /// @dev Where some earners send what they withdraw.
    address internal constant COLD_WALLET = address(0xc01d);

    /// @dev All who act. Any of them can be seller, buyer, payer, validator, operator or thief.
    address[] public accounts;
    address[] public tokens;

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
    Order[] internal _orders;
    mapping(uint256 keyId => uint256) public ordersOf;
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
    Payment[] internal _payments;

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

    /// @dev The agent that rents the key now; 0 for none.
    function _tenant(uint256 keyId) internal view returns (uint256) {
        Rental memory rental = _rentals[keyId];
        return rental.expires > block.timestamp ? rental.tenantId : 0;
    }

    /// @dev Until when the agent may use the key; 0 when it may not now. A rented key is its tenant's and not its holder's.
    function _usedUntil(uint256 keyId, uint256 agentId) internal view returns (uint256) {
        IExperienceKey.Key storage key = _keys[keyId];
        if (key.agentId == 0) return 0;
        uint256 tenantId = _tenant(keyId);
        if (agentId != (tenantId == 0 ? key.agentId : tenantId)) return 0;
        if (tenantId != 0) return _rentals[keyId].expires;
        if (key.expiry == 0) return type(uint256).max;
        return key.expiry > block.timestamp ? key.expiry : 0;
    }

    /// @dev Whether `keyId` gives the agent all that `other` does, for as long.
    function _isAsGood(uint256 keyId, uint256 other, uint256 agentId) internal view returns (bool) {
        bool lasts = _usedUntil(keyId, agentId) >= _usedUntil(other, agentId);
        bool covers = _keys[keyId].scopes & _keys[other].scopes == _keys[other].scopes;
        return lasts && covers && _keys[keyId].version >= _keys[other].version;
    }

    /// @dev The key by which the agent may use the Experience.
    function _accessKey(uint256 ekId, uint256 agentId) internal view returns (uint256 keyId) {
        Access memory access = _access[ekId][agentId];
        uint256 first = _keyId(ekId, agentId, 0);
        if (_usedUntil(access.chosen, agentId) != 0) keyId = access.chosen;
        else if (_usedUntil(first, agentId) != 0) keyId = first;
        if (_usedUntil(access.given, agentId) == 0) return keyId;
        if (keyId == 0) return access.given;
        return access.givenLater && _isAsGood(access.given, keyId, agentId) ? access.given : keyId;
    }

    function _bookChoice(uint256 keyId, uint256 agentId) internal {
        Access storage access = _access[keyId >> 96][agentId];
        // An agent that never had a key of its own has no choice but among what it was given.
        if (bought[keyId >> 96][agentId] == 0) access.given = keyId;
        else (access.chosen, access.givenLater) = (keyId, false);
    }

    /// @dev `isFinal`: no refund can take the key away again.
    function _bookGift(uint256 keyId, uint256 agentId, bool isFinal) internal {
        Access storage access = _access[keyId >> 96][agentId];
        bool stays = _usedUntil(access.given, agentId) != 0;
        if (isFinal && _isAsGood(keyId, access.given, agentId)) stays = false;
        if (keyId == _keyId(keyId >> 96, agentId, 0)) {
            if (stays && _usedUntil(access.chosen, agentId) == 0) access.chosen = access.given;
        } else if (!stays) {
            access.given = keyId;
            access.givenLater = bought[keyId >> 96][agentId] != 0;
        }
    }

    function _keyId(uint256 ekId, uint256 buyerId, uint256 n) internal pure returns (uint256) {
        return ekId * 2 ** 96 + buyerId * 2 ** 32 + n;
    }
}
