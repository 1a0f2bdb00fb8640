// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Experience Keys: the right to use one Experience, as an ERC-721 token
/// @notice A key belongs to an **agent id**; `ownerOf` answers that agent's present EOA, so a rotation moves every key at once and
/// approvals given by the old EOA are void. Mint and burn are the exchange's alone.
/// @dev A key's id tells what it is: `ekId << 96 | firstBuyer << 32 | n`, where `n` counts the keys of that listing which that agent
/// bought, from 0. So the first key of any agent for any listing is found without an index.
/// Wallets that only watch logs learn of a rotation by {announce}.
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
        uint32 minted;
    }

    error NotExchange(address caller);
    error UnknownKey(uint256 keyId);
    error KeyLocked(uint256 keyId);
    error NotKeyHolder(uint256 keyId, address account);
    error NotKeyOperator(uint256 keyId, address caller);
    /// @notice Keys go from agent to agent: `to` is no agent's EOA.
    error ReceiverNotAgent(address to);
    error SameAgent(uint256 agentId);

    /// @notice Issues a key to the agent whose EOA is `eoa`. The exchange alone.
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

    /// @notice Ends a key for good. The exchange alone.
    function burn(uint256 keyId) external;

    /// @notice Emits, for each key whose holder rotated since, the Transfer from the EOA that the log knows to the present one.
    /// Anyone may call it, as often as they like: a key that the log has right emits nothing.
    function announce(uint256[] calldata keyIds) external;

    /// @notice Makes `keyId` the key by which its holder's access is looked up beside its first one. The holder alone.
    function prefer(uint256 keyId) external;

    /// @notice The key as stored. Reverts with {UnknownKey} for one that does not exist.
    function keyInfo(uint256 keyId) external view returns (Key memory);

    /// @notice Prolongs a key that ends. The exchange alone.
    function renew(uint256 keyId, uint40 expiry) external;

    /// @notice The listing's version that the key was sold for, also after it was burnt; 0 when it never was.
    function versionOf(uint256 keyId) external view returns (uint32);

    /// @notice The exchange, which issues and ends keys.
    function exchange() external view returns (address);

    /// @notice The id of the `n`-th key of `ekId` that `firstBuyer` bought.
    function keyIdOf(uint256 ekId, uint256 firstBuyer, uint256 n) external pure returns (uint256 keyId);

    /// @notice The listing that a key is for.
    function ekOf(uint256 keyId) external pure returns (uint256 ekId);

    /// @notice The live key by which the agent may use the Experience now: the one it acquired or preferred last, else the first it
    /// bought. `keyId` is 0 when it holds none.
    function accessOf(uint256 ekId, uint256 agentId) external view returns (uint256 keyId, Key memory key);

    /// @notice Whether the account's agent may use the Experience with every scope in `scopes` now.
    function hasAccess(uint256 ekId, address account, uint8 scopes) external view returns (bool);
}
