// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ExperienceKey} from "./ExperienceKey.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";
import {IEscrowView} from "./interfaces/IEscrowView.sol";
import {IExchange} from "./interfaces/IExchange.sol";
import {IPriceCurve} from "./interfaces/IPriceCurve.sol";
import {IResaleTerms} from "./interfaces/IResaleTerms.sol";
import {Actions} from "./libraries/Actions.sol";
import {Flags} from "./libraries/Flags.sol";
import {Scopes} from "./libraries/Scopes.sol";
import {PointsLedger} from "./PointsLedger.sol";
import {Till} from "./Till.sol";

/// @title Exchange
/// @dev The order in every money path: load, check, compute, write, move tokens; one guard over all of them.
contract Exchange is IExchange, IEscrowView, IResaleTerms, AccessManaged, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev One slot: all that a sale must check and count.
    struct Head {
        uint64 sellerId;
        uint32 version;
        uint32 sold;
        uint32 supplyCap;
        uint40 startTime;
        uint40 endTime;
        Status status;
    }

    /// @dev One slot: what a sale hands over.
    struct Rules {
        address token;
        uint32 keyTtl;
        uint8 scopes;
        uint8 flags;
    }

    struct Stored {
        Head head;
        Rules rules;
        address curve;
        bytes curveParams;
        bytes32 contentHash;
    }

    /// @dev Who gets a key.
    struct Recipient {
        uint256 agentId;
        address eoa;
        uint32 epoch;
        /// Whether the agent itself asked for the key; everybody else gives it one.
        bool asked;
    }

    bytes32 private constant QUOTE_TYPEHASH = keccak256(
        "Quote(uint256 ekId,uint32 version,address buyer,address token,uint256 maxPrice,uint256 deadline,bytes32 salt)"
    );
    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_SUMMARY_BYTES = 16_384;

    /// @inheritdoc IExchange
    uint16 public constant MAX_FEE_BPS = 500;

    IAgentRegistry public immutable registry;
    ExperienceKey public immutable keys;
    PointsLedger public immutable points;
    /// @notice The code that every till is a clone of.
    address public immutable tillImplementation;

    /// @inheritdoc IExchange
    uint256 public listingCount;
    uint64 private _feeAgentId;
    uint16 private _feeBps;

    mapping(uint256 ekId => Stored) private _listings;
    mapping(uint256 agentId => mapping(address token => uint256)) private _credits;
    /// @inheritdoc IExchange
    mapping(address token => bool) public isTokenAllowed;
    /// @inheritdoc IExchange
    mapping(address curve => bool) public isCurveAllowed;

    /// @dev The ledgers are deployed first, for the address that this contract is going to have.
    constructor(
        address authority,
        IAgentRegistry registry_,
        ExperienceKey keys_,
        PointsLedger points_
    ) AccessManaged(authority) EIP712("MOA Exchange", "1") {
        if (registry_.registrar() != address(this)) revert WrongWiring(address(registry_));
        if (keys_.exchange() != address(this) || address(keys_.registry()) != address(registry_))
            revert WrongWiring(address(keys_));
        if (points_.exchange() != address(this)) revert WrongWiring(address(points_));
        registry = registry_;
        keys = keys_;
        points = points_;
        tillImplementation = address(new Till());
    }

    // --------------------------------------------------------------- listing

    /// @inheritdoc IExchange
    /// @dev Guarded, like the two below, though no money moves: a listing must not change under a sale whose token calls back.
    function list(
        uint256 sellerId,
        Terms calldata terms,
        Content calldata content
    ) external nonReentrant returns (uint256 ekId) {
        sellerId = _actor(sellerId, Actions.LIST);
        ekId = ++listingCount;
        Head storage head = _listings[ekId].head;
        head.sellerId = uint64(sellerId);
        head.status = Status.Active;
        _setVersion(ekId, 1, terms, content);
    }

    /// @inheritdoc IExchange
    function update(
        uint256 ekId,
        Terms calldata terms,
        Content calldata content
    ) external nonReentrant returns (uint32 version) {
        Head memory head = _ownListing(ekId);
        if (head.status == Status.Archived) revert ListingNotActive(ekId, head.status);
        if (terms.supplyCap != 0 && terms.supplyCap < head.sold) {
            revert SupplyCapBelowSold(terms.supplyCap, head.sold);
        }
        version = head.version + 1;
        _setVersion(ekId, version, terms, content);
    }

    /// @inheritdoc IExchange
    function setStatus(uint256 ekId, Status status) external nonReentrant {
        Status current = _ownListing(ekId).status;
        if (status == Status.None || status == current || current == Status.Archived) {
            revert InvalidStatus(ekId, current, status);
        }
        _listings[ekId].head.status = status;
        emit ListingStatus(ekId, status, msg.sender);
    }

    // ---------------------------------------------------------------- buying

    /// @inheritdoc IExchange
    function buy(Purchase calldata purchase) external nonReentrant returns (uint256 keyId) {
        return _buy(purchase);
    }

    /// @inheritdoc IExchange
    function buyWithPermit(
        Purchase calldata purchase,
        Permit calldata permit
    ) external nonReentrant returns (uint256 keyId) {
        address token = _listings[purchase.ekId].rules.token;
        if (!isTokenAllowed[token]) revert TokenNotAllowed(token);
        // A permit that was front-run reverts here and has done its work all the same; the transfer below tells.
        try
            IERC20Permit(token).permit(
                msg.sender,
                address(this),
                permit.value,
                permit.deadline,
                permit.v,
                permit.r,
                permit.s
            )
        {} catch {}
        return _buy(purchase);
    }

    /// @inheritdoc IExchange
    function claim(uint256 ekId, uint32 version, uint256 agentId) external nonReentrant returns (uint256 keyId) {
        (Stored storage listing, uint256 cost) = _open(ekId, version);
        if (cost != 0) revert NotFree(ekId, cost);
        agentId = _actor(agentId, Actions.CLAIM);
        address eoa = registry.eoaOf(agentId);
        Recipient memory recipient = Recipient(agentId, eoa, registry.epochOf(agentId), true);
        return _sell(ekId, listing, recipient, 0, eoa, bytes32(0));
    }

    /// @inheritdoc IExchange
    function buyViaTill(
        Quote calldata q,
        Authorization calldata authorization,
        bytes calldata signature
    ) external nonReentrant returns (uint256 keyId) {
        bytes32 hash = quoteHashOf(q);
        (Stored storage listing, uint256 cost) = _openQuote(q, hash);
        (bool paid, bytes memory refusal) = _authorizedTransfer(q.token, _tillAddress(hash), authorization, signature);
        // Who paid a till that was funded before is not known here: nothing that the caller says of it may go into the log, nor may
        // somebody who adds a mere nothing pass for the payer.
        bool signed = paid && authorization.value >= cost;
        address payer = signed ? authorization.from : q.buyer;
        Recipient memory recipient = _tillRecipient(q.buyer, signed ? payer : address(0));
        return _redeem(q, hash, listing, cost, recipient, payer, refusal);
    }

    /// @inheritdoc IExchange
    function finalizeTill(Quote calldata q) external nonReentrant returns (uint256 keyId) {
        bytes32 hash = quoteHashOf(q);
        (Stored storage listing, uint256 cost) = _openQuote(q, hash);
        return _redeem(q, hash, listing, cost, _tillRecipient(q.buyer, address(0)), q.buyer, "");
    }

    /// @inheritdoc IExchange
    function refundTill(Quote calldata q, address token) external nonReentrant returns (uint256 amount) {
        bytes32 hash = quoteHashOf(q);
        address till = _tillAddress(hash);
        address payee = _presentEoa(q.buyer);
        amount = IERC20(token).balanceOf(till);
        if (amount == 0) revert NothingToRefund(hash, token);
        if (till.code.length == 0) {
            if (block.timestamp <= q.deadline && msg.sender != payee) {
                revert TillNotRefundable(hash, q.deadline, block.timestamp);
            }
            Clones.cloneDeterministic(tillImplementation, hash);
        }
        emit TillRefunded(hash, q.ekId, payee, token, amount);
        Till(till).pay(IERC20(token), payee, amount);
    }

    // ------------------------------------------------------------ withdrawal

    /// @inheritdoc IExchange
    function withdraw(uint256 agentId, address token, address to) external nonReentrant returns (uint256 amount) {
        address eoa = registry.eoaOf(agentId);
        if (to == address(0)) to = eoa;
        if (to != eoa && msg.sender != eoa) revert NotAuthorized(agentId, msg.sender, 0);
        amount = _credits[agentId][token];
        if (amount == 0) revert NothingToWithdraw(agentId, token);
        _credits[agentId][token] = 0;
        emit Withdrawn(agentId, token, to, amount, 0, msg.sender);
        IERC20(token).safeTransfer(to, amount);
    }

    // -------------------------------------------------------- administration

    /// @inheritdoc IExchange
    function setFee(uint16 feeBps_, uint256 feeAgentId_) external restricted {
        if (feeBps_ > MAX_FEE_BPS) revert FeeAboveMaximum(feeBps_, MAX_FEE_BPS);
        registry.eoaOf(feeAgentId_);
        _feeBps = feeBps_;
        _feeAgentId = uint64(feeAgentId_);
        emit FeeSet(feeBps_, feeAgentId_);
    }

    /// @inheritdoc IExchange
    function allowToken(address token, bool allowed) external restricted {
        isTokenAllowed[token] = allowed;
        emit TokenAllowed(token, allowed);
    }

    /// @inheritdoc IExchange
    function allowCurve(address curve, bool allowed) external restricted {
        isCurveAllowed[curve] = allowed;
        emit CurveAllowed(curve, allowed);
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc IExchange
    function quote(uint256 ekId, uint256 count, uint256 time) external view returns (uint256 cost) {
        Stored storage listing = _known(ekId);
        return IPriceCurve(listing.curve).cost(listing.head.sold, count, time, listing.curveParams);
    }

    /// @inheritdoc IExchange
    function quoteHashOf(Quote calldata q) public view returns (bytes32) {
        return
            _hashTypedDataV4(
                keccak256(
                    abi.encode(QUOTE_TYPEHASH, q.ekId, q.version, q.buyer, q.token, q.maxPrice, q.deadline, q.salt)
                )
            );
    }

    /// @inheritdoc IExchange
    function tillOf(Quote calldata q) external view returns (address) {
        return _tillAddress(quoteHashOf(q));
    }

    /// @inheritdoc IExchange
    function isQuoteUsed(Quote calldata q) external view returns (bool) {
        return _tillAddress(quoteHashOf(q)).code.length != 0;
    }

    /// @inheritdoc IExchange
    function listingOf(uint256 ekId) external view returns (Listing memory) {
        Stored storage stored = _known(ekId);
        Head memory head = stored.head;
        Rules memory rules = stored.rules;
        return
            Listing({
                sellerId: head.sellerId,
                version: head.version,
                sold: head.sold,
                status: head.status,
                terms: Terms({
                    token: rules.token,
                    curve: stored.curve,
                    curveParams: stored.curveParams,
                    supplyCap: head.supplyCap,
                    startTime: head.startTime,
                    endTime: head.endTime,
                    keyTtl: rules.keyTtl,
                    scopes: rules.scopes,
                    flags: rules.flags
                }),
                contentHash: stored.contentHash
            });
    }

    /// @inheritdoc IExchange
    function listingHead(
        uint256 ekId
    ) external view returns (uint256 sellerId, uint32 version, uint8 flags, Status status) {
        Stored storage stored = _listings[ekId];
        Head memory head = stored.head;
        return (head.sellerId, head.version, stored.rules.flags, head.status);
    }

    /// @inheritdoc IEscrowView
    /// @dev Always false: in this version a sale is final at once.
    function isHeld(uint256) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc IResaleTerms
    /// @dev In this version no seller asks for a share of resales.
    function resaleTermsOf(uint256 ekId, uint32) external view returns (address receiver, uint16 bps) {
        return (registry.eoaOf(_known(ekId).head.sellerId), 0);
    }

    /// @inheritdoc IExchange
    function creditOf(uint256 agentId, address token) external view returns (uint256) {
        return _credits[agentId][token];
    }

    /// @inheritdoc IExchange
    function feeBps() external view returns (uint16) {
        return _feeBps;
    }

    /// @inheritdoc IExchange
    function feeAgentId() external view returns (uint256) {
        return _feeAgentId;
    }

    // ----------------------------------------------------- internal: listing

    function _setVersion(uint256 ekId, uint32 version, Terms calldata terms, Content calldata content) private {
        _checkTerms(terms);
        bytes32 summaryHash = _checkContent(content);
        Stored storage stored = _listings[ekId];
        Head memory head = stored.head;
        head.version = version;
        head.supplyCap = terms.supplyCap;
        head.startTime = terms.startTime;
        head.endTime = terms.endTime;
        stored.head = head;
        stored.rules = Rules(terms.token, terms.keyTtl, terms.scopes, terms.flags);
        stored.curve = terms.curve;
        stored.curveParams = terms.curveParams;
        stored.contentHash = keccak256(abi.encode(content.manifestHash, summaryHash));
        emit ListingVersion(ekId, head.sellerId, version, terms, content, msg.sender);
    }

    function _checkTerms(Terms calldata terms) private view {
        if (!isTokenAllowed[terms.token]) revert TokenNotAllowed(terms.token);
        if (!isCurveAllowed[terms.curve]) revert CurveNotAllowed(terms.curve);
        if (terms.scopes == 0 || terms.scopes & ~Scopes.ALL != 0) revert InvalidScopes(terms.scopes);
        if (terms.flags & ~Flags.ALL != 0) revert InvalidFlags(terms.flags);
        if (terms.endTime != 0 && (terms.endTime <= terms.startTime || terms.endTime <= block.timestamp)) {
            revert InvalidTimes(terms.startTime, terms.endTime);
        }
        IPriceCurve(terms.curve).validate(terms.curveParams);
    }

    function _checkContent(Content calldata content) private pure returns (bytes32 summaryHash) {
        if (content.manifestHash == 0) revert ManifestHashMissing();
        uint256 length = bytes(content.summary).length;
        if (length > MAX_SUMMARY_BYTES) revert SummaryTooLong(length, MAX_SUMMARY_BYTES);
        summaryHash = content.summaryHash;
        if (length != 0) {
            bytes32 expected = keccak256(bytes(content.summary));
            if (summaryHash != expected) revert SummaryHashMismatch(expected, summaryHash);
        } else if (bytes(content.uri).length == 0 || summaryHash == 0) {
            revert SummaryMissing();
        }
    }

    function _known(uint256 ekId) private view returns (Stored storage listing) {
        listing = _listings[ekId];
        if (listing.head.sellerId == 0) revert UnknownListing(ekId);
    }

    function _ownListing(uint256 ekId) private view returns (Head memory head) {
        head = _known(ekId).head;
        if (!registry.canAct(head.sellerId, msg.sender, Actions.LIST)) {
            revert NotAuthorized(head.sellerId, msg.sender, Actions.LIST);
        }
    }

    /// @dev The agent that the caller acts for: a named one that it may act for, or its own, registered if need be.
    function _actor(uint256 agentId, uint256 action) private returns (uint256) {
        if (agentId == 0) (agentId, ) = registry.enroll(msg.sender);
        else if (!registry.canAct(agentId, msg.sender, action)) revert NotAuthorized(agentId, msg.sender, action);
        return agentId;
    }

    // ------------------------------------------------------ internal: buying

    function _buy(Purchase calldata purchase) private returns (uint256 keyId) {
        _checkDeadline(purchase.deadline);
        (Stored storage listing, uint256 cost) = _open(purchase.ekId, purchase.version);
        if (cost > purchase.maxPrice) revert CostAboveMaximum(cost, purchase.maxPrice);
        Recipient memory recipient;
        recipient.eoa = purchase.recipient;
        (recipient.agentId, recipient.epoch) =
            purchase.recipient == msg.sender ? registry.enroll(msg.sender) : registry.bindingOf(purchase.recipient);
        if (recipient.agentId == 0) revert RecipientNotAgent(purchase.recipient);
        recipient.asked = purchase.recipient == msg.sender;
        keyId = _sell(purchase.ekId, listing, recipient, cost, msg.sender, bytes32(0));
        if (cost != 0) {
            IERC20 token = IERC20(listing.rules.token);
            uint256 before = token.balanceOf(address(this));
            token.safeTransferFrom(msg.sender, address(this), cost);
            _checkReceived(token, before, cost);
        }
    }

    /// @dev The listing, open for one sale of this version now, and what the next key costs.
    function _open(uint256 ekId, uint32 version) private view returns (Stored storage listing, uint256 cost) {
        listing = _known(ekId);
        Head memory head = listing.head;
        if (head.status != Status.Active) revert ListingNotActive(ekId, head.status);
        if (head.version != version) revert VersionMismatch(ekId, head.version, version);
        if (block.timestamp < head.startTime) revert NotStarted(ekId, head.startTime, block.timestamp);
        if (head.endTime != 0 && block.timestamp >= head.endTime) {
            revert Ended(ekId, head.endTime, block.timestamp);
        }
        if (head.supplyCap != 0 && head.sold >= head.supplyCap) revert SoldOut(ekId, head.supplyCap);
        cost = IPriceCurve(listing.curve).cost(head.sold, 1, block.timestamp, listing.curveParams);
    }

    /// @dev {_open} for a quote that is still good. A till with code is a quote that was used: clones can't be destroyed.
    function _openQuote(Quote calldata q, bytes32 hash) private view returns (Stored storage listing, uint256 cost) {
        if (_tillAddress(hash).code.length != 0) revert QuoteUsed(hash);
        _checkDeadline(q.deadline);
        (listing, cost) = _open(q.ekId, q.version);
        if (listing.rules.token != q.token) revert TokenMismatch(q.ekId, listing.rules.token, q.token);
        if (cost > q.maxPrice) revert CostAboveMaximum(cost, q.maxPrice);
    }

    /// @dev Has the authorization's money sent to the till. Returns the token's reason where it refused: the money may be there all the
    /// same, if somebody else submitted the authorization first, so the caller goes by the till's balance.
    function _authorizedTransfer(
        address token,
        address till,
        Authorization calldata a,
        bytes calldata signature
    ) private returns (bool paid, bytes memory refusal) {
        // Every ERC-3009 token has the (v, r, s) form; only the newer ones take a smart account's longer signature.
        if (signature.length == 65) {
            (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
            try
                IERC3009(token).transferWithAuthorization(
                    a.from,
                    till,
                    a.value,
                    a.validAfter,
                    a.validBefore,
                    a.nonce,
                    uint8(signature[64]),
                    r,
                    s
                )
            {
                paid = true;
            } catch (bytes memory reason) {
                refusal = reason;
            }
        } else {
            try
                IERC3009(token).transferWithAuthorization(
                    a.from,
                    till,
                    a.value,
                    a.validAfter,
                    a.validBefore,
                    a.nonce,
                    signature
                )
            {
                paid = true;
            } catch (bytes memory reason) {
                refusal = reason;
            }
        }
    }

    /// @dev Sells the key for what is in the till; the rest goes back to the buyer.
    function _redeem(
        Quote calldata q,
        bytes32 hash,
        Stored storage listing,
        uint256 cost,
        Recipient memory recipient,
        address payer,
        bytes memory refusal
    ) private returns (uint256 keyId) {
        IERC20 token = IERC20(q.token);
        address till = _tillAddress(hash);
        uint256 funds = token.balanceOf(till);
        if (funds < cost) {
            if (refusal.length == 0) revert TillUnderfunded(till, funds, cost);
            assembly ("memory-safe") {
                revert(add(refusal, 0x20), mload(refusal))
            }
        }
        Clones.cloneDeterministic(tillImplementation, hash);
        keyId = _sell(q.ekId, listing, recipient, cost, payer, hash);
        if (cost != 0) {
            uint256 before = token.balanceOf(address(this));
            Till(till).pay(token, address(this), cost);
            _checkReceived(token, before, cost);
        }
        if (funds > cost) Till(till).pay(token, _presentEoa(q.buyer), funds - cost);
    }

    /// @dev Counts the sale, books the seller's money and hands over the key and the points. Moves no tokens.
    function _sell(
        uint256 ekId,
        Stored storage listing,
        Recipient memory recipient,
        uint256 cost,
        address payer,
        bytes32 paymentRef
    ) private returns (uint256 keyId) {
        Rules memory rules = listing.rules;
        Sale memory sale;
        sale.sellerId = listing.head.sellerId;
        sale.version = listing.head.version;
        sale.soldAfter = ++listing.head.sold;
        if (rules.keyTtl != 0) sale.expiry = uint40(block.timestamp) + rules.keyTtl;
        sale.payer = payer;
        sale.token = rules.token;
        sale.price = cost;
        sale.paymentRef = paymentRef;
        sale.by = msg.sender;
        if (cost != 0) {
            sale.fee = _creditFee(rules.token, cost);
            sale.sellerCredit = _credits[sale.sellerId][rules.token] += cost - sale.fee;
        }
        keyId = _mint(ekId, recipient, sale, rules);
        emit KeySold(ekId, recipient.agentId, keyId, sale);
        points.award(ekId, keyId, sale.sellerId, recipient.agentId);
    }

    function _mint(
        uint256 ekId,
        Recipient memory recipient,
        Sale memory sale,
        Rules memory rules
    ) private returns (uint256 keyId) {
        return
            keys.mint(
                ekId,
                recipient.agentId,
                recipient.eoa,
                recipient.epoch,
                sale.version,
                sale.expiry,
                rules.scopes,
                rules.flags,
                recipient.asked
            );
    }

    /// @dev Rounds down: what the fee loses by it, the seller has.
    function _creditFee(address token, uint256 cost) private returns (uint256 fee) {
        fee = (cost * _feeBps) / BPS;
        if (fee == 0) return 0;
        uint256 agentId = _feeAgentId;
        uint256 credit = _credits[agentId][token] += fee;
        emit FeeCredited(agentId, token, fee, credit);
    }

    /// @dev A till's buyer may have rotated since the quote: the key goes to its agent all the same. It asked for the key when it
    /// is `signer`, who signed the payment, or the caller; of money that was in the till before nobody knows whose it was.
    function _tillRecipient(address buyer, address signer) private returns (Recipient memory recipient) {
        recipient.eoa = _presentEoa(buyer);
        (recipient.agentId, recipient.epoch) = registry.enroll(recipient.eoa);
        recipient.asked = signer == recipient.eoa || msg.sender == recipient.eoa;
    }

    /// @dev The address itself, or the present EOA of the agent that it once belonged to.
    function _presentEoa(address buyer) private view returns (address) {
        uint256 agentId = registry.lastAgentOf(buyer);
        return agentId == 0 ? buyer : registry.eoaOf(agentId);
    }

    function _tillAddress(bytes32 quoteHash) private view returns (address) {
        return Clones.predictDeterministicAddress(tillImplementation, quoteHash);
    }

    function _checkReceived(IERC20 token, uint256 before, uint256 expected) private view {
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != expected) revert InexactTransfer(address(token), expected, received);
    }

    function _checkDeadline(uint256 deadline) private view {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
    }
}
