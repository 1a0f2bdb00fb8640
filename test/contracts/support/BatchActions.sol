// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {Reasons} from "./Reasons.sol";
import {SpendingActions} from "./SpendingActions.sol";

/// @title Buyers buy several keys at once
abstract contract BatchActions is SpendingActions {
    using Reasons for Reasons.List;

    uint256 internal constant MAX_BATCH = 50;

    /// @param fault 0 to 4 and 7: as in {buy}, for the last key; 5: none at all, 6: too many; 8: of listings in any tokens; else none.
    function buyBatch(uint256 who, uint256 ek, uint256 count, uint256 seed, uint256 fault) external {
        fault %= 20;
        if (fault == 5) return _refuseBatch(who, 0, abi.encodeWithSelector(IExchange.BatchEmpty.selector));
        if (fault == 6) {
            uint256 many = MAX_BATCH + 1 + (count % 3);
            return _refuseBatch(who, many, abi.encodeWithSelector(IExchange.BatchTooLarge.selector, many, MAX_BATCH));
        }
        Reasons.List memory reasons = Reasons.none();
        if (agentAt[_account(who)] == 0) _mustBeFree(reasons, _account(who), 0);
        Trade[] memory trades = new Trade[](1 + (count % 4));
        IExchange.Purchase[] memory purchases = new IExchange.Purchase[](trades.length);
        uint256 sum;
        for (uint256 i; i < trades.length; ++i) {
            trades[i] = _nextTrade(trades, i, _account(who), ek, fault == 8 ? seed : 0);
            uint256 own = part(seed, i % 2 == 0 ? "even" : "odd");
            purchases[i] = _purchase(reasons, trades[i], own, i + 1 == trades.length ? fault : 15);
            sum += trades[i].cost;
            _mustBeOneToken(reasons, trades[0].ekId, trades[i].ekId);
        }
        address token = _listings[trades[0].ekId].terms.token;
        uint256 allowance = fault == 3 ? sum / 2 : sum;
        _provide(token, _account(who), sum, allowance);
        _mustBeAllowed(reasons, allowance, sum);
        if (_attemptBatch(trades, purchases, reasons)) _move(token, _account(who), address(sys.exchange), sum);
    }

    function _refuseBatch(uint256 who, uint256 count, bytes memory reason) private {
        Reasons.List memory reasons = Reasons.none();
        reasons.when(true, reason);
        bytes memory data = abi.encodeCall(IExchange.buyBatch, (new IExchange.Purchase[](count)));
        _attempt(_account(who), address(sys.exchange), data, reasons);
    }

    function _attemptBatch(
        Trade[] memory trades,
        IExchange.Purchase[] memory purchases,
        Reasons.List memory reasons
    ) private returns (bool done) {
        bytes memory result = abi.encodeCall(IExchange.buyBatch, (purchases));
        (done, result) = _attempt(trades[0].caller, address(sys.exchange), result, reasons);
        if (!done) return false;
        uint256[] memory keyIds = abi.decode(result, (uint256[]));
        equal(keyIds.length, trades.length, "keys of a batch");
        for (uint256 i; i < trades.length; ++i) {
            equal(keyIds[i], _bookSale(trades[i]), "id of a new key of a batch");
        }
        for (uint256 i; i < trades.length; ++i) {
            _checkAccess(trades[i].ekId, agentAt[trades[i].recipient]);
        }
    }

    /// @dev Half of them of the same listing, the others of any that is paid in the same token; of any at all with a `seed`.
    function _nextTrade(
        Trade[] memory trades,
        uint256 place,
        address caller,
        uint256 ek,
        uint256 seed
    ) private view returns (Trade memory t) {
        uint256 ekId = _listingId(ek);
        address token = _listings[ekId].terms.token;
        if (seed != 0) ekId = _listingId(seed / 2 + place);
        for (uint256 i; seed == 0 && place % 2 == 1 && i < listingCount; ++i) {
            uint256 other = _listingId(ek / 2 + i);
            if (_listings[other].terms.token == token) {
                ekId = other;
                break;
            }
        }
        t = _trade(ekId, caller);
        for (uint256 i; i < place; ++i) {
            if (trades[i].ekId == ekId) ++t.index;
        }
        t.cost = _priceOf(_listings[ekId].terms, t.index);
    }

    function _mustBeOneToken(Reasons.List memory reasons, uint256 first, uint256 other) private view {
        address token = _listings[first].terms.token;
        address given = _listings[other].terms.token;
        reasons.when(token != given, abi.encodeWithSelector(IExchange.MixedTokens.selector, token, given));
    }
}
