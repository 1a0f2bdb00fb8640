// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Experience Keys: the right to use one Experience, as an ERC-721 token
/// @notice A key belongs to an **agent id**; `ownerOf` answers that agent's present EOA, so a rotation moves every key at once and
/// approvals given by the old EOA are void. Mint and burn are the exchange's alone.
/// @dev A key's id tells what it is: `ekId << 96 | firstBuyer << 32 | n`, where `n` counts the keys of that listing which that agent
/// bought, from 0. So the first key of any agent for any listing is found without an index.
/// Wallets that only watch logs learn of a rotation by {announce}.
///
/// A key whose version is {Flags.LENDABLE} can be lent (ERC-4907): until the rental ends its tenant has the use and the holder has not.
/// A rental belongs to two agent ids: it outlives rotations of both, and nobody but the tenant can end it before its time, for the tenant
/// may have paid. So a key that is rented out moves nowhere and is lent to nobody else; only the exchange's {burn} ends it with the key.
///
/// Anybody can hand an agent a key, by a gift, a transfer or a rental. Such an unasked key never takes away the use of one that the agent
/// has: it answers for the agent's access only where it narrows nothing (see {accessOf}).
interface IExperienceKey {
    /// @notice One key, in one storage slot.
    struct Key {
        /// The agent that holds the key; 0 when it was burnt or never minted.
        uint64 agentId;
        /// The listing's version that was bought; the right stays with it.
        uint32 version;
        /// Unix time of issue.
        uint40 startTime;
        /// Unix time at which the right ends, exclusive; 0 = never.
        uint40 expiry;
        /// Bit set of {Scopes}.
        uint8 scopes;
        /// Bit set of {Flags}.
        uint8 flags;
        /// The holder's epoch that the log last told of; see {announce}.
        uint32 announcedEpoch;
        /// In the key with n = 0: how many keys of the pair were ever minted. Kept when burnt.
        uint24 minted;
        /// Whether it was lent; `userOf` tells whether it still is.
        bool lent;
    }

    error NotExchange(address caller);
    error UnknownKey(uint256 keyId);
    error KeyLocked(uint256 keyId);
    error NotKeyHolder(uint256 keyId, address account);
    error NotKeyOperator(uint256 keyId, address caller);
    /// @notice Keys go from agent to agent: `to` is no agent's EOA.
    error ReceiverNotAgent(address to);
    error SameAgent(uint256 agentId);
    /// @notice The key's order is still in escrow: the key may yet be burnt for a refund.
    error KeyHeld(uint256 keyId);
    /// @notice A rental runs until `expires` and only the tenant can end it.
    error KeyRented(uint256 keyId, uint64 expires);
    /// @notice The key's version does not allow lending.
    error KeyNotLendable(uint256 keyId);
    error RentalInPast(uint256 keyId, uint64 expires, uint256 time);
    /// @notice `latest` is the key's own end, or the last time that can be stored.
    error RentalOutlastsKey(uint256 keyId, uint64 expires, uint64 latest);
    /// @notice The key never ends: there is nothing to renew.
    error KeyWithoutEnd(uint256 keyId);
    error RenewalShortens(uint256 keyId, uint40 expiry, uint40 current);
    error RenewalInPast(uint256 keyId, uint40 expiry, uint256 time);

    /// @notice Issues a key to the agent whose EOA is `eoa`. The exchange alone.
    /// @param asked Whether the agent itself asked for the key: then it is the one by which the agent's access is looked up from now on.
    /// @return keyId The new key's id.
    function mint(
        uint256 ekId,
        uint256 agentId,
        address eoa,
        uint32 epoch,
        uint32 version,
        uint40 expiry,
        uint8 scopes,
        uint8 flags,
        bool asked
    ) external returns (uint256 keyId);

    /// @notice Ends a key for good, and a rental of it. The exchange alone.
    function burn(uint256 keyId) external;

    /// @notice Moves the key's end to `expiry`, which is later than it is now and still ahead. The exchange alone.
    /// @dev An expired key can be renewed. Emits ERC-7858's TokenExpiryUpdated.
    function renew(uint256 keyId, uint40 expiry) external;

    /// @notice Emits, for each key whose holder rotated since, the Transfer from the EOA that the log knows to the present one.
    /// Anyone may call it, as often as they like: a key that the log has right emits nothing.
    function announce(uint256[] calldata keyIds) external;

    /// @notice Makes `keyId` the key by which the caller's access is looked up beside its first one. The holder or the tenant.
    function prefer(uint256 keyId) external;

    /// @notice The key as stored. Reverts with {UnknownKey} for one that does not exist.
    function keyInfo(uint256 keyId) external view returns (Key memory);

    /// @notice The listing's version that the key was sold for, also after it was burnt; 0 when it never was.
    function versionOf(uint256 keyId) external view returns (uint32);

    /// @notice The exchange, which issues and ends keys.
    function exchange() external view returns (address);

    /// @notice The id of the `n`-th key of `ekId` that `firstBuyer` bought.
    function keyIdOf(uint256 ekId, uint256 firstBuyer, uint256 n) external pure returns (uint256 keyId);

    /// @notice The listing that a key is for.
    function ekOf(uint256 keyId) external pure returns (uint256 ekId);

    /// @notice The live key by which the agent may use the Experience now. `keyId` is 0 when there is none.
    /// @dev In this order, of those that the agent may use now:
    /// 1. the last one that came to it unasked, if that came after its last choice and narrows nothing: it has every scope of the one that
    ///    would answer else, no lower version and no earlier end;
    /// 2. the one that it bought or preferred last;
    /// 3. the first one minted for it;
    /// 4. the last one that came to it unasked.
    /// An unasked key takes the place of an earlier unasked one only when that is over, or would not be narrowed and can't be outlived.
    /// For a tenant `key` is the lender's, and `key.expiry` is the end of the rental.
    function accessOf(uint256 ekId, uint256 agentId) external view returns (uint256 keyId, Key memory key);

    /// @notice Whether the account's agent may use the Experience with every scope in `scopes` now, by one of the keys that {accessOf}
    /// looks at. Never reverts.
    function hasAccess(uint256 ekId, address account, uint8 scopes) external view returns (bool);
}
