// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Validators' judgements of Experiences
/// @notice A label names its types, gives five scores and says why. One live label per validator and listing.
/// @dev The text goes into the event and half its hash into the label's one storage slot; the aggregate of a listing is one slot and
/// is read in O(1).
interface ILabelRegistry {
    enum EvidenceKind {
        None,
        Link,
        Text,
        File
    }

    struct Scores {
        uint8 authenticity;
        uint8 utility;
        uint8 reproducibility;
        uint8 freshness;
        uint8 safety;
    }

    struct LabelInput {
        uint256 ekId;
        /// The listing's version that was examined.
        uint32 version;
        /// Bit set of label types: 0 Verified-Real, 1 Reproducible, 2 High-Utility, 3 Needs-Context, 4 Low-Quality,
        /// 5 Suspected-Fraud, 6 Outdated, 7 Policy-Risk. At least one.
        uint8 types;
        /// Each 0 to 100.
        Scores scores;
        string[] tags;
        /// One to three sentences, at most 1,000 bytes.
        string summary;
        EvidenceKind evidenceKind;
        /// A link, or text or a file's bytes, at most 2,048 bytes.
        bytes evidence;
    }

    /// @notice A stored label.
    struct Label {
        uint32 version;
        uint8 types;
        Scores scores;
        uint40 createdAt;
        /// The first 16 bytes of keccak256(abi.encode(tags, summary, evidenceKind, evidence)).
        bytes16 textHash;
    }

    /// @notice The sums over a listing's live labels; divide by `count` for the means.
    struct Aggregate {
        uint32 count;
        uint32 authenticity;
        uint32 utility;
        uint32 reproducibility;
        uint32 freshness;
        uint32 safety;
    }

    /// @notice A label was published; `aggregate` is the listing's after it, `by` the validator's EOA or its operator.
    event Labelled(
        uint256 indexed ekId,
        uint256 indexed validatorId,
        uint32 version,
        uint8 types,
        Scores scores,
        string[] tags,
        string summary,
        EvidenceKind evidenceKind,
        bytes evidence,
        Aggregate aggregate,
        address by
    );
    event ValidatorAllowed(uint256 indexed ekId, uint256 indexed validatorId, bool allowed, address by);

    error NotAuthorized(uint256 agentId, address caller, uint256 action);
    error UnknownListing(uint256 ekId);
    error UnknownVersion(uint256 ekId, uint32 current, uint32 given);
    error SelfLabel(uint256 ekId, uint256 agentId);
    error LabelExists(uint256 ekId, uint256 validatorId);
    error ValidatorNotAllowed(uint256 ekId, uint256 validatorId);
    error NoLabelType();
    /// @notice Score number `index`, in the order of {Scores}, is above 100.
    error ScoreOutOfRange(uint256 index, uint256 score);
    error SummaryTooLong(uint256 length, uint256 maximum);
    error EvidenceTooLong(uint256 length, uint256 maximum);
    error TooManyTags(uint256 count, uint256 maximum);
    error TagTooLong(uint256 index, uint256 length, uint256 maximum);

    /// @notice Publishes the validator's label. Its EOA, or an operator with {Actions.LABEL}.
    function label(uint256 validatorId, LabelInput calldata input) external;

    /// @notice Puts validators on a listing's allowlist, or takes them off. The seller, or its operator with {Actions.LIST}. The list
    /// binds only listings whose version carries {Flags.RESTRICTED_VALIDATORS}.
    function allowValidators(uint256 ekId, uint256[] calldata validatorIds, bool allowed) external;

    /// @notice The validator's live label of the listing; `createdAt` is 0 when there is none.
    function labelOf(uint256 ekId, uint256 validatorId) external view returns (Label memory);

    function aggregateOf(uint256 ekId) external view returns (Aggregate memory);

    /// @notice Whether the agent may label the listing now.
    function mayLabel(uint256 ekId, uint256 validatorId) external view returns (bool);
}
