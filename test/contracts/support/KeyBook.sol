// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExperienceKey} from "../../../contracts/interfaces/IExperienceKey.sol";
import {Books} from "./Books.sol";

/// @title Keys as they ought to be: who holds, rents and may use them
abstract contract KeyBook is Books {
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

    function _bookBurn(uint256 keyId) internal {
        --keysHeldBy[_keys[keyId].agentId];
        _keys[keyId].agentId = 0;
        _keys[keyId].lent = false;
        delete _rentals[keyId];
    }

    /// @dev Any key that is there, or none: 0.
    function _someKey(uint256 seed) internal view returns (uint256 keyId) {
        uint256 count = _orders.length;
        for (uint256 i; i < count; ++i) {
            keyId = _orders[((seed % count) + i) % count].keyId;
            if (_keys[keyId].agentId != 0) return keyId;
        }
        return 0;
    }
}
