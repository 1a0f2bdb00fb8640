// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ICardIssuer} from "../../../contracts/interfaces/ICardIssuer.sol";
import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {OrderActions} from "./OrderActions.sol";
import {Reasons} from "./Reasons.sol";

/// @title Keys for card payments, and payments taken back
abstract contract CardActions is OrderActions {
    using Reasons for Reasons.List;

    /// @param fault 0 to 2: as in {buy}, 3: not enough in the float, 4: no charge, 5: a charge that was used, 6: not by an issuer; else
    /// none.
    function issueForCharge(uint256 who, uint256 ek, uint256 seed, uint256 fault) external {
        fault %= 20;
        Trade memory t = _trade(_listingId(ek), fault == 6 ? _account(seed) : ISSUER);
        (t.by, t.payer, t.recipient, t.hold) = (cardDesk, cardDesk, _account(who), CARD_HOLD);
        Reasons.List memory reasons = Reasons.none();
        IExchange.Purchase memory p = _purchase(reasons, t, seed, fault < 3 ? fault : 15);
        // The card issuer brings its buyers itself.
        t.referrerId = 0;
        uint32 current = _listings[t.ekId].version;
        bytes memory unknown = abi.encodeWithSelector(ICatalog.UnknownVersion.selector, t.ekId, current, p.version);
        reasons.when(p.version == 0 || p.version > current, unknown);
        _mustBeIssuer(reasons, t.caller);
        _mustBePayable(reasons, _listings[t.ekId].terms.token, t.cost, fault != 3);
        bytes32 chargeId = _charge(reasons, seed, fault);
        bytes memory data = abi.encodeCall(
            ICardIssuer.issueForCharge,
            (t.ekId, p.version, t.recipient, t.maxPrice, t.deadline, chargeId)
        );
        if (_attemptSale(t, cardDesk, data, reasons)) _bookCharge(chargeId);
    }

    function _bookCharge(bytes32 chargeId) private {
        Order storage o = _orders[_orders.length - 1];
        _chargedOn[o.token][block.timestamp / 1 days] += o.price;
        _charges.push(ChargeEntry(chargeId, o.keyId, false));
        _move(o.token, cardDesk, address(sys.exchange), o.price);
    }

    /// @dev A new one, unless the fault is about that.
    function _charge(Reasons.List memory reasons, uint256 seed, uint256 fault) private view returns (bytes32 chargeId) {
        if (fault == 4) {
            reasons.when(true, abi.encodeWithSelector(ICardIssuer.ChargeMissing.selector));
        } else if (fault == 5 && _charges.length != 0) {
            ChargeEntry storage used = _charges[seed % _charges.length];
            chargeId = used.id;
            reasons.when(true, abi.encodeWithSelector(ICardIssuer.ChargeUsed.selector, chargeId, used.keyId));
        } else {
            chargeId = keccak256(abi.encode("charge", _charges.length));
        }
    }

    /// @dev Whatever has become of the order: the key goes, and what still waits comes back into the float.
    function chargeback(uint256 charge, uint256 who) external {
        if (_charges.length == 0) return;
        ChargeEntry storage c = _charges[charge % _charges.length];
        Order storage o = _orders[_places[c.keyId] - 1];
        bytes32 chargeId = who % 16 == 1 ? bytes32(who) : c.id;
        address caller = who % 8 == 0 ? _account(who / 8) : ISSUER;
        Reasons.List memory reasons = Reasons.none();
        _mustBeIssuer(reasons, caller);
        reasons.when(chargeId != c.id, abi.encodeWithSelector(ICardIssuer.UnknownCharge.selector, chargeId));
        reasons.when(c.reversed, abi.encodeWithSelector(ICardIssuer.ChargeAlreadyReversed.selector, chargeId));
        // A key that cost nothing has no order to take back.
        reasons.when(o.price == 0, abi.encodeWithSelector(IExchange.NotBuyer.selector, c.keyId, cardDesk));
        bytes memory data = abi.encodeCall(ICardIssuer.chargeback, (chargeId));
        (bool done, bytes memory result) = _attempt(caller, cardDesk, data, reasons);
        if (!done) return;
        c.reversed = true;
        equal(abi.decode(result, (uint256)), o.held, "what a chargeback brought back");
        _touch(o.keyId);
        if (o.held != 0) {
            _bookEnd(o, o.price);
        } else if (o.status != IOrders.OrderStatus.Refunded) {
            o.revoked = true;
            _bookBurn(o.keyId);
        }
        uint256 amount = creditOf[o.payerId][o.token];
        creditOf[o.payerId][o.token] = 0;
        withdrawn[o.payerId][o.token] += amount;
        _move(o.token, address(sys.exchange), cardDesk, amount);
    }

    /// @dev The float has what is needed, unless it is not `provided`, and the day's cap is not reached.
    function _mustBePayable(Reasons.List memory reasons, address token, uint256 cost, bool provided) private {
        uint256 spent = _chargedOn[token][block.timestamp / 1 days];
        uint256 balance = held[token][cardDesk];
        if (provided && balance < cost) _give(token, cardDesk, cost - balance);
        reasons.when(
            !provided && balance < cost,
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, cardDesk, balance, cost)
        );
        reasons.when(
            spent + cost > DAILY_CAP,
            abi.encodeWithSelector(ICardIssuer.DailyCapExceeded.selector, token, spent, cost, DAILY_CAP)
        );
    }

    function _mustBeIssuer(Reasons.List memory reasons, address caller) private pure {
        reasons.when(
            caller != ISSUER,
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller)
        );
    }
}
