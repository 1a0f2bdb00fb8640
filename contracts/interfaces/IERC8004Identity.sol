// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title The identity registry of ERC-8004 (Trustless Agents), as its reference contracts have it at version 2.0.0
/// @notice Kept to the letter so that tools made for ERC-8004 read and write our agents unmodified.
interface IERC8004Identity {
    /// @notice One key-value pair of an agent's on-chain metadata.
    struct MetadataEntry {
        string metadataKey;
        bytes metadataValue;
    }

    event Registered(uint256 indexed agentId, string agentURI, address indexed owner);
    event MetadataSet(
        uint256 indexed agentId,
        string indexed indexedMetadataKey,
        string metadataKey,
        bytes metadataValue
    );
    event URIUpdated(uint256 indexed agentId, string newURI, address indexed updatedBy);

    /// @notice Registers the caller as a new agent.
    function register() external returns (uint256 agentId);

    /// @notice Registers the caller as a new agent whose registration file is at `agentURI`.
    function register(string calldata agentURI) external returns (uint256 agentId);

    /// @notice Registers the caller as a new agent with a registration file and metadata.
    function register(string calldata agentURI, MetadataEntry[] calldata metadata) external returns (uint256 agentId);

    /// @notice Points the agent to another registration file. The agent's EOA alone.
    function setAgentURI(uint256 agentId, string calldata newURI) external;

    /// @notice The value stored under `metadataKey`; for the reserved key `agentWallet` the agent's EOA.
    function getMetadata(uint256 agentId, string calldata metadataKey) external view returns (bytes memory);

    /// @notice Stores a value under any key but the reserved `agentWallet`. The agent's EOA alone.
    function setMetadata(uint256 agentId, string calldata metadataKey, bytes calldata metadataValue) external;

    /// @notice The agent's payment wallet: always its EOA.
    function getAgentWallet(uint256 agentId) external view returns (address);

    /// @notice Rotates the agent to `newWallet`, called by the present EOA with the new wallet's
    /// `AgentWalletSet` signature (EIP-712 or EIP-1271), at most five minutes ahead.
    function setAgentWallet(uint256 agentId, address newWallet, uint256 deadline, bytes calldata signature) external;

    /// @notice Always reverts: an agent without a wallet could do nothing.
    function unsetAgentWallet(uint256 agentId) external;

    /// @notice Whether `spender` controls the agent. Only its EOA does: identities take no approvals.
    function isAuthorizedOrOwner(address spender, uint256 agentId) external view returns (bool);

    /// @notice The version of the reference contracts whose interface this is.
    function getVersion() external pure returns (string memory);
}
