// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IExperienceKey} from "./interfaces/IExperienceKey.sol";

/// @title KeyAccess
/// @dev What {ExperienceKey} knows of use: who holds or rents each key, until when, and by which key an agent uses a listing.
abstract contract KeyAccess is IExperienceKey {
    /// @dev Runs while `expires` is ahead.
    struct Rental {
        uint64 tenantId;
        uint40 expires;
    }

    /// @dev By which keys an agent's access to one listing is looked up beside its first one. A key is named by the low 96 bits of its
    /// id; 0 = none. While the agent has no first key, `asked` is 0 and `givenLeads` false: so its first purchase need not look here.
    struct Lookup {
        /// What it bought or preferred last.
        uint96 asked;
        /// What came to it unasked last, as far as it took the place of the one before.
        uint96 given;
        /// Whether `given` came after the agent's last choice.
        bool givenLeads;
    }

    IAgentRegistry public immutable registry;

    mapping(uint256 keyId => Key) internal _keys;
    mapping(uint256 ekId => mapping(uint256 agentId => Lookup)) private _lookups;
    mapping(uint256 keyId => Rental) internal _rentals;

    constructor(IAgentRegistry registry_) {
        registry = registry_;
    }

    /// @inheritdoc IExperienceKey
    function prefer(uint256 keyId) external {
        Key storage key = _live(keyId);
        uint256 agentId = registry.agentOf(msg.sender);
        if (agentId == 0 || (agentId != key.agentId && agentId != _tenantOf(keyId, key))) {
            revert NotKeyHolder(keyId, msg.sender);
        }
        uint256 ekId = ekOf(keyId);
        if (_hasFirst(ekId, agentId)) _choose(ekId, agentId, keyId);
        else _lookups[ekId][agentId].given = uint96(keyId);
    }

    /// @inheritdoc IExperienceKey
    function accessOf(uint256 ekId, uint256 agentId) external view returns (uint256 keyId, Key memory key) {
        Lookup memory lookup = _lookups[ekId][agentId];
        keyId = _keyOf(ekId, lookup.asked);
        if (_usableUntil(keyId, agentId) == 0) keyId = keyIdOf(ekId, agentId, 0);
        if (_usableUntil(keyId, agentId) == 0) keyId = 0;
        uint256 given = _keyOf(ekId, lookup.given);
        if (_usableUntil(given, agentId) != 0) {
            if (keyId == 0 || (lookup.givenLeads && !_narrows(given, keyId, agentId))) keyId = given;
        }
        if (keyId == 0) return (0, key);
        key = _keys[keyId];
        if (key.agentId != agentId) key.expiry = _rentals[keyId].expires;
    }

    /// @inheritdoc IExperienceKey
    function hasAccess(uint256 ekId, address account, uint8 scopes) external view returns (bool) {
        uint256 agentId = registry.agentOf(account);
        if (agentId == 0) return false;
        Lookup memory lookup = _lookups[ekId][agentId];
        return
            _allows(keyIdOf(ekId, agentId, 0), agentId, scopes) ||
            _allows(_keyOf(ekId, lookup.asked), agentId, scopes) ||
            _allows(_keyOf(ekId, lookup.given), agentId, scopes);
    }

    /// @inheritdoc IExperienceKey
    function keyInfo(uint256 keyId) external view returns (Key memory) {
        return _live(keyId);
    }

    /// @inheritdoc IExperienceKey
    function keyIdOf(uint256 ekId, uint256 firstBuyer, uint256 n) public pure returns (uint256) {
        return (ekId << 96) | (firstBuyer << 32) | n;
    }

    /// @inheritdoc IExperienceKey
    function ekOf(uint256 keyId) public pure returns (uint256) {
        return keyId >> 96;
    }

    // -------------------------------------------------------------- internal

    function _live(uint256 keyId) internal view returns (Key storage key) {
        key = _keys[keyId];
        if (key.agentId == 0) revert UnknownKey(keyId);
    }

    /// @dev The agent that rents the key now; 0 when none does.
    function _tenantOf(uint256 keyId, Key storage key) internal view returns (uint256) {
        if (!key.lent) return 0;
        Rental memory rental = _rentals[keyId];
        return rental.expires > block.timestamp ? rental.tenantId : 0;
    }

    /// @dev The agent's own choice.
    function _choose(uint256 ekId, uint256 agentId, uint256 keyId) internal {
        Lookup storage lookup = _lookups[ekId][agentId];
        lookup.asked = uint96(keyId);
        lookup.givenLeads = false;
    }

    /// @dev Takes in a key that the agent did not ask for. `isFinal` is false for a key that may still be burnt for a refund: it takes
    /// the place of no other, for that one would be out of sight after the burn.
    function _receive(uint256 keyId, uint256 agentId, bool isFinal) internal {
        uint256 ekId = ekOf(keyId);
        Lookup storage lookup = _lookups[ekId][agentId];
        uint256 given = _keyOf(ekId, lookup.given);
        bool keepsGiven = _usableUntil(given, agentId) != 0 && (!isFinal || _narrows(keyId, given, agentId));
        if (keyId == keyIdOf(ekId, agentId, 0)) {
            // A first key is found without an entry, and before `given`.
            if (keepsGiven && _usableUntil(_keyOf(ekId, lookup.asked), agentId) == 0) lookup.asked = uint96(given);
        } else if (!keepsGiven) {
            lookup.given = uint96(keyId);
            lookup.givenLeads = _hasFirst(ekId, agentId);
        }
    }

    /// @dev Whether an agent that used `keyId` in place of `other` would lose anything. Both are usable by it.
    function _narrows(uint256 keyId, uint256 other, uint256 agentId) private view returns (bool) {
        Key storage key = _keys[keyId];
        Key storage than = _keys[other];
        return
            than.scopes & ~key.scopes != 0 ||
            key.version < than.version ||
            _usableUntil(keyId, agentId) < _usableUntil(other, agentId);
    }

    function _allows(uint256 keyId, uint256 agentId, uint8 scopes) private view returns (bool) {
        return _usableUntil(keyId, agentId) != 0 && _keys[keyId].scopes & scopes == scopes;
    }

    /// @dev Unix time until which the agent may use the key, exclusive; 0 when it may not now.
    function _usableUntil(uint256 keyId, uint256 agentId) private view returns (uint256 end) {
        Key storage key = _keys[keyId];
        uint64 holder = key.agentId;
        if (holder == 0) return 0;
        end = key.expiry == 0 ? type(uint256).max : key.expiry;
        uint256 user = holder;
        if (key.lent) {
            Rental memory rental = _rentals[keyId];
            if (rental.expires > block.timestamp) (user, end) = (rental.tenantId, rental.expires);
        }
        if (user != agentId || end <= block.timestamp) return 0;
    }

    function _keyOf(uint256 ekId, uint96 low) private pure returns (uint256) {
        return (ekId << 96) | low;
    }

    function _hasFirst(uint256 ekId, uint256 agentId) private view returns (bool) {
        return _keys[keyIdOf(ekId, agentId, 0)].minted != 0;
    }
}
