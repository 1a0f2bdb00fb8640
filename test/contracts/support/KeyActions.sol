// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC4907} from "../../../contracts/interfaces/IERC4907.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {Flags} from "../../../contracts/libraries/Flags.sol";
import {Reasons} from "./Reasons.sol";
import {TillActions} from "./TillActions.sol";

/// @title Holders transfer, lend out and prefer keys
abstract contract KeyActions is TillActions {
    using Reasons for Reasons.List;

    /// @dev Under which the rentals are counted that their tenants ended.
    bytes4 internal constant GIVEN_UP = "gave";

    /// @param fault 0: by anybody, 1: from another account, 2: a key that does not exist; else by the holder or whom it approved.
    function transferKey(uint256 order, uint256 to, uint256 who, uint256 fault) external {
        if (_orders.length == 0) return;
        fault %= 12;
        uint256 keyId = _movable(order);
        if (who % 3 == 1) approveKey(order, to, 1);
        if (fault == 2) keyId += 2 ** 20;
        uint256 holder = _keys[keyId].agentId;
        address owner = eoaOf[holder];
        address from = fault == 1 ? _account(who) : owner;
        address approved = _keyApprovals[keyId].operator;
        address caller =
            fault == 0
                ? _account(who)
                : who % 3 == 0 && approved != address(0)
                    ? approved
                    : owner;
        address receiver = to % 3 == 0 ? eoaOf[uint64(keyId >> 32)] : _account(to / 3);
        Reasons.List memory reasons = Reasons.none();
        if (holder == 0) reasons.when(true, abi.encodeWithSelector(IExperienceKey.UnknownKey.selector, keyId));
        else _mustBeTransferable(reasons, keyId, from, receiver, caller);
        bytes memory data = abi.encodeCall(IERC721.transferFrom, (from, receiver, keyId));
        (bool done, ) = _attempt(caller, address(sys.keys), data, reasons);
        if (!done) return;
        uint256 receiverId = agentAt[receiver];
        delete _keyApprovals[keyId];
        delete _rentals[keyId];
        _keys[keyId].lent = false;
        _keys[keyId].agentId = uint64(receiverId);
        _keys[keyId].announcedEpoch = epochOf[receiverId];
        --keysHeldBy[holder];
        ++keysHeldBy[receiverId];
        _bookGift(keyId, receiverId, true);
        equal(sys.keys.getApproved(keyId), address(0), "an approval came along with the key");
        _checkAccess(keyId >> 96, holder);
        _checkAccess(keyId >> 96, receiverId);
    }

    function approveKey(uint256 order, uint256 operator, uint256 who) public {
        if (_orders.length == 0) return;
        uint256 keyId = _movable(order);
        uint256 holder = _keys[keyId].agentId;
        address caller = who % 4 == 0 ? _account(who) : eoaOf[holder];
        address approved = _account(operator);
        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            caller != eoaOf[holder] && !_keyOperators[holder][epochOf[holder]][caller],
            abi.encodeWithSelector(IExperienceKey.NotKeyOperator.selector, keyId, caller)
        );
        bytes memory data = abi.encodeCall(IERC721.approve, (approved, keyId));
        (bool done, ) = _attempt(caller, address(sys.keys), data, reasons);
        if (done) _keyApprovals[keyId] = KeyApproval(approved, holder, epochOf[holder]);
    }

    function approveAllKeys(uint256 who, uint256 operator, bool approved) external {
        address caller = _account(who);
        uint256 agentId = agentAt[caller];
        Reasons.List memory reasons = Reasons.none();
        reasons.when(agentId == 0, abi.encodeWithSelector(IExperienceKey.ReceiverNotAgent.selector, caller));
        bytes memory data = abi.encodeCall(IERC721.setApprovalForAll, (_account(operator), approved));
        (bool done, ) = _attempt(caller, address(sys.keys), data, reasons);
        if (!done) return;
        _keyOperators[agentId][epochOf[agentId]][_account(operator)] = approved;
        if (approved) _lastKeyOperator[agentId] = _account(operator);
    }

    function preferKey(uint256 order, uint256 who) external {
        if (_orders.length == 0) return;
        uint256 keyId = _someKey(order);
        uint256 holder = _keys[keyId].agentId;
        uint256 tenant = _tenant(keyId);
        address caller = who % 4 == 0 ? _account(who) : eoaOf[who % 2 == 0 || tenant == 0 ? holder : tenant];
        uint256 agentId = agentAt[caller];
        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            agentId == 0 || (agentId != holder && agentId != tenant),
            abi.encodeWithSelector(IExperienceKey.NotKeyHolder.selector, keyId, caller)
        );
        (bool done, ) = _attempt(caller, address(sys.keys), abi.encodeCall(IExperienceKey.prefer, (keyId)), reasons);
        if (!done) return;
        _bookChoice(keyId, agentId);
        _checkAccess(keyId >> 96, agentId);
    }

    /// @dev Mostly by who may move the key, to another agent, for up to ten days; now and then to nobody, or by the tenant.
    function lendKey(uint256 order, uint256 to, uint256 who, uint256 time) external {
        if (_orders.length == 0) return;
        uint256 keyId = _lendable(order);
        uint256 holder = _keys[keyId].agentId;
        uint256 tenant = _tenant(keyId);
        address approved = _keyApprovals[keyId].operator;
        address caller = eoaOf[holder];
        if (who % 8 == 0) caller = _account(who / 8);
        else if (who % 8 == 1 && approved != address(0)) caller = approved;
        else if (who % 8 < 5 && tenant != 0) caller = eoaOf[tenant];
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

    /// @dev The exchange renews a key, once in a while to a time that it must not. Nothing in it does so yet.
    function renewKey(uint256 order, uint256 time) external {
        if (_orders.length == 0) return;
        uint256 keyId = _someKey(order);
        uint40 current = _keys[keyId].expiry;
        uint40 expiry = uint40(block.timestamp + (time % 5 days));
        if (time % 4 != 0) expiry += current;
        Reasons.List memory reasons = Reasons.none();
        reasons.when(current == 0, abi.encodeWithSelector(IExperienceKey.KeyWithoutEnd.selector, keyId));
        reasons.when(
            expiry <= current,
            abi.encodeWithSelector(IExperienceKey.RenewalShortens.selector, keyId, expiry, current)
        );
        reasons.when(
            expiry <= block.timestamp,
            abi.encodeWithSelector(IExperienceKey.RenewalInPast.selector, keyId, expiry, block.timestamp)
        );
        bytes memory data = abi.encodeCall(IExperienceKey.renew, (keyId, expiry));
        (bool done, ) = _attempt(address(sys.exchange), address(sys.keys), data, reasons);
        if (!done) return;
        _keys[keyId].expiry = expiry;
        _checkAccess(keyId >> 96, _keys[keyId].agentId);
    }

    /// @dev Anyone may bring the log up to date; no right changes by it.
    function announceKey(uint256 order, uint256 who) external {
        if (_orders.length == 0) return;
        uint256[] memory ids = new uint256[](2);
        ids[0] = _unannounced(order);
        ids[1] = ids[0];
        bytes memory data = abi.encodeCall(IExperienceKey.announce, (ids));
        _attempt(_account(who), address(sys.keys), data, Reasons.none());
        _keys[ids[0]].announcedEpoch = epochOf[_keys[ids[0]].agentId];
    }

    /// @dev Mostly a key that may be transferred, where there is one.
    function _movable(uint256 seed) private view returns (uint256 keyId) {
        for (uint256 i; i < _orders.length && seed % 8 != 0; ++i) {
            keyId = _someKey((seed % _orders.length) + i);
            if (_keys[keyId].flags & Flags.TRANSFERABLE != 0) return keyId;
        }
        keyId = _someKey(seed);
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

    /// @dev A key whose holder has rotated since the log last told of it, where there is one.
    function _unannounced(uint256 seed) private view returns (uint256 keyId) {
        for (uint256 i; i < _orders.length; ++i) {
            keyId = _someKey((seed % _orders.length) + i);
            if (_keys[keyId].announcedEpoch != epochOf[_keys[keyId].agentId]) return keyId;
        }
    }

    function _someKey(uint256 seed) internal view returns (uint256) {
        return _orders[seed % _orders.length].keyId;
    }

    function _mayMoveKey(uint256 keyId, address caller) internal view returns (bool) {
        uint256 holder = _keys[keyId].agentId;
        KeyApproval memory given = _keyApprovals[keyId];
        bool approved = given.agentId == holder && given.epoch == epochOf[holder] && given.operator == caller;
        return caller == eoaOf[holder] || approved || _keyOperators[holder][epochOf[holder]][caller];
    }

    function _mustBeTransferable(
        Reasons.List memory reasons,
        uint256 keyId,
        address from,
        address receiver,
        address caller
    ) private view {
        uint256 holder = _keys[keyId].agentId;
        reasons.when(
            from != eoaOf[holder],
            abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, from, keyId, eoaOf[holder])
        );
        reasons.when(
            !_mayMoveKey(keyId, caller),
            abi.encodeWithSelector(IExperienceKey.NotKeyOperator.selector, keyId, caller)
        );
        _mustBeVacant(reasons, keyId, 0, 0);
        bool locked = _keys[keyId].flags & Flags.TRANSFERABLE == 0;
        reasons.when(locked, abi.encodeWithSelector(IExperienceKey.KeyLocked.selector, keyId));
        uint256 receiverId = agentAt[receiver];
        reasons.when(receiverId == 0, abi.encodeWithSelector(IExperienceKey.ReceiverNotAgent.selector, receiver));
        reasons.when(receiverId == holder, abi.encodeWithSelector(IExperienceKey.SameAgent.selector, holder));
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

    /// @dev Rented to nobody, or to this agent for no longer than that.
    function _mustBeVacant(Reasons.List memory reasons, uint256 keyId, uint256 agentId, uint64 expires) private view {
        uint256 tenant = _tenant(keyId);
        uint256 until = _rentals[keyId].expires;
        bool prolonged = tenant == agentId && expires >= until;
        reasons.when(
            tenant != 0 && !prolonged,
            abi.encodeWithSelector(IExperienceKey.KeyRented.selector, keyId, until)
        );
    }
}
