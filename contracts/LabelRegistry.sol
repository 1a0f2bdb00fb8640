// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IEndorsements} from "./interfaces/IEndorsements.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {IValidatorBonds} from "./interfaces/IValidatorBonds.sol";
import {Actions} from "./libraries/Actions.sol";
import {Flags} from "./libraries/Flags.sol";
import {LabelHash} from "./libraries/LabelHash.sol";
import {LabelSlot} from "./libraries/LabelSlot.sol";
import {LabelTypes} from "./libraries/LabelTypes.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title LabelRegistry
contract LabelRegistry is ILabelRegistry, EIP712 {
    using LabelSlot for uint256;

    uint256 public constant MAX_SCORE = 100;
    uint256 public constant MAX_SUMMARY_BYTES = 1000;
    uint256 public constant MAX_EVIDENCE_BYTES = 2048;
    uint256 public constant MAX_TAGS = 16;
    uint256 public constant MAX_TAG_BYTES = 32;
    uint256 public constant MAX_BATCH = 32;
    uint256 public constant MAX_REVISIONS = 255;

    /// @dev Stands where the end of a revision would: nobody is punished twice for one revision.
    uint32 private constant STRUCK = 1;

    IAgentRegistry public immutable registry;
    ICatalog public immutable catalog;
    IValidatorBonds public immutable bonds;

    /// @inheritdoc ILabelRegistry
    mapping(uint256 validatorId => uint256) public nonces;

    /// @dev Labels and tallies are words of {LabelSlot}.
    mapping(uint256 ekId => mapping(uint256 validatorId => uint256 slot)) private _labels;
    /// @dev By revision; eight in a slot.
    mapping(uint256 ekId => mapping(uint256 validatorId => uint32[256])) private _ends;
    mapping(uint256 ekId => uint256 tally) private _tallies;
    mapping(uint256 ekId => mapping(uint256 validatorId => bool)) private _allowed;

    constructor(IAgentRegistry registry_, ICatalog catalog_, IValidatorBonds bonds_) EIP712("MOA LabelRegistry", "1") {
        registry = registry_;
        catalog = catalog_;
        bonds = bonds_;
    }

    modifier onlyBonds() {
        if (msg.sender != address(bonds)) revert NotBonds(msg.sender);
        _;
    }

    // ------------------------------------------------------ by the validator

    /// @inheritdoc ILabelRegistry
    function label(uint256 validatorId, LabelInput calldata input) external {
        _checkAuthority(validatorId, Actions.LABEL);
        _publish(validatorId, input, msg.sender);
    }

    /// @inheritdoc ILabelRegistry
    function labelBatch(uint256 validatorId, LabelInput[] calldata inputs) external {
        if (inputs.length > MAX_BATCH) revert TooManyLabels(inputs.length, MAX_BATCH);
        _checkAuthority(validatorId, Actions.LABEL);
        for (uint256 i; i < inputs.length; ++i) {
            _publish(validatorId, inputs[i], msg.sender);
        }
    }

    /// @inheritdoc ILabelRegistry
    function revise(uint256 validatorId, LabelInput calldata input) external {
        _checkAuthority(validatorId, Actions.LABEL);
        _revise(validatorId, input, msg.sender);
    }

    /// @inheritdoc ILabelRegistry
    function withdraw(uint256 validatorId, uint256 ekId) external {
        _checkAuthority(validatorId, Actions.LABEL);
        _withdraw(validatorId, ekId, msg.sender);
    }

    /// @inheritdoc ILabelRegistry
    function invalidateNonce(uint256 validatorId) external {
        _checkAuthority(validatorId, Actions.LABEL);
        emit LabelNonceInvalidated(validatorId, nonces[validatorId]++);
    }

    // ------------------------------------------------- by its signature

    /// @inheritdoc ILabelRegistry
    function labelBySig(
        uint256 validatorId,
        LabelInput calldata input,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external {
        bytes32 content = LabelHash.signed(input);
        address signer = _useSignature(LabelHash.LABEL_TYPEHASH, validatorId, content, nonce, deadline, signature);
        _publish(validatorId, input, signer);
    }

    /// @inheritdoc ILabelRegistry
    function reviseBySig(
        uint256 validatorId,
        LabelInput calldata input,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external {
        bytes32 content = LabelHash.signed(input);
        address signer = _useSignature(LabelHash.REVISION_TYPEHASH, validatorId, content, nonce, deadline, signature);
        _revise(validatorId, input, signer);
    }

    /// @inheritdoc ILabelRegistry
    function withdrawBySig(
        uint256 validatorId,
        uint256 ekId,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external {
        bytes32 content = bytes32(ekId);
        address signer = _useSignature(LabelHash.WITHDRAWAL_TYPEHASH, validatorId, content, nonce, deadline, signature);
        _withdraw(validatorId, ekId, signer);
    }

    // ----------------------------------------------------------- by others

    /// @inheritdoc ILabelRegistry
    function allowValidators(uint256 ekId, uint256[] calldata validatorIds, bool allowed) external {
        (uint256 sellerId, , , ) = catalog.listingHead(ekId);
        if (sellerId == 0) revert UnknownListing(ekId);
        _checkAuthority(sellerId, Actions.LIST);
        for (uint256 i; i < validatorIds.length; ++i) {
            registry.eoaOf(validatorIds[i]);
            _allowed[ekId][validatorIds[i]] = allowed;
            emit ValidatorAllowed(ekId, validatorIds[i], allowed, msg.sender);
        }
    }

    /// @inheritdoc ILabelRegistry
    function endorse(uint256 ekId, uint256 validatorId) external {
        uint256 tally = _tallies[ekId];
        if (_endorses(ekId, tally.endorserOf())) revert AlreadyEndorsed(ekId, tally.endorserOf());
        // Only an agent has a label, and agent ids have 64 bits in the registry: it fits.
        if (!_endorses(ekId, validatorId)) revert NotEndorsing(ekId, validatorId);
        _tallies[ekId] = tally.withEndorser(validatorId);
        emit Endorsed(ekId, validatorId);
    }

    /// @inheritdoc ILabelRegistry
    function openDispute(uint256 ekId, uint256 validatorId, uint8 revision, uint256 window) external onlyBonds {
        uint256 slot = _labels[ekId][validatorId];
        if (_isLive(slot, revision)) {
            _labels[ekId][validatorId] = slot | LabelSlot.DISPUTED;
        } else {
            uint256 endedAt = _ends[ekId][validatorId][revision];
            if (endedAt == 0 || endedAt + window < block.timestamp) {
                revert RevisionNotChallengeable(ekId, validatorId, revision, endedAt, window);
            }
        }
        emit LabelDisputed(ekId, validatorId, revision);
    }

    /// @inheritdoc ILabelRegistry
    function uphold(uint256 ekId, uint256 validatorId, uint8 revision) external onlyBonds {
        uint256 slot = _labels[ekId][validatorId];
        if (_isLive(slot, revision)) _labels[ekId][validatorId] = slot & ~LabelSlot.DISPUTED;
        emit LabelUpheld(ekId, validatorId, revision);
    }

    /// @inheritdoc ILabelRegistry
    function strike(uint256 ekId, uint256 validatorId, uint8 revision) external onlyBonds {
        uint256 slot = _labels[ekId][validatorId];
        if (_isLive(slot, revision)) _remove(ekId, validatorId, slot);
        _ends[ekId][validatorId][revision] = STRUCK;
        emit LabelStruck(ekId, validatorId, revision, _tallies[ekId].sumsOf());
    }

    // --------------------------------------------------------------- views

    /// @inheritdoc ILabelRegistry
    function labelOf(uint256 ekId, uint256 validatorId) external view returns (Label memory) {
        return _labels[ekId][validatorId].unpack();
    }

    /// @inheritdoc ILabelRegistry
    function endOf(uint256 ekId, uint256 validatorId, uint8 revision) external view returns (uint256) {
        return _ends[ekId][validatorId][revision];
    }

    /// @inheritdoc ILabelRegistry
    function aggregateOf(uint256 ekId) external view returns (Aggregate memory) {
        return _tallies[ekId].sumsOf();
    }

    /// @inheritdoc ILabelRegistry
    function mayLabel(uint256 ekId, uint256 validatorId) external view returns (bool) {
        (uint256 sellerId, , uint8 flags, ) = catalog.listingHead(ekId);
        return
            sellerId != 0 &&
            validatorId != 0 &&
            sellerId != validatorId &&
            validatorId <= registry.agentCount() &&
            (flags & Flags.RESTRICTED_VALIDATORS == 0 || _allowed[ekId][validatorId]) &&
            _labels[ekId][validatorId].createdAtOf() == 0 &&
            _labels[ekId][validatorId].revisionOf() < MAX_REVISIONS;
    }

    /// @inheritdoc IEndorsements
    /// @dev Three storage reads.
    function isEndorsed(uint256 ekId) external view returns (bool) {
        return _endorses(ekId, _tallies[ekId].endorserOf());
    }

    /// @inheritdoc ILabelRegistry
    function endorserOf(uint256 ekId) external view returns (uint256 validatorId) {
        return _tallies[ekId].endorserOf();
    }

    // ------------------------------------------------------------- internal

    function _publish(uint256 validatorId, LabelInput calldata input, address by) private {
        _checkListing(validatorId, input.ekId, input.version);
        uint256 old = _labels[input.ekId][validatorId];
        if (old.createdAtOf() != 0) revert LabelExists(input.ekId, validatorId);
        uint256 tally = _tallies[input.ekId];
        if (tally.countOf() == LabelSlot.MAX_COUNT) revert TooManyLabels(LabelSlot.MAX_COUNT + 1, LabelSlot.MAX_COUNT);
        _write(validatorId, input, old.revisionOf(), uint32(block.timestamp), tally, by);
    }

    function _revise(uint256 validatorId, LabelInput calldata input, address by) private {
        _checkListing(validatorId, input.ekId, input.version);
        uint256 old = _labels[input.ekId][validatorId];
        _end(input.ekId, validatorId, old);
        uint256 tally = _tallies[input.ekId] - old.scoresOf().tallied();
        _write(validatorId, input, old.revisionOf(), old.createdAtOf(), tally, by);
    }

    function _withdraw(uint256 validatorId, uint256 ekId, address by) private {
        uint256 old = _labels[ekId][validatorId];
        _end(ekId, validatorId, old);
        uint256 tally = _remove(ekId, validatorId, old);
        emit LabelWithdrawn(ekId, validatorId, old.revisionOf(), tally.sumsOf(), by);
    }

    /// @dev Checks the input and stores it as the follower of `revision`, and the tally with its scores added.
    function _write(
        uint256 validatorId,
        LabelInput calldata input,
        uint256 revision,
        uint256 createdAt,
        uint256 tally,
        address by
    ) private {
        if (revision == MAX_REVISIONS) revert TooManyRevisions(input.ekId, validatorId, MAX_REVISIONS);
        if (input.types == 0) revert NoLabelType();
        uint256 scores = _packScores(input.scores);
        _checkText(input);
        tally += scores.tallied();
        _tallies[input.ekId] = tally;
        ++revision;
        bytes16 hash = _announce(validatorId, input, revision, tally, by);
        _labels[input.ekId][validatorId] = LabelSlot.pack(
            input.version,
            input.types,
            scores,
            createdAt,
            revision,
            hash
        );
    }

    /// @dev Emits {Labelled} and returns half the hash of its `input`: the text is encoded once for both.
    function _announce(
        uint256 validatorId,
        LabelInput calldata input,
        uint256 revision,
        uint256 tally,
        address by
    ) private returns (bytes16 hash) {
        bytes memory data = abi.encode(uint8(revision), input, tally.sumsOf(), by);
        bytes32 topic = Labelled.selector;
        uint256 ekId = input.ekId;
        // The event's data is nine words (revision, where the input is, six sums, by), then the input.
        assembly ("memory-safe") {
            let start := add(data, 0x20)
            let size := mload(data)
            log3(start, size, topic, ekId, validatorId)
            hash := and(keccak256(add(start, 0x120), sub(size, 0x120)), shl(128, not(0)))
        }
    }

    /// @dev Notes when the live revision ended. The label must be there and not frozen.
    function _end(uint256 ekId, uint256 validatorId, uint256 old) private {
        if (old.createdAtOf() == 0) revert NoLabel(ekId, validatorId);
        if (old.isDisputed()) revert LabelInDispute(ekId, validatorId, old.revisionOf());
        _ends[ekId][validatorId][old.revisionOf()] = uint32(block.timestamp);
    }

    function _remove(uint256 ekId, uint256 validatorId, uint256 old) private returns (uint256 tally) {
        tally = _tallies[ekId] - old.scoresOf().tallied();
        _tallies[ekId] = tally;
        _labels[ekId][validatorId] = old.gone();
    }

    /// @dev Burns the validator's nonce for its EOA's signature over a message of that type, and returns the EOA.
    function _useSignature(
        bytes32 typehash,
        uint256 validatorId,
        bytes32 content,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) private returns (address signer) {
        if (block.timestamp > deadline) revert SignatureExpired(deadline, block.timestamp);
        uint256 expected = nonces[validatorId]++;
        if (nonce != expected) revert InvalidNonce(validatorId, expected, nonce);
        signer = registry.eoaOf(validatorId);
        uint32 epoch = registry.epochOf(validatorId);
        bytes32 structHash = keccak256(abi.encode(typehash, validatorId, epoch, content, nonce, deadline));
        if (!Signatures.isValid(signer, _hashTypedDataV4(structHash), signature)) revert InvalidSignature(signer);
    }

    function _checkAuthority(uint256 agentId, uint256 action) private view {
        if (!registry.canAct(agentId, msg.sender, action)) revert NotAuthorized(agentId, msg.sender, action);
    }

    function _checkListing(uint256 validatorId, uint256 ekId, uint32 version) private view {
        (uint256 sellerId, uint32 current, uint8 flags, ) = catalog.listingHead(ekId);
        if (sellerId == 0) revert UnknownListing(ekId);
        if (version == 0 || version > current) revert UnknownVersion(ekId, current, version);
        if (sellerId == validatorId) revert SelfLabel(ekId, validatorId);
        if (flags & Flags.RESTRICTED_VALIDATORS != 0 && !_allowed[ekId][validatorId]) {
            revert ValidatorNotAllowed(ekId, validatorId);
        }
    }

    function _isLive(uint256 slot, uint8 revision) private pure returns (bool) {
        return slot.createdAtOf() != 0 && slot.revisionOf() == revision;
    }

    function _endorses(uint256 ekId, uint256 validatorId) private view returns (bool) {
        if (validatorId == 0) return false;
        uint256 slot = _labels[ekId][validatorId];
        return
            slot.createdAtOf() != 0 &&
            !slot.isDisputed() &&
            LabelTypes.isPositive(slot.typesOf()) &&
            bonds.isBonded(validatorId);
    }

    function _checkText(LabelInput calldata input) private pure {
        if (input.evidenceHash != 0 && input.evidenceKind != EvidenceKind.Link) {
            revert EvidenceHashWithoutLink(input.evidenceKind);
        }
        uint256 length = bytes(input.summary).length;
        if (length > MAX_SUMMARY_BYTES) revert SummaryTooLong(length, MAX_SUMMARY_BYTES);
        length = input.evidence.length;
        if (length > MAX_EVIDENCE_BYTES) revert EvidenceTooLong(length, MAX_EVIDENCE_BYTES);
        if (input.tags.length > MAX_TAGS) revert TooManyTags(input.tags.length, MAX_TAGS);
        for (uint256 i; i < input.tags.length; ++i) {
            length = bytes(input.tags[i]).length;
            if (length > MAX_TAG_BYTES) revert TagTooLong(i, length, MAX_TAG_BYTES);
        }
    }

    /// @dev The five scores by 8 bits, the first one lowest; each is checked as the whole word that it came in.
    function _packScores(Scores calldata scores) private pure returns (uint256 packed) {
        for (uint256 i; i < 5; ++i) {
            uint256 score;
            assembly ("memory-safe") {
                score := calldataload(add(scores, shl(5, i)))
            }
            if (score > MAX_SCORE) revert ScoreOutOfRange(i, score);
            packed |= score << (8 * i);
        }
    }
}
