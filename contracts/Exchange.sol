// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IBountyPot} from "./interfaces/IBountyPot.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IEscrowView} from "./interfaces/IEscrowView.sol";
import {IExchange} from "./interfaces/IExchange.sol";
import {IExperienceKey} from "./interfaces/IExperienceKey.sol";
import {IOrders} from "./interfaces/IOrders.sol";
import {IPermit2} from "./interfaces/IPermit2.sol";
import {ITills} from "./interfaces/ITills.sol";
import {Actions} from "./libraries/Actions.sol";
import {TermsCode} from "./libraries/TermsCode.sol";
import {Deals} from "./Deals.sol";

/// @title Exchange
/// @dev The order in every money path: open the offer, check, count and book, hand over the key, move tokens; one guard over all of them.
contract Exchange is Deals {
    using SafeERC20 for IERC20;

    /// @dev One slot. The version is in the key, the token and the shares in the version's terms.
    struct Held {
        uint96 amount;
        uint40 releaseTime;
        uint40 buyerId;
        uint40 referrerId;
        uint16 feeBps;
        OrderStatus status;
        bool accessed;
    }

    uint256 private constant BPS = 10_000;
    IPermit2 private constant PERMIT2 = IPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);

    /// @inheritdoc IExchange
    uint256 public constant MAX_BATCH = 50;

    mapping(uint256 keyId => Held) private _orders;
    mapping(uint256 agentId => mapping(address token => uint256)) private _credits;
    mapping(uint256 ekId => mapping(address token => uint256)) private _bounties;

    constructor(address authority, Wiring memory wiring) Deals(authority, wiring) {}

    // ---------------------------------------------------------------- buying

    /// @inheritdoc IExchange
    function buy(Purchase calldata purchase) external nonReentrant returns (uint256 keyId) {
        return _buy(purchase, 0);
    }

    /// @inheritdoc IExchange
    function buyForCard(Purchase calldata purchase, uint32 hold) external nonReentrant returns (uint256 keyId) {
        _only(cardIssuer);
        return _buy(purchase, hold);
    }

    /// @inheritdoc IExchange
    function buyBatch(Purchase[] calldata purchases) external nonReentrant returns (uint256[] memory keyIds) {
        uint256 count = purchases.length;
        if (count == 0) revert BatchEmpty();
        if (count > MAX_BATCH) revert BatchTooLarge(count, MAX_BATCH);
        keyIds = new uint256[](count);
        address token;
        uint256 sum;
        for (uint256 i; i < count; ++i) {
            Deal memory deal = _purchase(purchases[i], msg.sender);
            if (i == 0) token = deal.terms.token;
            else if (deal.terms.token != token) revert MixedTokens(token, deal.terms.token);
            sum += deal.cost;
            keyIds[i] = _deliver(deal);
        }
        _collect(token, sum);
    }

    /// @inheritdoc IExchange
    function buyWithPermit(
        Purchase calldata purchase,
        Permit calldata p
    ) external nonReentrant returns (uint256 keyId) {
        Deal memory deal = _purchase(purchase, msg.sender);
        keyId = _deliver(deal);
        // A permit that was front-run reverts here and has done its work all the same; the transfer below tells.
        try
            IERC20Permit(deal.terms.token).permit(msg.sender, address(this), p.value, p.deadline, p.v, p.r, p.s)
        {} catch {}
        _collect(deal.terms.token, deal.cost);
    }

    /// @inheritdoc IExchange
    function buyWithPermit2(
        Purchase calldata purchase,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external nonReentrant returns (uint256 keyId) {
        Deal memory deal = _purchase(purchase, msg.sender);
        keyId = _deliver(deal);
        IERC20 token = IERC20(deal.terms.token);
        uint256 before = token.balanceOf(address(this));
        PERMIT2.permitTransferFrom(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(address(token), purchase.maxPrice), nonce, deadline),
            IPermit2.SignatureTransferDetails(address(this), deal.cost),
            msg.sender,
            signature
        );
        _checkReceived(token, before, deal.cost);
    }

    /// @inheritdoc IExchange
    function buyWithAuthorization(
        Purchase calldata purchase,
        address from,
        bytes32 salt,
        bytes calldata signature
    ) external nonReentrant returns (uint256 keyId) {
        if (purchase.maxPrice == 0) revert NothingAuthorized();
        Deal memory deal = _purchase(purchase, from);
        deal.paymentRef = authorizationNonce(purchase, salt);
        keyId = _deliver(deal);
        IERC20 token = IERC20(deal.terms.token);
        uint256 before = token.balanceOf(address(this));
        _receive(deal.terms.token, from, purchase.maxPrice, purchase.deadline, deal.paymentRef, signature);
        _checkReceived(token, before, purchase.maxPrice);
        if (purchase.maxPrice > deal.cost) token.safeTransfer(from, purchase.maxPrice - deal.cost);
    }

    /// @inheritdoc IExchange
    function claim(uint256 ekId, uint32 version, uint256 agentId) external nonReentrant returns (uint256 keyId) {
        Deal memory deal = _offer(ekId, version);
        if (deal.cost != 0) revert NotFree(ekId, deal.cost);
        _setActor(deal, agentId, Actions.CLAIM);
        return _deliver(deal);
    }

    /// @inheritdoc IExchange
    function buyWithPoints(
        uint256 ekId,
        uint32 version,
        uint256 agentId
    ) external nonReentrant returns (uint256 keyId) {
        Deal memory deal = _offer(ekId, version);
        uint256 price = deal.terms.pointsPrice;
        if (price == 0) revert NotForPoints(ekId);
        _setActor(deal, agentId, Actions.SPEND_POINTS);
        deal.cost = 0;
        keyId = _mint(deal, 0);
        points.spend(deal.buyer.agentId, price, ekId, keyId);
    }

    /// @inheritdoc IExchange
    function renew(uint256 keyId, uint256 maxPrice, uint256 deadline) external nonReentrant returns (uint40 expiry) {
        _checkDeadline(deadline);
        IExperienceKey.Key memory key = keys.keyInfo(keyId);
        uint256 ekId = keyId >> 96;
        Deal memory deal = _offerUncapped(ekId, key.version);
        if (deal.cost > maxPrice) revert CostAboveMaximum(deal.cost, maxPrice);
        if (key.expiry == 0 || deal.terms.keyTtl == 0 || isHeld(keyId)) revert NotRenewable(keyId, key.version);
        (deal.payerId, ) = registry.enroll(msg.sender);
        expiry = (key.expiry > block.timestamp ? key.expiry : uint40(block.timestamp)) + deal.terms.keyTtl;
        keys.renew(keyId, expiry);
        emit KeyRenewed(keyId, deal.payerId, expiry, deal.terms.token, deal.cost, deal.feeBps);
        _split(keyId, deal.sellerId, deal.terms, deal.cost, deal.feeBps, 0);
        _collect(deal.terms.token, deal.cost);
    }

    /// @inheritdoc IExchange
    function sellToTill(
        ITills.Quote calldata q,
        bytes32 quoteHash,
        TillPayment calldata payment
    ) external nonReentrant returns (uint256 keyId, uint256 change, address buyerEoa) {
        _only(tills);
        Deal memory deal = _offer(q.ekId, q.version);
        if (deal.terms.token != q.token) revert TokenMismatch(q.ekId, deal.terms.token, q.token);
        if (deal.cost > q.maxPrice) revert CostAboveMaximum(deal.cost, q.maxPrice);
        if (deal.cost > payment.funds) revert TillUnderfunded(quoteHash, payment.funds, deal.cost);
        buyerEoa = _setTillBuyer(deal, q.buyer, payment.agreed);
        // Somebody who adds a mere nothing to a funded till may not pass for the payer.
        deal.payer = payment.value >= deal.cost ? payment.from : q.buyer;
        deal.paymentRef = quoteHash;
        deal.by = payment.by;
        keyId = _deliver(deal);
        change = payment.funds - deal.cost;
        if (deal.cost != 0) {
            uint256 before = IERC20(q.token).balanceOf(address(this));
            ITills(tills).pay(quoteHash, q.token, deal.cost);
            _checkReceived(IERC20(q.token), before, deal.cost);
        }
    }

    // ---------------------------------------------------------------- orders

    /// @inheritdoc IExchange
    function release(uint256 keyId) external nonReentrant {
        Held memory order = _inStatus(keyId, OrderStatus.Held);
        if (block.timestamp < order.releaseTime) revert ReleaseTooEarly(keyId, order.releaseTime, block.timestamp);
        _end(keyId, order, 0);
    }

    /// @inheritdoc IExchange
    function accept(uint256 keyId) external nonReentrant {
        Held memory order = _inStatus(keyId, OrderStatus.Held);
        if (registry.eoaOf(order.buyerId) != msg.sender) revert NotBuyer(keyId, msg.sender);
        _end(keyId, order, 0);
    }

    /// @inheritdoc IExchange
    function refund(uint256 keyId) external nonReentrant {
        Held memory order = _inStatus(keyId, OrderStatus.Held);
        (uint256 sellerId, ICatalog.Terms memory terms, ) = _soldTerms(keyId);
        if (registry.eoaOf(sellerId) != msg.sender) {
            bool open =
                terms.refundTerms == ICatalog.RefundTerms.Full ||
                    (terms.refundTerms == ICatalog.RefundTerms.UntilAccess && !order.accessed);
            if (!open || block.timestamp >= order.releaseTime || registry.eoaOf(order.buyerId) != msg.sender) {
                revert RefundRefused(keyId, msg.sender, terms.refundTerms);
            }
        }
        _end(keyId, order, order.amount);
    }

    /// @inheritdoc IExchange
    function reverse(uint256 keyId) external nonReentrant returns (uint256 amount) {
        _only(cardIssuer);
        Held memory order = _orders[keyId];
        // A key that nobody has an order for has buyer 0, as an issuer that never bought is agent 0.
        if (order.buyerId == 0 || order.buyerId != registry.agentOf(msg.sender)) revert NotBuyer(keyId, msg.sender);
        if (isHeld(keyId)) {
            _end(keyId, order, order.amount);
            return order.amount;
        }
        // The money is gone: only the key can be taken back, if it was not by a refund.
        if (order.status != OrderStatus.Refunded) keys.burn(keyId);
    }

    /// @inheritdoc IExchange
    function recordAccess(uint256[] calldata keyIds) external restricted {
        for (uint256 i; i < keyIds.length; ++i) {
            Held storage order = _orders[keyIds[i]];
            if (order.status != OrderStatus.Held || order.accessed) continue;
            order.accessed = true;
            emit OrderAccessed(keyIds[i], msg.sender);
        }
    }

    /// @inheritdoc IOrders
    function freeze(uint256 keyId) external nonReentrant {
        _only(disputes);
        Held memory order = _inStatus(keyId, OrderStatus.Held);
        if (block.timestamp >= order.releaseTime) revert RefundWindowOver(keyId, order.releaseTime, block.timestamp);
        _orders[keyId].status = OrderStatus.Disputed;
        emit OrderStatusChanged(keyId, OrderStatus.Disputed, 0, msg.sender);
    }

    /// @inheritdoc IOrders
    function settle(uint256 keyId, uint256 toBuyer) external nonReentrant {
        _only(disputes);
        Held memory order = _orders[keyId];
        if (order.status != OrderStatus.Disputed) return;
        if (toBuyer > order.amount) revert SettlementAboveAmount(keyId, toBuyer, order.amount);
        _end(keyId, order, toBuyer);
    }

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

    /// @inheritdoc IBountyPot
    function payBounty(
        uint256 ekId,
        address token,
        uint256[] calldata agentIds,
        uint256[] calldata amounts
    ) external nonReentrant {
        _only(consensus);
        if (agentIds.length != amounts.length) revert LengthMismatch(agentIds.length, amounts.length);
        uint256 left = _bounties[ekId][token];
        for (uint256 i; i < agentIds.length; ++i) {
            if (amounts[i] > left) revert BountyExceeded(ekId, token, left, amounts[i]);
            left -= amounts[i];
            _credit(agentIds[i], token, amounts[i], ekId << 96, Share.Bounty);
        }
        _bounties[ekId][token] = left;
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc IOrders
    function orderOf(uint256 keyId) external view returns (Order memory order) {
        Held memory held = _orders[keyId];
        if (held.status == OrderStatus.None) return order;
        (uint256 sellerId, ICatalog.Terms memory terms, uint32 version) = _soldTerms(keyId);
        return
            Order(
                uint64(sellerId),
                held.buyerId,
                version,
                terms.token,
                held.amount,
                held.releaseTime,
                held.status,
                held.accessed
            );
    }

    /// @inheritdoc IEscrowView
    function isHeld(uint256 keyId) public view returns (bool) {
        OrderStatus status = _orders[keyId].status;
        return status == OrderStatus.Held || status == OrderStatus.Disputed;
    }

    /// @inheritdoc IExchange
    function creditOf(uint256 agentId, address token) external view returns (uint256) {
        return _credits[agentId][token];
    }

    /// @inheritdoc IBountyPot
    function bountyOf(uint256 ekId, address token) external view returns (uint256) {
        return _bounties[ekId][token];
    }

    // -------------------------------------------------------- internal: a sale

    function _buy(Purchase calldata purchase, uint256 hold) private returns (uint256 keyId) {
        Deal memory deal = _purchase(purchase, msg.sender);
        deal.hold = hold;
        keyId = _deliver(deal);
        _collect(deal.terms.token, deal.cost);
    }

    /// @dev The key for the price: into escrow where the terms say so, else to everybody's credit at once. Moves no tokens.
    function _deliver(Deal memory deal) private returns (uint256 keyId) {
        if (deal.cost == 0) deal.hold = 0;
        else if (deal.hold < deal.terms.refundWindow) deal.hold = deal.terms.refundWindow;
        uint40 releaseTime = deal.hold == 0 ? 0 : uint40(block.timestamp + deal.hold);
        keyId = _mint(deal, releaseTime);
        if (releaseTime != 0) {
            _orders[keyId] = Held(
                uint96(deal.cost),
                releaseTime,
                uint40(deal.payerId),
                uint40(deal.referrerId),
                deal.feeBps,
                OrderStatus.Held,
                false
            );
            return keyId;
        }
        if (deal.cost != 0) _split(keyId, deal.sellerId, deal.terms, deal.cost, deal.feeBps, deal.referrerId);
        points.award(deal.ekId, keyId, deal.sellerId, deal.buyer.agentId, deal.payer, deal.sold + 1);
    }

    function _mint(Deal memory deal, uint40 releaseTime) private returns (uint256 keyId) {
        _heads[deal.ekId].sold = deal.sold + 1;
        ICatalog.Terms memory terms = deal.terms;
        Buyer memory buyer = deal.buyer;
        uint40 expiry = terms.keyTtl == 0 ? 0 : uint40(block.timestamp) + terms.keyTtl;
        keyId = keys.mint(
            deal.ekId,
            buyer.agentId,
            buyer.eoa,
            buyer.epoch,
            deal.version,
            expiry,
            terms.scopes,
            terms.flags,
            buyer.asked
        );
        emit KeySold(
            deal.ekId,
            buyer.agentId,
            keyId,
            Sale(
                deal.sellerId,
                deal.version,
                deal.sold + 1,
                expiry,
                deal.payer,
                deal.payerId,
                terms.token,
                deal.cost,
                releaseTime,
                deal.feeBps,
                deal.referrerId,
                deal.paymentRef,
                deal.by == address(0) ? msg.sender : deal.by
            )
        );
    }

    // ------------------------------------------------ internal: after the sale

    function _inStatus(uint256 keyId, OrderStatus status) private view returns (Held memory order) {
        order = _orders[keyId];
        if (order.status != status) revert OrderNotInStatus(keyId, order.status);
    }

    /// @dev The terms that a key was sold on.
    function _soldTerms(
        uint256 keyId
    ) private view returns (uint256 sellerId, ICatalog.Terms memory terms, uint32 version) {
        version = keys.versionOf(keyId);
        (sellerId, terms) = TermsCode.read(termsPointer(keyId >> 96, version));
    }

    /// @dev The order's end: `toBuyer` goes back, the rest is split as it was agreed at the sale. All of it back burns the key, which is
    /// for sale again.
    function _end(uint256 keyId, Held memory order, uint256 toBuyer) private {
        OrderStatus status = toBuyer == order.amount ? OrderStatus.Refunded : OrderStatus.Released;
        _orders[keyId].status = status;
        emit OrderStatusChanged(keyId, status, toBuyer, msg.sender);
        (uint256 sellerId, ICatalog.Terms memory terms, ) = _soldTerms(keyId);
        _credit(order.buyerId, terms.token, toBuyer, keyId, Share.Refund);
        if (status == OrderStatus.Refunded) {
            --_heads[keyId >> 96].sold;
            keys.burn(keyId);
            return;
        }
        _split(keyId, sellerId, terms, order.amount - toBuyer, order.feeBps, order.referrerId);
        if (toBuyer == 0) {
            uint256 ekId = keyId >> 96;
            uint256 buyerId = uint64(keyId >> 32);
            points.award(ekId, keyId, sellerId, buyerId, registry.eoaOf(order.buyerId), _heads[ekId].sold);
        }
    }

    /// @dev Every part but the seller's rounds down: dust is the seller's.
    function _split(
        uint256 keyId,
        uint256 sellerId,
        ICatalog.Terms memory terms,
        uint256 amount,
        uint256 feeBps_,
        uint256 referrerId
    ) private {
        uint256 left = amount;
        left -= _credit(_policy.feeAgentId, terms.token, (amount * feeBps_) / BPS, keyId, Share.Fee);
        left -= _fundBounty(keyId, terms.token, (amount * terms.bountyBps) / BPS);
        for (uint256 i; i < terms.royalties.length; ++i) {
            ICatalog.Royalty memory royalty = terms.royalties[i];
            uint256 part = (amount * royalty.bps) / BPS;
            left -= _credit(_sellerOf(royalty.ekId), terms.token, part, keyId, Share.Royalty);
        }
        if (referrerId != 0) {
            left -= _credit(referrerId, terms.token, (amount * terms.referralBps) / BPS, keyId, Share.Referral);
        }
        _credit(sellerId, terms.token, left, keyId, Share.Seller);
    }

    function _credit(
        uint256 agentId,
        address token,
        uint256 amount,
        uint256 keyId,
        Share share
    ) private returns (uint256) {
        if (amount == 0) return 0;
        uint256 creditAfter = _credits[agentId][token] + amount;
        _credits[agentId][token] = creditAfter;
        emit Credited(agentId, token, keyId, share, amount, creditAfter);
        return amount;
    }

    function _fundBounty(uint256 keyId, address token, uint256 amount) private returns (uint256) {
        if (amount == 0) return 0;
        uint256 ekId = keyId >> 96;
        uint256 bountyAfter = _bounties[ekId][token] + amount;
        _bounties[ekId][token] = bountyAfter;
        emit BountyFunded(ekId, token, keyId, amount, bountyAfter);
        return amount;
    }

    // ------------------------------------------------------ internal: tokens

    /// @dev Takes the caller's tokens, to the last unit.
    function _collect(address token, uint256 amount) private {
        if (amount == 0) return;
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _checkReceived(IERC20(token), before, amount);
    }
}
