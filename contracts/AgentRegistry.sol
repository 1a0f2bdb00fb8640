// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";
import {ERC721Utils} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Utils.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IERC8004Identity} from "./interfaces/IERC8004Identity.sol";
import {Actions} from "./libraries/Actions.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title AgentRegistry
/// @dev Its EIP-712 domain is ERC-8004's, so that wallets and tools that sign `AgentWalletSet` need not know us. `IERC4906` brings
/// `IERC721` in.
contract AgentRegistry is IAgentRegistry, IERC4906, IERC721Metadata, IERC721Errors, EIP712 {
    /// @dev `epoch` counts rotations; grants carry the epoch they were given in and die with it.
    struct Agent {
        address eoa;
        uint32 epoch;
    }

    /// @dev `agentId` outlives the binding, so that an EOA that left its agent is known for ever; `bound` tells whether it holds now.
    struct Binding {
        uint64 agentId;
        uint32 epoch;
        bool bound;
    }

    struct OperatorGrantSlot {
        uint160 actions;
        uint64 expiry;
        uint32 epoch;
    }

    struct Consent {
        uint64 agentId;
        uint32 epoch;
        uint64 deadline;
    }

    bytes32 private constant REGISTRATION_TYPEHASH = keccak256(
        "Registration(address agent,string agentURI,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant ROTATION_TYPEHASH = keccak256(
        "Rotation(uint256 agentId,address from,address to,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant OPERATOR_GRANT_TYPEHASH = keccak256(
        "OperatorGrant(address agent,address operator,uint256 actions,uint64 expiry,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant AGENT_WALLET_SET_TYPEHASH = keccak256(
        "AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)"
    );
    uint256 private constant MAX_WALLET_SET_DELAY = 5 minutes;
    bytes32 private constant AGENT_WALLET_KEY = keccak256("agentWallet");

    /// @inheritdoc IAgentRegistry
    address public immutable registrar;
    /// @inheritdoc IAgentRegistry
    address public immutable catalog;
    /// @inheritdoc IAgentRegistry
    uint256 public agentCount;
    /// @inheritdoc IAgentRegistry
    mapping(address owner => uint256) public nonces;

    mapping(uint256 agentId => Agent) private _agents;
    mapping(address eoa => Binding) private _bindings;
    mapping(uint256 agentId => mapping(uint32 epoch => address)) private _pastEoas;
    mapping(uint256 agentId => mapping(address operator => OperatorGrantSlot)) private _grants;
    mapping(address eoa => Consent) private _consents;
    mapping(bytes32 digest => bool) private _usedDigests;
    mapping(uint256 agentId => string) private _uris;
    mapping(uint256 agentId => mapping(string key => bytes)) private _metadata;

    /// @param registrar_ The exchange's address, known beforehand.
    /// @param catalog_ The catalogue's.
    constructor(address registrar_, address catalog_) EIP712("ERC8004IdentityRegistry", "1") {
        if (registrar_ == address(0) || catalog_ == address(0)) revert ZeroAddress();
        registrar = registrar_;
        catalog = catalog_;
    }

    // ---------------------------------------------------------------- joining

    /// @inheritdoc IERC8004Identity
    function register() external returns (uint256 agentId) {
        agentId = _register(msg.sender, "");
    }

    /// @inheritdoc IERC8004Identity
    function register(string calldata agentURI) external returns (uint256 agentId) {
        agentId = _register(msg.sender, agentURI);
    }

    /// @inheritdoc IERC8004Identity
    function register(string calldata agentURI, MetadataEntry[] calldata metadata) external returns (uint256 agentId) {
        agentId = _register(msg.sender, agentURI);
        for (uint256 i; i < metadata.length; ++i) {
            _setMetadata(agentId, metadata[i].metadataKey, metadata[i].metadataValue);
        }
    }

    /// @inheritdoc IAgentRegistry
    function registerFor(
        address eoa,
        string calldata agentURI,
        uint256 deadline,
        bytes calldata signature
    ) external returns (uint256 agentId) {
        _checkDeadline(deadline);
        bytes32 structHash = keccak256(
            abi.encode(REGISTRATION_TYPEHASH, eoa, keccak256(bytes(agentURI)), nonces[eoa]++, deadline)
        );
        _checkSignature(eoa, structHash, signature);
        agentId = _register(eoa, agentURI);
    }

    /// @inheritdoc IAgentRegistry
    function enroll(address eoa) external returns (uint256 agentId, uint32 epoch) {
        if (msg.sender != registrar && msg.sender != catalog) revert NotRegistrar(msg.sender);
        Binding memory binding = _bindings[eoa];
        if (binding.bound) return (binding.agentId, binding.epoch);
        agentId = _register(eoa, "");
    }

    // --------------------------------------------------------------- rotation

    /// @inheritdoc IAgentRegistry
    function rotate(
        uint256 agentId,
        address to,
        uint256 deadline,
        bytes calldata fromSignature,
        bytes calldata toSignature
    ) external {
        _checkDeadline(deadline);
        address from = eoaOf(agentId);
        bytes32 structHash = keccak256(abi.encode(ROTATION_TYPEHASH, agentId, from, to, nonces[from], deadline));
        if (msg.sender != from) _checkSignature(from, structHash, fromSignature);
        if (msg.sender != to) _checkSignature(to, structHash, toSignature);
        _rotate(agentId, from, to);
    }

    /// @inheritdoc IAgentRegistry
    function consentToRotation(uint256 agentId, uint64 deadline) external {
        eoaOf(agentId);
        uint32 epoch = _agents[agentId].epoch;
        _consents[msg.sender] = Consent(uint64(agentId), epoch, deadline);
        emit RotationConsented(agentId, msg.sender, epoch, deadline);
    }

    /// @inheritdoc IERC8004Identity
    function setAgentWallet(uint256 agentId, address newWallet, uint256 deadline, bytes calldata signature) external {
        _checkOwner(agentId);
        _checkDeadline(deadline);
        uint256 latest = block.timestamp + MAX_WALLET_SET_DELAY;
        if (deadline > latest) revert DeadlineTooFar(deadline, latest);
        bytes32 structHash = keccak256(abi.encode(AGENT_WALLET_SET_TYPEHASH, agentId, newWallet, msg.sender, deadline));
        // ERC-8004's type has no nonce: without this an agent that returned to its old EOA could be taken along twice.
        bytes32 digest = _hashTypedDataV4(structHash);
        if (_usedDigests[digest]) revert SignatureUsed(digest);
        _usedDigests[digest] = true;
        _checkSignature(newWallet, structHash, signature);
        _rotate(agentId, msg.sender, newWallet);
    }

    /// @inheritdoc IERC8004Identity
    function unsetAgentWallet(uint256 agentId) external view {
        _checkOwner(agentId);
        revert WalletRequired(agentId);
    }

    /// @notice An ERC-721 transfer is a rotation: by the agent's EOA, to one that called {consentToRotation}.
    function transferFrom(address from, address to, uint256 agentId) public {
        if (eoaOf(agentId) != from) revert ERC721IncorrectOwner(from, agentId, eoaOf(agentId));
        if (msg.sender != from) revert ERC721InsufficientApproval(msg.sender, agentId);
        Consent memory consent = _consents[to];
        if (consent.agentId != agentId || consent.epoch != _agents[agentId].epoch || consent.deadline < block.timestamp)
            revert ConsentMissing(agentId, to);
        _rotate(agentId, from, to);
    }

    /// @inheritdoc IERC721
    function safeTransferFrom(address from, address to, uint256 agentId) external {
        safeTransferFrom(from, to, agentId, "");
    }

    /// @inheritdoc IERC721
    function safeTransferFrom(address from, address to, uint256 agentId, bytes memory data) public {
        transferFrom(from, to, agentId);
        ERC721Utils.checkOnERC721Received(msg.sender, from, to, agentId, data);
    }

    // ----------------------------------------------------------------- grants

    /// @inheritdoc IAgentRegistry
    function grant(address operator, uint256 actions, uint64 expiry) external {
        _grant(_callerAgent(), operator, actions, expiry);
    }

    /// @inheritdoc IAgentRegistry
    function grantBySig(GrantRequest calldata request, bytes calldata signature) external returns (uint256 agentId) {
        _checkDeadline(request.deadline);
        uint256 expected = nonces[request.agent]++;
        if (request.nonce != expected) revert InvalidNonce(request.agent, expected, request.nonce);
        bytes32 structHash = keccak256(
            abi.encode(
                OPERATOR_GRANT_TYPEHASH,
                request.agent,
                request.operator,
                request.actions,
                request.expiry,
                request.nonce,
                request.deadline
            )
        );
        _checkSignature(request.agent, structHash, signature);
        agentId = agentOf(request.agent);
        if (agentId == 0) agentId = _register(request.agent, "");
        _grant(agentId, request.operator, request.actions, request.expiry);
    }

    /// @inheritdoc IAgentRegistry
    function revoke(address operator) external {
        uint256 agentId = _callerAgent();
        delete _grants[agentId][operator];
        emit OperatorGranted(agentId, operator, 0, 0, _agents[agentId].epoch, msg.sender);
    }

    /// @inheritdoc IAgentRegistry
    function invalidateNonce() external {
        emit NonceInvalidated(msg.sender, nonces[msg.sender]++);
    }

    // ---------------------------------------------------------------- profile

    /// @inheritdoc IERC8004Identity
    function setAgentURI(uint256 agentId, string calldata newURI) external {
        _checkOwner(agentId);
        _uris[agentId] = newURI;
        emit MetadataUpdate(agentId);
        emit URIUpdated(agentId, newURI, msg.sender);
    }

    /// @inheritdoc IERC8004Identity
    function setMetadata(uint256 agentId, string calldata metadataKey, bytes calldata metadataValue) external {
        _checkOwner(agentId);
        _setMetadata(agentId, metadataKey, metadataValue);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IERC8004Identity
    function getMetadata(uint256 agentId, string calldata metadataKey) external view returns (bytes memory) {
        if (keccak256(bytes(metadataKey)) == AGENT_WALLET_KEY) return abi.encodePacked(eoaOf(agentId));
        return _metadata[agentId][metadataKey];
    }

    /// @inheritdoc IERC8004Identity
    function getAgentWallet(uint256 agentId) external view returns (address) {
        return eoaOf(agentId);
    }

    /// @inheritdoc IERC8004Identity
    function isAuthorizedOrOwner(address spender, uint256 agentId) external view returns (bool) {
        return eoaOf(agentId) == spender;
    }

    /// @inheritdoc IERC8004Identity
    function getVersion() external pure returns (string memory) {
        return "2.0.0";
    }

    /// @inheritdoc IAgentRegistry
    function agentOf(address eoa) public view returns (uint256 agentId) {
        Binding memory binding = _bindings[eoa];
        return binding.bound ? binding.agentId : 0;
    }

    /// @inheritdoc IAgentRegistry
    function bindingOf(address eoa) external view returns (uint256 agentId, uint32 epoch) {
        Binding memory binding = _bindings[eoa];
        if (binding.bound) return (binding.agentId, binding.epoch);
    }

    /// @inheritdoc IAgentRegistry
    function lastAgentOf(address eoa) external view returns (uint256 agentId) {
        return _bindings[eoa].agentId;
    }

    /// @inheritdoc IAgentRegistry
    function eoaOf(uint256 agentId) public view returns (address eoa) {
        eoa = _agents[agentId].eoa;
        if (eoa == address(0)) revert UnknownAgent(agentId);
    }

    /// @inheritdoc IAgentRegistry
    function eoaAt(uint256 agentId, uint32 epoch) external view returns (address) {
        Agent memory agent = _agents[agentId];
        return epoch == agent.epoch ? agent.eoa : _pastEoas[agentId][epoch];
    }

    /// @inheritdoc IAgentRegistry
    function epochOf(uint256 agentId) external view returns (uint32) {
        return _agents[agentId].epoch;
    }

    /// @inheritdoc IAgentRegistry
    function grantOf(uint256 agentId, address operator) public view returns (uint256 actions, uint64 expiry) {
        OperatorGrantSlot memory slot = _grants[agentId][operator];
        if (slot.actions != 0 && slot.expiry > block.timestamp && slot.epoch == _agents[agentId].epoch) {
            return (slot.actions, slot.expiry);
        }
    }

    /// @inheritdoc IAgentRegistry
    function canAct(uint256 agentId, address account, uint256 action) external view returns (bool) {
        if (_agents[agentId].eoa == account) return account != address(0);
        (uint256 actions, ) = grantOf(agentId, account);
        return action != 0 && actions & action == action;
    }

    /// @inheritdoc IAgentRegistry
    function areLinked(uint256 agentA, uint256 agentB) external view returns (bool) {
        (uint256 toB, ) = grantOf(agentA, _agents[agentB].eoa);
        (uint256 toA, ) = grantOf(agentB, _agents[agentA].eoa);
        return toA | toB != 0;
    }

    /// @inheritdoc IERC721
    function ownerOf(uint256 agentId) external view returns (address) {
        address eoa = _agents[agentId].eoa;
        if (eoa == address(0)) revert ERC721NonexistentToken(agentId);
        return eoa;
    }

    /// @inheritdoc IERC721
    function balanceOf(address owner) external view returns (uint256) {
        if (owner == address(0)) revert ERC721InvalidOwner(owner);
        return _bindings[owner].bound ? 1 : 0;
    }

    /// @notice Always reverts: see the interface.
    function approve(address, uint256) external pure {
        revert ApprovalRefused();
    }

    /// @notice Always reverts: see the interface.
    function setApprovalForAll(address, bool) external pure {
        revert ApprovalRefused();
    }

    /// @notice Always the zero address.
    function getApproved(uint256 agentId) external view returns (address) {
        if (_agents[agentId].eoa == address(0)) revert ERC721NonexistentToken(agentId);
        return address(0);
    }

    /// @notice Always false.
    function isApprovedForAll(address, address) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc IERC721Metadata
    function name() external pure returns (string memory) {
        return "MOA Agent";
    }

    /// @inheritdoc IERC721Metadata
    function symbol() external pure returns (string memory) {
        return "MOAA";
    }

    /// @inheritdoc IERC721Metadata
    function tokenURI(uint256 agentId) external view returns (string memory) {
        if (_agents[agentId].eoa == address(0)) revert ERC721NonexistentToken(agentId);
        return _uris[agentId];
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return
            interfaceId == type(IERC165).interfaceId ||
            interfaceId == type(IERC721).interfaceId ||
            interfaceId == type(IERC721Metadata).interfaceId ||
            interfaceId == bytes4(0x49064906);
    }

    // --------------------------------------------------------------- internal

    function _register(address eoa, string memory agentURI) private returns (uint256 agentId) {
        _checkFree(eoa, 0);
        agentId = ++agentCount;
        _agents[agentId] = Agent(eoa, 0);
        _bindings[eoa] = Binding(uint64(agentId), 0, true);
        emit Transfer(address(0), eoa, agentId);
        if (bytes(agentURI).length != 0) {
            _uris[agentId] = agentURI;
            emit MetadataUpdate(agentId);
        }
        emit Registered(agentId, agentURI, eoa);
        emit MetadataSet(agentId, "agentWallet", "agentWallet", abi.encodePacked(eoa));
    }

    function _rotate(uint256 agentId, address from, address to) private {
        _checkFree(to, agentId);
        // Whatever `from` signed and nobody submitted is void, also when the agent comes back to it one day.
        ++nonces[from];
        uint32 epoch = _agents[agentId].epoch;
        _pastEoas[agentId][epoch] = from;
        _bindings[from].bound = false;
        _bindings[to] = Binding(uint64(agentId), ++epoch, true);
        _agents[agentId] = Agent(to, epoch);
        emit Transfer(from, to, agentId);
        emit AgentRotated(agentId, from, to, epoch, msg.sender);
        emit MetadataSet(agentId, "agentWallet", "agentWallet", abi.encodePacked(to));
    }

    function _grant(uint256 agentId, address operator, uint256 actions, uint64 expiry) private {
        if (actions & ~Actions.ALL != 0) revert UnknownActions(actions);
        if (operator == address(0) || operator == _agents[agentId].eoa) revert InvalidOperator(operator);
        if (actions != 0 && expiry <= block.timestamp) revert GrantExpired(expiry, block.timestamp);
        uint32 epoch = _agents[agentId].epoch;
        _grants[agentId][operator] = OperatorGrantSlot(uint160(actions), expiry, epoch);
        emit OperatorGranted(agentId, operator, actions, expiry, epoch, msg.sender);
    }

    function _setMetadata(uint256 agentId, string calldata metadataKey, bytes calldata metadataValue) private {
        if (keccak256(bytes(metadataKey)) == AGENT_WALLET_KEY) revert ReservedMetadataKey(metadataKey);
        _metadata[agentId][metadataKey] = metadataValue;
        emit MetadataSet(agentId, metadataKey, metadataKey, metadataValue);
    }

    /// @dev `agentId` is the agent that `eoa` is to belong to, 0 for a new one: an EOA may return only to its own.
    function _checkFree(address eoa, uint256 agentId) private view {
        if (eoa == address(0)) revert ZeroAddress();
        Binding memory binding = _bindings[eoa];
        if (binding.bound) revert AddressAlreadyBound(eoa, binding.agentId);
        if (binding.agentId != 0 && binding.agentId != agentId) revert AddressRetired(eoa, binding.agentId);
    }

    function _checkSignature(address signer, bytes32 structHash, bytes calldata signature) private view {
        if (!Signatures.isValid(signer, _hashTypedDataV4(structHash), signature)) revert InvalidSignature(signer);
    }

    function _checkDeadline(uint256 deadline) private view {
        if (block.timestamp > deadline) revert SignatureExpired(deadline, block.timestamp);
    }

    function _checkOwner(uint256 agentId) private view {
        if (eoaOf(agentId) != msg.sender) revert NotAgentOwner(agentId, msg.sender);
    }

    function _callerAgent() private view returns (uint256 agentId) {
        agentId = agentOf(msg.sender);
        if (agentId == 0) revert NotAgentOwner(0, msg.sender);
    }
}
