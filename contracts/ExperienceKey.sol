// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";
import {ERC721Utils} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Utils.sol";
import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IERC4907} from "./interfaces/IERC4907.sol";
import {IERC5192} from "./interfaces/IERC5192.sol";
import {IERC7858} from "./interfaces/IERC7858.sol";
import {IEscrowView} from "./interfaces/IEscrowView.sol";
import {IExperienceKey} from "./interfaces/IExperienceKey.sol";
import {IResaleTerms} from "./interfaces/IResaleTerms.sol";
import {Flags} from "./libraries/Flags.sol";
import {KeyAccess} from "./KeyAccess.sol";

/// @title ExperienceKey
/// @dev `IERC4906` brings `IERC721` in. Approvals are stored with the epoch of the agent that gave them, so they die with its EOA.
contract ExperienceKey is KeyAccess, IERC4906, IERC721Metadata, IERC721Errors, IERC2981, IERC4907, IERC5192, IERC7858 {
    using Strings for uint256;

    /// @dev Valid only while the holder is `agentId` in `epoch`.
    struct KeyApproval {
        address operator;
        uint64 agentId;
        uint32 epoch;
    }

    uint256 private constant BPS = 10_000;

    address public immutable exchange;
    /// @notice Knows what sellers ask of resales.
    IResaleTerms public immutable catalog;

    mapping(uint256 agentId => uint256) private _balances;
    mapping(uint256 keyId => KeyApproval) private _approvals;
    mapping(uint256 agentId => mapping(uint32 epoch => mapping(address operator => bool))) private _operators;

    constructor(IAgentRegistry registry_, address exchange_, IResaleTerms catalog_) KeyAccess(registry_) {
        exchange = exchange_;
        catalog = catalog_;
    }

    modifier onlyExchange() {
        if (msg.sender != exchange) revert NotExchange(msg.sender);
        _;
    }

    // ------------------------------------------------------------ issue, end

    /// @inheritdoc IExperienceKey
    /// @dev Calls no receiver: a key is a right, not a deposit, and a callback here would sit in the middle of a sale.
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
    ) external onlyExchange returns (uint256 keyId) {
        keyId = keyIdOf(ekId, agentId, 0);
        uint24 minted = _keys[keyId].minted;
        if (minted != 0) {
            _keys[keyId].minted = minted + 1;
            keyId |= minted;
        }
        _keys[keyId] = Key({
            agentId: uint64(agentId),
            version: version,
            startTime: uint40(block.timestamp),
            expiry: expiry,
            scopes: scopes,
            flags: flags,
            announcedEpoch: epoch,
            minted: minted == 0 ? 1 : 0,
            lent: false
        });
        ++_balances[agentId];
        if (!asked) _receive(keyId, agentId, false);
        else if (minted != 0) _choose(ekId, agentId, keyId);
        emit Transfer(address(0), eoa, keyId);
        if (flags & Flags.TRANSFERABLE == 0) emit Locked(keyId);
        if (expiry != 0) emit TokenExpiryUpdated(keyId, block.timestamp, expiry);
    }

    /// @inheritdoc IExperienceKey
    function burn(uint256 keyId) external onlyExchange {
        Key storage key = _live(keyId);
        address owner = _announce(keyId, key);
        --_balances[key.agentId];
        key.agentId = 0;
        if (key.lent) _endRental(keyId, key);
        emit Transfer(owner, address(0), keyId);
    }

    /// @inheritdoc IExperienceKey
    function renew(uint256 keyId, uint40 expiry) external onlyExchange {
        Key storage key = _live(keyId);
        uint40 current = key.expiry;
        if (current == 0) revert KeyWithoutEnd(keyId);
        if (expiry <= current) revert RenewalShortens(keyId, expiry, current);
        if (expiry <= block.timestamp) revert RenewalInPast(keyId, expiry, block.timestamp);
        key.expiry = expiry;
        emit TokenExpiryUpdated(keyId, key.startTime, expiry);
        emit MetadataUpdate(keyId);
    }

    /// @inheritdoc IExperienceKey
    function versionOf(uint256 keyId) external view returns (uint32) {
        return _keys[keyId].version;
    }

    /// @inheritdoc IExperienceKey
    function announce(uint256[] calldata keyIds) external {
        for (uint256 i; i < keyIds.length; ++i) {
            _announce(keyIds[i], _live(keyIds[i]));
        }
    }

    // -------------------------------------------------------------- transfer

    /// @inheritdoc IERC721
    function transferFrom(address from, address to, uint256 keyId) public {
        Key storage key = _live(keyId);
        uint64 fromAgent = key.agentId;
        if (_announce(keyId, key) != from) revert ERC721IncorrectOwner(from, keyId, registry.eoaOf(fromAgent));
        if (!_isApprovedOrOwner(msg.sender, from, keyId, fromAgent)) revert NotKeyOperator(keyId, msg.sender);
        if (key.flags & Flags.TRANSFERABLE == 0) revert KeyLocked(keyId);
        _checkNotHeld(keyId);
        if (key.lent) {
            _checkNotRented(keyId, key);
            _endRental(keyId, key);
        }
        (uint256 toAgent, uint32 toEpoch) = registry.bindingOf(to);
        if (toAgent == 0) revert ReceiverNotAgent(to);
        if (toAgent == fromAgent) revert SameAgent(toAgent);
        delete _approvals[keyId];
        key.agentId = uint64(toAgent);
        key.announcedEpoch = toEpoch;
        --_balances[fromAgent];
        ++_balances[toAgent];
        _receive(keyId, toAgent, true);
        emit Transfer(from, to, keyId);
        emit MetadataUpdate(keyId);
    }

    /// @inheritdoc IERC721
    function safeTransferFrom(address from, address to, uint256 keyId) external {
        safeTransferFrom(from, to, keyId, "");
    }

    /// @inheritdoc IERC721
    function safeTransferFrom(address from, address to, uint256 keyId, bytes memory data) public {
        transferFrom(from, to, keyId);
        ERC721Utils.checkOnERC721Received(msg.sender, from, to, keyId, data);
    }

    /// @inheritdoc IERC721
    function approve(address to, uint256 keyId) external {
        uint64 agentId = _live(keyId).agentId;
        address owner = registry.eoaOf(agentId);
        uint32 epoch = registry.epochOf(agentId);
        if (msg.sender != owner && !_operators[agentId][epoch][msg.sender]) revert NotKeyOperator(keyId, msg.sender);
        _approvals[keyId] = KeyApproval(to, agentId, epoch);
        emit Approval(owner, to, keyId);
    }

    /// @inheritdoc IERC721
    function setApprovalForAll(address operator, bool approved) external {
        if (operator == address(0)) revert ERC721InvalidOperator(operator);
        (uint256 agentId, uint32 epoch) = registry.bindingOf(msg.sender);
        if (agentId == 0) revert ReceiverNotAgent(msg.sender);
        _operators[agentId][epoch][operator] = approved;
        emit ApprovalForAll(msg.sender, operator, approved);
    }

    // ---------------------------------------------------------------- rental

    /// @inheritdoc IERC4907
    /// @notice By whoever may transfer the key: lends it to the agent whose EOA is `user`. A running rental can be prolonged for the same
    /// agent; its tenant alone can end it, with `user` zero.
    function setUser(uint256 keyId, address user, uint64 expires) external {
        Key storage key = _live(keyId);
        uint64 holder = key.agentId;
        uint256 tenant = _tenantOf(keyId, key);
        if (user == address(0) && tenant != 0 && registry.agentOf(msg.sender) == tenant) {
            _endRental(keyId, key);
            return;
        }
        if (!_isApprovedOrOwner(msg.sender, registry.eoaOf(holder), keyId, holder)) {
            revert NotKeyOperator(keyId, msg.sender);
        }
        if (user == address(0)) {
            _checkNotRented(keyId, key);
            _endRental(keyId, key);
            return;
        }
        if (key.flags & Flags.LENDABLE == 0) revert KeyNotLendable(keyId);
        _checkNotHeld(keyId);
        _lend(keyId, key, user, expires);
    }

    /// @inheritdoc IERC4907
    function userOf(uint256 keyId) external view returns (address) {
        uint256 tenant = _tenantOf(keyId, _live(keyId));
        return tenant == 0 ? address(0) : registry.eoaOf(tenant);
    }

    /// @inheritdoc IERC4907
    function userExpires(uint256 keyId) external view returns (uint256) {
        return _tenantOf(keyId, _live(keyId)) == 0 ? 0 : _rentals[keyId].expires;
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc IERC721
    function ownerOf(uint256 keyId) external view returns (address) {
        uint64 agentId = _keys[keyId].agentId;
        if (agentId == 0) revert ERC721NonexistentToken(keyId);
        return registry.eoaOf(agentId);
    }

    /// @inheritdoc IERC721
    function balanceOf(address owner) external view returns (uint256) {
        if (owner == address(0)) revert ERC721InvalidOwner(owner);
        return _balances[registry.agentOf(owner)];
    }

    /// @inheritdoc IERC721
    function getApproved(uint256 keyId) external view returns (address) {
        return _approved(keyId, _live(keyId).agentId);
    }

    /// @inheritdoc IERC721
    function isApprovedForAll(address owner, address operator) public view returns (bool) {
        (uint256 agentId, uint32 epoch) = registry.bindingOf(owner);
        return agentId != 0 && _operators[agentId][epoch][operator];
    }

    /// @inheritdoc IERC5192
    function locked(uint256 keyId) external view returns (bool) {
        return _live(keyId).flags & Flags.TRANSFERABLE == 0;
    }

    /// @inheritdoc IERC7858
    function expiryType() external pure returns (EXPIRY_TYPE) {
        return EXPIRY_TYPE.TIME_BASED;
    }

    /// @inheritdoc IERC7858
    function isTokenExpired(uint256 keyId) external view returns (bool) {
        uint40 expiry = _live(keyId).expiry;
        return expiry != 0 && expiry <= block.timestamp;
    }

    /// @inheritdoc IERC7858
    function startTime(uint256 keyId) external view returns (uint256) {
        return _live(keyId).startTime;
    }

    /// @inheritdoc IERC7858
    /// @return Unix time, exclusive; 0 for a key without end.
    function endTime(uint256 keyId) external view returns (uint256) {
        return _live(keyId).expiry;
    }

    /// @inheritdoc IERC2981
    /// @dev As the seller said in the version that the key is of. Rounds down, in the payer's favour.
    function royaltyInfo(uint256 keyId, uint256 salePrice) external view returns (address receiver, uint256 amount) {
        uint16 bps;
        (receiver, bps) = catalog.resaleTermsOf(ekOf(keyId), _live(keyId).version);
        amount = Math.mulDiv(salePrice, bps, BPS);
    }

    /// @inheritdoc IERC721Metadata
    function name() external pure returns (string memory) {
        return "MOA Experience Key";
    }

    /// @inheritdoc IERC721Metadata
    function symbol() external pure returns (string memory) {
        return "EK";
    }

    /// @inheritdoc IERC721Metadata
    /// @dev On chain, so that a wallet shows the key without asking any server of ours.
    function tokenURI(uint256 keyId) external view returns (string memory) {
        Key memory key = _live(keyId);
        return
            string.concat(
                "data:application/json;base64,",
                Base64.encode(
                    bytes(
                        string.concat(
                            '{"name":"Experience Key for listing ',
                            ekOf(keyId).toString(),
                            '","description":"The right to use version ',
                            uint256(key.version).toString(),
                            " of Experience ",
                            ekOf(keyId).toString(),
                            ' on MOA.","attributes":[{"trait_type":"holder agent","value":"',
                            uint256(key.agentId).toString(),
                            '"},{"trait_type":"scopes","value":',
                            uint256(key.scopes).toString(),
                            '},{"display_type":"date","trait_type":"expires","value":',
                            uint256(key.expiry).toString(),
                            "}]}"
                        )
                    )
                )
            );
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return
            interfaceId == type(IERC165).interfaceId ||
            interfaceId == type(IERC721).interfaceId ||
            interfaceId == type(IERC721Metadata).interfaceId ||
            interfaceId == type(IERC2981).interfaceId ||
            interfaceId == bytes4(0x49064906) ||
            interfaceId == type(IERC4907).interfaceId ||
            interfaceId == type(IERC5192).interfaceId ||
            interfaceId == type(IERC7858).interfaceId;
    }

    // -------------------------------------------------------------- internal

    /// @dev Brings the log up to the holder's present EOA, and returns that EOA.
    function _announce(uint256 keyId, Key storage key) private returns (address owner) {
        uint64 agentId = key.agentId;
        owner = registry.eoaOf(agentId);
        uint32 epoch = registry.epochOf(agentId);
        uint32 announced = key.announcedEpoch;
        if (announced == epoch) return owner;
        key.announcedEpoch = epoch;
        address before = registry.eoaAt(agentId, announced);
        if (before != owner) emit Transfer(before, owner, keyId);
        emit MetadataUpdate(keyId);
    }

    // ------------------------------------------------------ internal: rental

    function _lend(uint256 keyId, Key storage key, address user, uint64 expires) private {
        uint256 agentId = registry.agentOf(user);
        if (agentId == 0) revert ReceiverNotAgent(user);
        if (agentId == key.agentId) revert SameAgent(agentId);
        if (expires <= block.timestamp) revert RentalInPast(keyId, expires, block.timestamp);
        uint40 latest = key.expiry == 0 ? type(uint40).max : key.expiry;
        if (expires > latest) revert RentalOutlastsKey(keyId, expires, latest);
        uint256 tenant = _tenantOf(keyId, key);
        if (tenant != 0 && (tenant != agentId || expires < _rentals[keyId].expires)) _checkNotRented(keyId, key);
        key.lent = true;
        _rentals[keyId] = Rental(uint64(agentId), uint40(expires));
        if (tenant == 0) _receive(keyId, agentId, true);
        emit UpdateUser(keyId, user, expires);
    }

    function _endRental(uint256 keyId, Key storage key) private {
        key.lent = false;
        delete _rentals[keyId];
        emit UpdateUser(keyId, address(0), 0);
    }

    function _checkNotRented(uint256 keyId, Key storage key) private view {
        if (_tenantOf(keyId, key) != 0) revert KeyRented(keyId, _rentals[keyId].expires);
    }

    function _checkNotHeld(uint256 keyId) private view {
        if (IEscrowView(exchange).isHeld(keyId)) revert KeyHeld(keyId);
    }

    // --------------------------------------------------- internal: approvals

    function _approved(uint256 keyId, uint64 agentId) private view returns (address) {
        KeyApproval memory approval = _approvals[keyId];
        bool alive = approval.agentId == agentId && approval.epoch == registry.epochOf(agentId);
        return alive ? approval.operator : address(0);
    }

    function _isApprovedOrOwner(
        address caller,
        address owner,
        uint256 keyId,
        uint64 agentId
    ) private view returns (bool) {
        return caller == owner || _approved(keyId, agentId) == caller || isApprovedForAll(owner, caller);
    }
}
