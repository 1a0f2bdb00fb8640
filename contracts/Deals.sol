// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";
import {IExchange} from "./interfaces/IExchange.sol";
import {IExperienceKey} from "./interfaces/IExperienceKey.sol";
import {IPointsLedger} from "./interfaces/IPointsLedger.sol";
import {IPriceCurve} from "./interfaces/IPriceCurve.sol";
import {TermsCode} from "./libraries/TermsCode.sol";

/// @title Deals
/// @dev What {Exchange} knows before a sale: its neighbours, its policy, the state of every listing, the price, and who gets the key.
abstract contract Deals is IExchange, AccessManaged, ReentrancyGuardTransient {
    /// @dev One slot: all that a sale reads and counts of a listing.
    struct Head {
        address terms;
        uint32 sold;
        uint32 version;
        ICatalog.Status status;
    }

    /// @dev One slot.
    struct Policy {
        uint64 feeAgentId;
        uint16 feeBps;
        uint40 pausedUntil;
        uint40 pausableFrom;
    }

    /// @dev A sale in the making.
    struct Deal {
        uint256 ekId;
        uint256 sellerId;
        ICatalog.Terms terms;
        uint32 version;
        uint32 sold;
        uint256 cost;
        Buyer buyer;
        /// The agent that a refund goes to; the buyer, unless somebody gave the key.
        uint256 payerId;
        address payer;
        uint256 referrerId;
        uint256 hold;
        uint16 feeBps;
        bytes32 paymentRef;
        /// Who called the tills; zero for all other sales.
        address by;
    }

    /// @dev Who gets a key, and whether it asked for it.
    struct Buyer {
        uint256 agentId;
        address eoa;
        uint32 epoch;
        bool asked;
    }

    /// @dev Where everybody finds what it is wired to, for ever.
    struct Wiring {
        IAgentRegistry registry;
        ICatalog catalog;
        IExperienceKey keys;
        IPointsLedger points;
        address tills;
        address consensus;
        address disputes;
        address cardIssuer;
    }

    uint256 private constant MAX_PRICE = type(uint96).max;

    /// @inheritdoc IExchange
    uint16 public constant MAX_FEE_BPS = 500;
    /// @inheritdoc IExchange
    uint256 public constant MAX_PAUSE = 7 days;
    IAgentRegistry public immutable registry;
    ICatalog public immutable catalog;
    IExperienceKey public immutable keys;
    IPointsLedger public immutable points;
    address public immutable tills;
    address public immutable consensus;
    address public immutable disputes;
    address public immutable cardIssuer;

    Policy internal _policy;
    mapping(uint256 ekId => Head) internal _heads;
    mapping(uint256 ekId => mapping(uint32 version => address)) private _pastTerms;

    /// @dev The others are deployed for the address that this contract has, and it for theirs.
    constructor(address authority, Wiring memory w) AccessManaged(authority) {
        if (w.registry.registrar() != address(this)) revert WrongWiring(address(w.registry));
        if (w.keys.exchange() != address(this)) revert WrongWiring(address(w.keys));
        if (w.points.exchange() != address(this)) revert WrongWiring(address(w.points));
        registry = w.registry;
        catalog = w.catalog;
        keys = w.keys;
        points = w.points;
        tills = w.tills;
        consensus = w.consensus;
        disputes = w.disputes;
        cardIssuer = w.cardIssuer;
    }

    // -------------------------------------------------------- administration

    /// @inheritdoc IExchange
    function setFee(uint16 feeBps_, uint256 feeAgentId_) external restricted {
        if (feeBps_ > MAX_FEE_BPS) revert FeeAboveMaximum(feeBps_, MAX_FEE_BPS);
        registry.eoaOf(feeAgentId_);
        _policy.feeBps = feeBps_;
        _policy.feeAgentId = uint64(feeAgentId_);
        emit FeeSet(feeBps_, feeAgentId_);
    }

    /// @inheritdoc IExchange
    function pause(uint256 duration) external restricted {
        if (duration > MAX_PAUSE) revert PauseTooLong(duration, MAX_PAUSE);
        uint256 until = block.timestamp + duration;
        if (duration != 0) {
            if (block.timestamp < _policy.pausableFrom) revert PauseTooSoon(_policy.pausableFrom, block.timestamp);
            _policy.pausableFrom = uint40(until + MAX_PAUSE);
        }
        _policy.pausedUntil = uint40(until);
        emit PausedUntil(until, msg.sender);
    }

    /// @inheritdoc IExchange
    function setVersion(uint256 ekId, uint32 version, address pointer) external nonReentrant {
        _only(address(catalog));
        Head memory head = _heads[ekId];
        if (head.terms == address(0)) head.status = ICatalog.Status.Active;
        else _pastTerms[ekId][head.version] = head.terms;
        head.terms = pointer;
        head.version = version;
        _heads[ekId] = head;
    }

    /// @inheritdoc IExchange
    function setStatus(uint256 ekId, ICatalog.Status status) external nonReentrant {
        _only(address(catalog));
        _heads[ekId].status = status;
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc IExchange
    function headOf(
        uint256 ekId
    ) external view returns (address pointer, uint32 sold, uint32 version, ICatalog.Status status) {
        Head memory head = _heads[ekId];
        return (head.terms, head.sold, head.version, head.status);
    }

    /// @inheritdoc IExchange
    function termsPointer(uint256 ekId, uint32 version) public view returns (address) {
        Head memory head = _heads[ekId];
        return version == head.version ? head.terms : _pastTerms[ekId][version];
    }

    /// @inheritdoc IExchange
    function feeBps() external view returns (uint16) {
        return _policy.feeBps;
    }

    /// @inheritdoc IExchange
    function feeAgentId() external view returns (uint256) {
        return _policy.feeAgentId;
    }

    /// @inheritdoc IExchange
    function pausedUntil() external view returns (uint256) {
        return _policy.pausedUntil;
    }

    /// @inheritdoc IExchange
    function authorizationNonce(Purchase calldata purchase, bytes32 salt) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), purchase, salt));
    }

    // -------------------------------------------------------------- internal

    /// @dev The listing, open for one sale of this version now, and what the next key costs.
    function _offer(uint256 ekId, uint32 version) internal view returns (Deal memory deal) {
        deal = _offerUncapped(ekId, version);
        uint32 cap = deal.terms.supplyCap;
        if (cap != 0 && deal.sold >= cap) revert SoldOut(ekId, cap);
    }

    /// @dev The same for what takes no key out of the supply.
    function _offerUncapped(uint256 ekId, uint32 version) internal view returns (Deal memory deal) {
        Policy memory policy = _policy;
        if (block.timestamp < policy.pausedUntil) revert Paused(policy.pausedUntil);
        Head memory head = _heads[ekId];
        if (head.terms == address(0)) revert UnknownListing(ekId);
        if (head.status != ICatalog.Status.Active) revert ListingNotActive(ekId, head.status);
        if (head.version != version) revert VersionMismatch(ekId, head.version, version);
        (deal.sellerId, deal.terms) = TermsCode.read(head.terms);
        if (block.timestamp < deal.terms.startTime) revert NotStarted(ekId, deal.terms.startTime, block.timestamp);
        if (deal.terms.endTime != 0 && block.timestamp >= deal.terms.endTime) {
            revert Ended(ekId, deal.terms.endTime, block.timestamp);
        }
        deal.ekId = ekId;
        deal.version = version;
        deal.sold = head.sold;
        deal.feeBps = policy.feeBps;
        deal.cost = IPriceCurve(deal.terms.curve).cost(head.sold, 1, block.timestamp, deal.terms.curveParams);
        // Every allowed curve keeps below it; an order has no room for more.
        if (deal.cost > MAX_PRICE) revert CostAboveMaximum(deal.cost, MAX_PRICE);
    }

    /// @dev A wallet's or an authorization's purchase, priced and checked; who pays is an agent from now on.
    function _purchase(Purchase calldata purchase, address payer) internal returns (Deal memory deal) {
        _checkDeadline(purchase.deadline);
        deal = _offer(purchase.ekId, purchase.version);
        if (deal.cost > purchase.maxPrice) revert CostAboveMaximum(deal.cost, purchase.maxPrice);
        deal.payer = payer;
        deal.buyer.eoa = purchase.recipient;
        uint32 epoch;
        (deal.payerId, epoch) = registry.enroll(payer);
        if (purchase.recipient == payer) {
            deal.buyer = Buyer(deal.payerId, payer, epoch, true);
        } else {
            (deal.buyer.agentId, deal.buyer.epoch) = registry.bindingOf(purchase.recipient);
            if (deal.buyer.agentId == 0) revert RecipientNotAgent(purchase.recipient);
        }
        if (purchase.referrerId != 0) registry.eoaOf(purchase.referrerId);
        deal.referrerId = purchase.referrerId;
    }

    /// @dev The agent that the caller acts for gets the key: a named one that it may act for, or its own, registered if need be.
    function _setActor(Deal memory deal, uint256 agentId, uint256 action) internal {
        if (agentId == 0) (agentId, ) = registry.enroll(msg.sender);
        else if (!registry.canAct(agentId, msg.sender, action)) revert NotAuthorized(agentId, msg.sender, action);
        address eoa = registry.eoaOf(agentId);
        deal.buyer = Buyer(agentId, eoa, registry.epochOf(agentId), true);
        deal.payerId = agentId;
        deal.payer = eoa;
    }

    /// @dev The quote's buyer, who may have rotated since. One that did not agree is made no agent.
    function _setTillBuyer(Deal memory deal, address buyer, bool agreed) internal returns (address eoa) {
        uint256 agentId = registry.lastAgentOf(buyer);
        eoa = agentId == 0 ? buyer : registry.eoaOf(agentId);
        // What a former EOA says is no word of the agent's.
        agreed = agreed && eoa == buyer;
        uint32 epoch;
        (agentId, epoch) = agreed ? registry.enroll(eoa) : registry.bindingOf(eoa);
        if (agentId == 0) revert RecipientNotAgent(eoa);
        deal.buyer = Buyer(agentId, eoa, epoch, agreed);
        deal.payerId = agentId;
    }

    /// @dev Who sells a listing; the same in all its versions.
    function _sellerOf(uint256 ekId) internal view returns (uint256) {
        return TermsCode.sellerOf(_heads[ekId].terms);
    }

    function _checkReceived(IERC20 token, uint256 before, uint256 expected) internal view {
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != expected) revert InexactTransfer(address(token), expected, received);
    }

    function _checkDeadline(uint256 deadline) internal view {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
    }

    function _only(address expected) internal view {
        if (msg.sender != expected) revert WrongCaller(msg.sender, expected);
    }

    /// @dev Pulls a bound authorization's money, which nobody but this contract can submit.
    function _receive(
        address token,
        address from,
        uint256 value,
        uint256 deadline,
        bytes32 nonce,
        bytes calldata signature
    ) internal {
        // ERC-3009's end is exclusive, a deadline is not.
        uint256 validBefore = deadline == type(uint256).max ? deadline : deadline + 1;
        if (signature.length != 65) {
            IERC3009(token).receiveWithAuthorization(from, address(this), value, 0, validBefore, nonce, signature);
            return;
        }
        (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
        uint8 v = uint8(signature[64]);
        IERC3009(token).receiveWithAuthorization(from, address(this), value, 0, validBefore, nonce, v, r, s);
    }
}
