// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title What the validators that risk something say together
/// @notice Each listing has 16 seats for bonded validators with a live label. Its status is computed when it is read, from the seats'
/// live labels and bonds: a slash, a withdrawal or a challenge counts at once and nothing has to be updated. A label without a seat is
/// stored and shown, and changes nothing here.
/// @dev A seat counts while its label is live and not challenged and its validator bonds {Policy.minBond} at least; its weight is the
/// bond, up to {Policy.maxWeight}. Of a group of linked validators only the seat with the most weight counts. Which validators are one is
/// said by the curators. It is not derived from operators' grants: a grant does not need the operator's consent, so anybody could tie an
/// honest validator to itself that way, and colluders would simply use an operator that is no agent.
interface IConsensus {
    enum Status {
        /// Nobody who counts has said anything.
        Unverified,
        /// Somebody has, and it is not enough.
        Pending,
        /// At least {Policy.quorum} groups say something good, with {Policy.supportBps} of the weight.
        Verified,
        /// {Policy.disputeBps} of the weight say something bad or are challenged.
        Disputed
    }

    struct Policy {
        /// How many groups must agree: 2 to 9.
        uint8 quorum;
        /// Part of the weight that must agree, in basis points: 5,001 to 10,000.
        uint16 supportBps;
        /// Part of the weight that makes a listing disputed, in basis points: 1 to 5,000.
        uint16 disputeBps;
        /// What a validator must bond to be seated and to count; at least {IValidatorBonds.challengeStake}.
        uint96 minBond;
        /// The most that one validator weighs; `minBond` to 100 times that.
        uint96 maxWeight;
    }

    struct Seat {
        uint64 validatorId;
        /// Unix time since which it is seated.
        uint40 since;
    }

    /// @notice All that the seats say of a listing.
    struct Verdict {
        Status status;
        /// Groups that count, and those of them that say something good and nothing bad.
        uint8 groups;
        uint8 positiveGroups;
        /// Weights: of all that count, of those that say something good and nothing bad, of those that say something bad.
        uint256 weight;
        uint256 positive;
        uint256 negative;
        /// Weight of labels that would count if they were not challenged; not in `weight`.
        uint256 challenged;
        /// Means of the scores, weighted, rounded down; in the order of {ILabelRegistry.Scores}.
        uint8[5] scores;
    }

    /// @notice `validatorId` took seat number `index`; `displacedId` had it before, 0 for nobody.
    event Seated(uint256 indexed ekId, uint256 indexed validatorId, uint256 index, uint256 displacedId);
    event ValidatorLinked(uint256 indexed validatorId, uint256 indexed groupId);
    event PolicySet(Policy policy);
    /// @notice The listing's pot was shared out; `each` to every agent, the remainder stays in the pot for the next time.
    event BountyShared(uint256 indexed ekId, address indexed token, uint256[] agentIds, uint256 each);

    error InvalidQuorum(uint256 quorum, uint256 minimum, uint256 maximum);
    error InvalidSupport(uint256 bps, uint256 minimum, uint256 maximum);
    error InvalidDisputeShare(uint256 bps, uint256 minimum, uint256 maximum);
    error InvalidMinBond(uint256 minBond, uint256 minimum);
    error InvalidMaxWeight(uint256 maxWeight, uint256 minimum, uint256 maximum);
    error NoLiveLabel(uint256 ekId, uint256 validatorId);
    error BondTooSmall(uint256 validatorId, uint256 bonded, uint256 minimum);
    /// @notice The validator let the seller's EOA act for it, or the two are one group.
    error LinkedWithSeller(uint256 ekId, uint256 validatorId, uint256 sellerId);
    error AlreadySeated(uint256 ekId, uint256 validatorId);
    /// @notice Every seat is taken by a validator with at least as much bond; `weakestId` has the least.
    error SeatsTaken(uint256 ekId, uint256 weakestId, uint256 weakestBond);
    /// @notice A linked validator with at least as much bond sits for the group.
    error GroupSeated(uint256 ekId, uint256 validatorId, uint256 linkedId);
    error TooManyValidators(uint256 count, uint256 maximum);
    error NothingToShare(uint256 ekId, address token);
    error UnknownListing(uint256 ekId);
    /// @notice There are validators who count or will, but no seat and label of any has stood for `maturity` seconds unchallenged.
    error NoMatureSeat(uint256 ekId, uint256 maturity);

    /// @notice Gives the validator a seat for its live label: a free one, that of a linked validator with less bond, or that of the
    /// validator with the least bond if that is less than its own. Endorses the listing if it can (see {ILabelRegistry.endorse}). Never
    /// for a validator that is one group with the seller or has a live grant to the seller's EOA. Anyone.
    function seat(uint256 ekId, uint256 validatorId) external;

    /// @notice Makes the validators one group; `groupId` is any of their ids, 0 unlinks them. At most 64. Curators only.
    function link(uint256[] calldata validatorIds, uint256 groupId) external;

    /// @notice Administrators only, within the bounds given in {Policy}.
    function setPolicy(Policy calldata policy) external;

    /// @notice Shares the listing's bounty pot equally among the validators whose seat counts and whose seat and label are older than
    /// {MATURITY}. With no seat that counts or is challenged, all of it goes to the seller. Anyone.
    /// @dev Equally and not by weight: a bond raised just before would take from the others.
    function distribute(uint256 ekId, address token) external;

    function statusOf(uint256 ekId) external view returns (Status);

    function verdictOf(uint256 ekId) external view returns (Verdict memory);

    /// @notice The listing's seats in their order; validator 0 where nobody ever sat.
    function seatsOf(uint256 ekId) external view returns (Seat[16] memory);

    /// @notice The group that the validator is in; its own id unless it is linked.
    function groupOf(uint256 validatorId) external view returns (uint256);

    function policy() external view returns (Policy memory);
}
