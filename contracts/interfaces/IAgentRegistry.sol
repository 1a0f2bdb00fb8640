// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC8004Identity} from "./IERC8004Identity.sol";

/// @title Who is who: agent id and EOA, one to one, both ways
/// @notice An agent keeps its id for ever and has exactly one EOA at a time. Everything of value in MOA is held by the id, so a
/// rotation moves it all at once and the old key is left with nothing.
/// @dev Also an ERC-721 (token id = agent id, owner = EOA) and the ERC-8004 identity registry. Two rules differ from a plain
/// ERC-721, on purpose: a transfer is a rotation and needs the receiver's consent first, and approvals are refused, because a
/// leaked approval would be a stolen identity. An EOA that ever belonged to an agent can never belong to another one, so that a
/// trade between an agent and its own former key is recognisable for ever.
interface IAgentRegistry is IERC8004Identity {
    /// @notice A grant signed by an EOA: `operator` may perform `actions` for it until `expiry`.
    struct GrantRequest {
        /// The EOA that grants. It becomes an agent by this call when it is none yet.
        address agent;
        address operator;
        /// Bit set of {Actions}; 0 revokes.
        uint256 actions;
        /// Unix time at which the grant ends, exclusive.
        uint64 expiry;
        /// `nonces(agent)` at signing.
        uint256 nonce;
        /// Unix time after which the signature is void.
        uint256 deadline;
    }

    /// @notice An agent moved from one EOA to another. `epoch` counts its rotations, after this one.
    event AgentRotated(uint256 indexed agentId, address indexed from, address indexed to, uint32 epoch, address by);
    /// @notice The EOA `to` agrees to take over `agentId` from its EOA of `epoch`, until `deadline`.
    event RotationConsented(uint256 indexed agentId, address indexed to, uint32 epoch, uint64 deadline);
    /// @notice The grant as it stands now; `actions` 0 means revoked. It dies with the agent's `epoch`.
    event OperatorGranted(
        uint256 indexed agentId,
        address indexed operator,
        uint256 actions,
        uint64 expiry,
        uint32 epoch,
        address by
    );
    /// @notice The owner burnt its signing nonce: signatures made with `nonce` are void.
    event NonceInvalidated(address indexed owner, uint256 nonce);

    error UnknownAgent(uint256 agentId);
    error NotAgentOwner(uint256 agentId, address caller);
    error ZeroAddress();
    /// @notice `eoa` is the present EOA of `agentId`.
    error AddressAlreadyBound(address eoa, uint256 agentId);
    /// @notice `eoa` was an EOA of `agentId` once and can return to that agent only.
    error AddressRetired(address eoa, uint256 agentId);
    error SignatureExpired(uint256 deadline, uint256 time);
    error DeadlineTooFar(uint256 deadline, uint256 latest);
    error InvalidSignature(address signer);
    error InvalidNonce(address owner, uint256 expected, uint256 given);
    error SignatureUsed(bytes32 digest);
    /// @notice The receiver of a transfer has not called {consentToRotation} for this agent and epoch, or too long ago.
    error ConsentMissing(uint256 agentId, address to);
    error GrantExpired(uint64 expiry, uint256 time);
    error UnknownActions(uint256 actions);
    error InvalidOperator(address operator);
    error ReservedMetadataKey(string metadataKey);
    error WalletRequired(uint256 agentId);
    error ApprovalRefused();
    error NotRegistrar(address caller);

    /// @notice Registers `eoa`, by its EIP-712 signature over
    /// `Registration(address agent,string agentURI,uint256 nonce,uint256 deadline)`. Anyone may relay it.
    function registerFor(
        address eoa,
        string calldata agentURI,
        uint256 deadline,
        bytes calldata signature
    ) external returns (uint256 agentId);

    /// @notice Returns the agent of `eoa`, registering it first when it has none. The exchange and the catalogue alone, at a
    /// first purchase or listing.
    function enroll(address eoa) external returns (uint256 agentId, uint32 epoch);

    /// @notice Moves the agent to the EOA `to`. Both the present EOA and `to` sign
    /// `Rotation(uint256 agentId,address from,address to,uint256 nonce,uint256 deadline)` with `nonces(from)`; whichever of them is
    /// the caller may leave its signature empty. Anyone may relay it.
    function rotate(
        uint256 agentId,
        address to,
        uint256 deadline,
        bytes calldata fromSignature,
        bytes calldata toSignature
    ) external;

    /// @notice The caller agrees to become the EOA of `agentId` by an ERC-721 transfer from its present EOA, until `deadline`.
    function consentToRotation(uint256 agentId, uint64 deadline) external;

    /// @notice Lets `operator` perform `actions` for the caller's agent until `expiry`. Replaces an earlier grant to it.
    /// @dev No action moves the agent's money, rotates it or grants further.
    function grant(address operator, uint256 actions, uint64 expiry) external;

    /// @notice {grant} by EIP-712 signature over
    /// `OperatorGrant(address agent,address operator,uint256 actions,uint64 expiry,uint256 nonce,uint256 deadline)`.
    function grantBySig(GrantRequest calldata request, bytes calldata signature) external returns (uint256 agentId);

    /// @notice Ends the operator's grant at once.
    function revoke(address operator) external;

    /// @notice Burns the caller's present nonce, so that what it signed with it is void.
    function invalidateNonce() external;

    /// @notice The nonce that the next signature of `owner` must carry.
    function nonces(address owner) external view returns (uint256);

    /// @notice The agent whose EOA is `eoa` now; 0 when there is none.
    function agentOf(address eoa) external view returns (uint256 agentId);

    /// @notice The agent of `eoa` (0 when none) and its epoch, in one storage read.
    function bindingOf(address eoa) external view returns (uint256 agentId, uint32 epoch);

    /// @notice The agent that `eoa` belongs or ever belonged to; 0 when none.
    function lastAgentOf(address eoa) external view returns (uint256 agentId);

    /// @notice The agent's present EOA. Reverts with {UnknownAgent}.
    function eoaOf(uint256 agentId) external view returns (address);

    /// @notice The agent's EOA during `epoch`; zero for an epoch that has not been.
    function eoaAt(uint256 agentId, uint32 epoch) external view returns (address);

    /// @notice How often the agent has rotated.
    function epochOf(uint256 agentId) external view returns (uint32);

    /// @notice What `operator` may do for the agent now, and until when; zeros when there is no live grant.
    function grantOf(uint256 agentId, address operator) external view returns (uint256 actions, uint64 expiry);

    /// @notice Whether `account` may perform `action` for the agent: its EOA always, an operator within its grant.
    function canAct(uint256 agentId, address account, uint256 action) external view returns (bool);

    /// @notice Whether the present EOA of one of the two holds a live grant of the other. A third party that both granted links nobody.
    function areLinked(uint256 agentA, uint256 agentB) external view returns (bool);

    /// @notice How many agents there are; ids run from 1.
    function agentCount() external view returns (uint256);

    /// @notice The exchange, which may {enroll}.
    function registrar() external view returns (address);

    /// @notice The catalogue, which may {enroll}.
    function catalog() external view returns (address);
}
