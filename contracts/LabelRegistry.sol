// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IEndorsements} from "./interfaces/IEndorsements.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {Actions} from "./libraries/Actions.sol";
import {Flags} from "./libraries/Flags.sol";

/// @title LabelRegistry
contract LabelRegistry is ILabelRegistry, IEndorsements {
    uint256 public constant MAX_SCORE = 100;
    uint256 public constant MAX_SUMMARY_BYTES = 1000;
    uint256 public constant MAX_EVIDENCE_BYTES = 2048;
    uint256 public constant MAX_TAGS = 16;
    uint256 public constant MAX_TAG_BYTES = 32;

    IAgentRegistry public immutable registry;
    ICatalog public immutable catalog;

    mapping(uint256 ekId => mapping(uint256 validatorId => Label)) private _labels;
    mapping(uint256 ekId => Aggregate) private _aggregates;
    mapping(uint256 ekId => mapping(uint256 validatorId => bool)) private _allowed;

    constructor(IAgentRegistry registry_, ICatalog catalog_) {
        registry = registry_;
        catalog = catalog_;
    }

    /// @inheritdoc ILabelRegistry
    function label(uint256 validatorId, LabelInput calldata input) external {
        _checkAuthority(validatorId, Actions.LABEL);
        (uint256 sellerId, uint32 version, uint8 flags, ) = catalog.listingHead(input.ekId);
        if (sellerId == 0) revert UnknownListing(input.ekId);
        if (input.version == 0 || input.version > version) {
            revert UnknownVersion(input.ekId, version, input.version);
        }
        if (sellerId == validatorId) revert SelfLabel(input.ekId, validatorId);
        if (flags & Flags.RESTRICTED_VALIDATORS != 0 && !_allowed[input.ekId][validatorId]) {
            revert ValidatorNotAllowed(input.ekId, validatorId);
        }
        if (_labels[input.ekId][validatorId].createdAt != 0) revert LabelExists(input.ekId, validatorId);
        _checkInput(input);

        _labels[input.ekId][validatorId] = Label({
            version: input.version,
            types: input.types,
            scores: input.scores,
            createdAt: uint40(block.timestamp),
            textHash: bytes16(keccak256(abi.encode(input.tags, input.summary, input.evidenceKind, input.evidence)))
        });
        Aggregate memory aggregate = _aggregates[input.ekId];
        aggregate.count += 1;
        aggregate.authenticity += input.scores.authenticity;
        aggregate.utility += input.scores.utility;
        aggregate.reproducibility += input.scores.reproducibility;
        aggregate.freshness += input.scores.freshness;
        aggregate.safety += input.scores.safety;
        _aggregates[input.ekId] = aggregate;

        emit Labelled(
            input.ekId,
            validatorId,
            input.version,
            input.types,
            input.scores,
            input.tags,
            input.summary,
            input.evidenceKind,
            input.evidence,
            aggregate,
            msg.sender
        );
    }

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
    function labelOf(uint256 ekId, uint256 validatorId) external view returns (Label memory) {
        return _labels[ekId][validatorId];
    }

    /// @inheritdoc ILabelRegistry
    function aggregateOf(uint256 ekId) external view returns (Aggregate memory) {
        return _aggregates[ekId];
    }

    /// @inheritdoc IEndorsements
    /// @dev The labels' mean of authenticity and utility is at least half the maximum.
    function isEndorsed(uint256 ekId) external view returns (bool) {
        Aggregate memory a = _aggregates[ekId];
        return a.count != 0 && uint256(a.authenticity) + a.utility >= uint256(a.count) * MAX_SCORE;
    }

    /// @inheritdoc ILabelRegistry
    function mayLabel(uint256 ekId, uint256 validatorId) external view returns (bool) {
        (uint256 sellerId, , uint8 flags, ) = catalog.listingHead(ekId);
        return
            sellerId != 0 &&
            validatorId != 0 &&
            sellerId != validatorId &&
            (flags & Flags.RESTRICTED_VALIDATORS == 0 || _allowed[ekId][validatorId]) &&
            _labels[ekId][validatorId].createdAt == 0;
    }

    function _checkAuthority(uint256 agentId, uint256 action) private view {
        if (!registry.canAct(agentId, msg.sender, action)) revert NotAuthorized(agentId, msg.sender, action);
    }

    function _checkInput(LabelInput calldata input) private pure {
        if (input.types == 0) revert NoLabelType();
        uint8[5] memory scores = [
            input.scores.authenticity,
            input.scores.utility,
            input.scores.reproducibility,
            input.scores.freshness,
            input.scores.safety
        ];
        for (uint256 i; i < 5; ++i) {
            if (scores[i] > MAX_SCORE) revert ScoreOutOfRange(i, scores[i]);
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
}
