// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IEndorsements} from "./IEndorsements.sol";

/// @title Validators' judgements of Experiences
/// @notice A label names its types, gives five scores and says why. One live label per validator and listing; it can be revised and
/// withdrawn, except while it is challenged (see {IValidatorBonds}).
/// @dev The text goes into the event and half the input's hash into the label's one storage slot; the aggregate of a listing is one slot and
/// is read in O(1). Whether a label has weight is no concern of this contract: see {IConsensus}.
interface ILabelRegistry is IEndorsements {
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
        /// Bit set of {LabelTypes}: 0 Verified-Real, 1 Reproducible, 2 High-Utility, 3 Needs-Context, 4 Low-Quality,
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
        /// keccak256 of what a link leads to; 0 = not given. Links only: text and files are in the event themselves.
        bytes32 evidenceHash;
    }

    /// @notice A stored label, or the number of revisions that there were when there is none.
    struct Label {
        uint32 version;
        uint8 types;
        Scores scores;
        /// Unix time of publication (good until 2106); a revision keeps it. 0 = no live label.
        uint32 createdAt;
        /// Counts what this validator ever said of this listing, from 1; goes on after a withdrawal.
        uint8 revision;
        /// Whether a challenge to this revision is open.
        bool disputed;
        /// The first 16 bytes of the keccak256 of the input as ABI tuple: abi.encode(input) without its first word.
        bytes16 inputHash;
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

    /// @notice A label was published (a new one) or revised (the last revision's follower); `aggregate` is the listing's after it.
    /// @param by Who answers for it: the validator's EOA, which sent or signed it, or its operator.
    event Labelled(
        uint256 indexed ekId,
        uint256 indexed validatorId,
        uint8 revision,
        LabelInput input,
        Aggregate aggregate,
        address by
    );
    /// @notice The validator took its label back.
    event LabelWithdrawn(
        uint256 indexed ekId,
        uint256 indexed validatorId,
        uint8 revision,
        Aggregate aggregate,
        address by
    );
    /// @notice A challenge to the revision was opened; the label is frozen if the revision is the live one.
    event LabelDisputed(uint256 indexed ekId, uint256 indexed validatorId, uint8 revision);
    /// @notice The revision stood its challenge.
    event LabelUpheld(uint256 indexed ekId, uint256 indexed validatorId, uint8 revision);
    /// @notice The revision fell to its challenge. If it was the live one, the label is gone from the aggregate.
    event LabelStruck(uint256 indexed ekId, uint256 indexed validatorId, uint8 revision, Aggregate aggregate);
    /// @notice {isEndorsed} rests on this validator's label from now on.
    event Endorsed(uint256 indexed ekId, uint256 indexed validatorId);
    event ValidatorAllowed(uint256 indexed ekId, uint256 indexed validatorId, bool allowed, address by);
    /// @notice The validator burnt its signing nonce: labels signed with `nonce` are void.
    event LabelNonceInvalidated(uint256 indexed validatorId, uint256 nonce);

    error NotAuthorized(uint256 agentId, address caller, uint256 action);
    error NotBonds(address caller);
    error UnknownListing(uint256 ekId);
    error UnknownVersion(uint256 ekId, uint32 current, uint32 given);
    error SelfLabel(uint256 ekId, uint256 agentId);
    error LabelExists(uint256 ekId, uint256 validatorId);
    error NoLabel(uint256 ekId, uint256 validatorId);
    /// @notice The live label is challenged: it can't be touched before that is decided.
    error LabelInDispute(uint256 ekId, uint256 validatorId, uint8 revision);
    error TooManyRevisions(uint256 ekId, uint256 validatorId, uint256 maximum);
    error TooManyLabels(uint256 count, uint256 maximum);
    error ValidatorNotAllowed(uint256 ekId, uint256 validatorId);
    error NoLabelType();
    /// @notice Score number `index`, in the order of {Scores}, is above 100.
    error ScoreOutOfRange(uint256 index, uint256 score);
    error SummaryTooLong(uint256 length, uint256 maximum);
    error EvidenceTooLong(uint256 length, uint256 maximum);
    error EvidenceHashWithoutLink(EvidenceKind evidenceKind);
    error TooManyTags(uint256 count, uint256 maximum);
    error TagTooLong(uint256 index, uint256 length, uint256 maximum);
    error SignatureExpired(uint256 deadline, uint256 time);
    error InvalidNonce(uint256 validatorId, uint256 expected, uint256 given);
    error InvalidSignature(address signer);
    /// @notice There was no such revision, it fell already, or it ended more than `window` seconds ago.
    error RevisionNotChallengeable(uint256 ekId, uint256 validatorId, uint8 revision, uint256 endedAt, uint256 window);
    /// @notice `validatorId`'s label is not a live, unchallenged, positive one of a bonded validator.
    error NotEndorsing(uint256 ekId, uint256 validatorId);
    /// @notice The listing is endorsed by `validatorId` already.
    error AlreadyEndorsed(uint256 ekId, uint256 validatorId);

    /// @notice Publishes the validator's label. Its EOA, or an operator with {Actions.LABEL}.
    function label(uint256 validatorId, LabelInput calldata input) external;

    /// @notice Publishes up to 32 labels, all or none. As {label}.
    function labelBatch(uint256 validatorId, LabelInput[] calldata inputs) external;

    /// @notice Replaces the validator's live label. As {label}.
    function revise(uint256 validatorId, LabelInput calldata input) external;

    /// @notice Takes the validator's live label back. As {label}.
    function withdraw(uint256 validatorId, uint256 ekId) external;

    /// @notice {label} by the EIP-712 signature (also EIP-1271) of the validator's EOA over
    /// `Label(uint256 validatorId,uint32 epoch,LabelInput input,uint256 nonce,uint256 deadline)`, `epoch` being the agent's in
    /// {IAgentRegistry}: a rotation voids it. Anyone may relay it.
    /// @dev Domain: name "MOA LabelRegistry", version "1", this chain and contract.
    function labelBySig(
        uint256 validatorId,
        LabelInput calldata input,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice {revise} by signature over `Revision(…)` with the fields of `Label(…)`. Anyone may relay it.
    function reviseBySig(
        uint256 validatorId,
        LabelInput calldata input,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice {withdraw} by signature over
    /// `Withdrawal(uint256 validatorId,uint32 epoch,uint256 ekId,uint256 nonce,uint256 deadline)`. Anyone may relay it.
    function withdrawBySig(
        uint256 validatorId,
        uint256 ekId,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Burns the validator's present nonce. Its EOA, or an operator with {Actions.LABEL}.
    function invalidateNonce(uint256 validatorId) external;

    /// @notice Puts validators on a listing's allowlist, or takes them off. The seller, or its operator with {Actions.LIST}. The list
    /// binds only listings whose version carries {Flags.RESTRICTED_VALIDATORS}.
    function allowValidators(uint256 ekId, uint256[] calldata validatorIds, bool allowed) external;

    /// @notice Makes {isEndorsed} rest on this validator's label, when it rests on none that still endorses. Anyone.
    function endorse(uint256 ekId, uint256 validatorId) external;

    /// @notice Notes that a challenge to the revision is open. The bonds' contract alone.
    /// @dev A revision can be challenged while it is live and for `window` seconds afterwards, once at a time.
    function openDispute(uint256 ekId, uint256 validatorId, uint8 revision, uint256 window) external;

    /// @notice The challenge failed, or was no one's. The bonds' contract alone.
    function uphold(uint256 ekId, uint256 validatorId, uint8 revision) external;

    /// @notice The challenge succeeded: the revision can't be challenged again, and is removed if it is live. The bonds' contract alone.
    function strike(uint256 ekId, uint256 validatorId, uint8 revision) external;

    /// @notice The validator's live label of the listing; `createdAt` is 0 when there is none.
    function labelOf(uint256 ekId, uint256 validatorId) external view returns (Label memory);

    /// @notice When a former revision ended, in Unix time: by a revision or a withdrawal; 1 when it was struck; 0 while it is live.
    function endOf(uint256 ekId, uint256 validatorId, uint8 revision) external view returns (uint256);

    function aggregateOf(uint256 ekId) external view returns (Aggregate memory);

    /// @notice Whether the agent may label the listing now.
    function mayLabel(uint256 ekId, uint256 validatorId) external view returns (bool);

    /// @notice The validator whose label {isEndorsed} asks about; 0 for none yet.
    function endorserOf(uint256 ekId) external view returns (uint256 validatorId);

    /// @notice The nonce that the validator's next signed label must carry.
    function nonces(uint256 validatorId) external view returns (uint256);
}
