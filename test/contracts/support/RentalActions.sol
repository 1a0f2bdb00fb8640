// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC4907} from "../../../contracts/interfaces/IERC4907.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {Flags} from "../../../contracts/libraries/Flags.sol";
import {KeyActions} from "./KeyActions.sol";
import {Reasons} from "./Reasons.sol";

/// @title Holders lend keys out, tenants give them up
abstract contract RentalActions is KeyActions {
    using Reasons for Reasons.List;

    /// @dev Under which the rentals are counted that their tenants ended.
    bytes4 internal constant GIVEN_UP = "gave";

    /// @dev Mostly by who may move the key, to another agent, for up to ten days; now and then to nobody, or by the tenant.
    function lendKey(uint256 order, uint256 to, uint256 who, uint256 time) external {
        if (_orders.length == 0) return;
        uint256 keyId = _lendable(order);
        if (keyId == 0) return;
        uint256 holder = _keys[keyId].agentId;
        uint256 tenant = _tenant(keyId);
        address approved = _keyApprovals[keyId].operator;
        address caller = eoaOf[holder];
        if (who % 8 == 0) caller = _account(who / 8);
        else if (who % 8 == 1 && approved != address(0)) caller = approved;
        else if (who % 8 < 6 && tenant != 0) caller = eoaOf[tenant];
        address user = to % 4 == 0 || (to % 2 == 0 && tenant != 0) ? address(0) : _account(to / 4);
        if (to % 8 == 5 && tenant != 0) user = eoaOf[tenant];
        uint64 expires = uint64(block.timestamp + (time % 10 days));
        if (time % 8 == 0 && _keys[keyId].expiry != 0) expires = _keys[keyId].expiry;
        Reasons.List memory reasons = Reasons.none();
        bool gaveUp = user == address(0) && tenant != 0 && agentAt[caller] == tenant;
        if (!gaveUp) _mustBeLendable(reasons, keyId, user, expires, caller);
        bytes memory data = abi.encodeCall(IERC4907.setUser, (keyId, user, expires));
        (bool done, ) = _attempt(caller, address(sys.keys), data, reasons);
        if (!done) return;
        if (gaveUp) ++successes[GIVEN_UP];
        _bookRental(keyId, user, expires);
        equal(sys.keys.userOf(keyId), user, "who rents a key");
        equal(sys.keys.userExpires(keyId), user == address(0) ? 0 : expires, "until when");
        _checkAccess(keyId >> 96, holder);
        if (tenant != 0) _checkAccess(keyId >> 96, tenant);
        if (user != address(0)) _checkAccess(keyId >> 96, agentAt[user]);
    }

    /// @dev Mostly a key that may be lent, quite often one that is lent now, where there is one.
    function _lendable(uint256 seed) private view returns (uint256 keyId) {
        for (uint256 i; i < _orders.length && seed % 8 != 0; ++i) {
            keyId = _someKey((seed % _orders.length) + i);
            if (seed % 2 == 0 ? _tenant(keyId) != 0 : _keys[keyId].flags & Flags.LENDABLE != 0) return keyId;
        }
        keyId = _someKey(seed);
    }

    function _bookRental(uint256 keyId, address user, uint64 expires) private {
        uint256 before = _tenant(keyId);
        _keys[keyId].lent = user != address(0);
        if (user == address(0)) {
            delete _rentals[keyId];
            return;
        }
        uint256 tenantId = agentAt[user];
        _rentals[keyId] = Rental(tenantId, expires);
        if (before == 0) _bookGift(keyId, tenantId, true);
    }

    function _mustBeLendable(
        Reasons.List memory reasons,
        uint256 keyId,
        address user,
        uint64 expires,
        address caller
    ) private view {
        reasons.when(
            !_mayMoveKey(keyId, caller),
            abi.encodeWithSelector(IExperienceKey.NotKeyOperator.selector, keyId, caller)
        );
        _mustBeVacant(reasons, keyId, agentAt[user], expires);
        if (user == address(0)) return;
        _mustBeFinal(reasons, keyId);
        bool lendable = _keys[keyId].flags & Flags.LENDABLE != 0;
        reasons.when(!lendable, abi.encodeWithSelector(IExperienceKey.KeyNotLendable.selector, keyId));
        uint256 userId = agentAt[user];
        reasons.when(userId == 0, abi.encodeWithSelector(IExperienceKey.ReceiverNotAgent.selector, user));
        bool own = userId == _keys[keyId].agentId;
        reasons.when(own, abi.encodeWithSelector(IExperienceKey.SameAgent.selector, userId));
        reasons.when(
            expires <= block.timestamp,
            abi.encodeWithSelector(IExperienceKey.RentalInPast.selector, keyId, expires, block.timestamp)
        );
        uint40 end = _keys[keyId].expiry;
        reasons.when(
            end != 0 && expires > end,
            abi.encodeWithSelector(IExperienceKey.RentalOutlastsKey.selector, keyId, expires, end)
        );
    }
}
