// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {Flags} from "../../../contracts/libraries/Flags.sol";
import {Reasons} from "./Reasons.sol";
import {UptoActions} from "./UptoActions.sol";

/// @title Holders transfer and prefer keys
abstract contract KeyActions is UptoActions {
    using Reasons for Reasons.List;

    /// @param fault 0: by anybody, 1: from another account, 2: a key that does not exist; else by the holder or whom it approved.
    function transferKey(uint256 order, uint256 to, uint256 who, uint256 fault) external {
        if (_orders.length == 0) return;
        fault %= 12;
        uint256 keyId = _movable(order);
        if (keyId == 0) return;
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
        if (keyId == 0) return;
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
        if (keyId == 0) return;
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

    /// @dev Anyone may bring the log up to date; no right changes by it.
    function announceKey(uint256 order, uint256 who) external {
        if (_orders.length == 0) return;
        uint256[] memory ids = new uint256[](2);
        ids[0] = _unannounced(order);
        if (ids[0] == 0) return;
        ids[1] = ids[0];
        bytes memory data = abi.encodeCall(IExperienceKey.announce, (ids));
        _attempt(_account(who), address(sys.keys), data, Reasons.none());
        _keys[ids[0]].announcedEpoch = epochOf[_keys[ids[0]].agentId];
    }

    /// @dev Mostly a key that may be transferred, where there is one.
    function _movable(uint256 seed) private view returns (uint256 keyId) {
        for (uint256 i; i < _orders.length && seed % 8 != 0; ++i) {
            keyId = _someKey((seed % _orders.length) + i);
            if (keyId != 0 && _keys[keyId].flags & Flags.TRANSFERABLE != 0) return keyId;
        }
        keyId = _someKey(seed);
    }

    /// @dev A key whose holder has rotated since the log last told of it, where there is one.
    function _unannounced(uint256 seed) private view returns (uint256 keyId) {
        for (uint256 i; i < _orders.length; ++i) {
            keyId = _someKey((seed % _orders.length) + i);
            if (_keys[keyId].announcedEpoch != epochOf[_keys[keyId].agentId]) return keyId;
        }
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
        _mustBeFinal(reasons, keyId);
        bool locked = _keys[keyId].flags & Flags.TRANSFERABLE == 0;
        reasons.when(locked, abi.encodeWithSelector(IExperienceKey.KeyLocked.selector, keyId));
        uint256 receiverId = agentAt[receiver];
        reasons.when(receiverId == 0, abi.encodeWithSelector(IExperienceKey.ReceiverNotAgent.selector, receiver));
        reasons.when(receiverId == holder, abi.encodeWithSelector(IExperienceKey.SameAgent.selector, holder));
    }

    /// @dev No money waits behind it that could still be given back.
    function _mustBeFinal(Reasons.List memory reasons, uint256 keyId) internal view {
        bool isFinal = _orders[_places[keyId] - 1].held == 0;
        reasons.when(!isFinal, abi.encodeWithSelector(IExperienceKey.KeyHeld.selector, keyId));
    }

    /// @dev Rented to nobody, or to this agent for no longer than that.
    function _mustBeVacant(Reasons.List memory reasons, uint256 keyId, uint256 agentId, uint64 expires) internal view {
        uint256 tenant = _tenant(keyId);
        uint256 until = _rentals[keyId].expires;
        bool prolonged = tenant == agentId && expires >= until;
        reasons.when(
            tenant != 0 && !prolonged,
            abi.encodeWithSelector(IExperienceKey.KeyRented.selector, keyId, until)
        );
    }
}
