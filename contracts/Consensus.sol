// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IBountyPot} from "./interfaces/IBountyPot.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IConsensus} from "./interfaces/IConsensus.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {IValidatorBonds} from "./interfaces/IValidatorBonds.sol";
import {LabelTypes} from "./libraries/LabelTypes.sol";

/// @title Consensus
contract Consensus is IConsensus, AccessManaged {
    /// @dev A seat with what makes it count, as read now.
    struct Voice {
        uint256 validatorId;
        uint256 groupId;
        /// 0 when it does not count.
        uint256 weight;
        uint256 since;
        ILabelRegistry.Label label;
    }

    uint256 public constant SEATS = 16;
    uint256 public constant MAX_LINKED = 64;
    /// @notice Seconds that a seat and its label must be old to share in a bounty.
    uint256 public constant MATURITY = 1 days;
    uint256 public constant MIN_QUORUM = 2;
    uint256 public constant MAX_QUORUM = 9;
    uint256 public constant MIN_SUPPORT_BPS = 5001;
    uint256 public constant MAX_DISPUTE_BPS = 5000;
    /// @notice {Policy.maxWeight} in {Policy.minBond}s, at most.
    uint256 public constant MAX_WEIGHT_FACTOR = 100;

    uint256 private constant BPS = 10_000;

    IAgentRegistry public immutable registry;
    ICatalog public immutable catalog;
    ILabelRegistry public immutable labels;
    IValidatorBonds public immutable bonds;
    IBountyPot public immutable pot;

    Policy private _policy;
    /// @dev Two seats in a slot.
    mapping(uint256 ekId => Seat[SEATS]) private _seats;
    mapping(uint256 validatorId => uint256 groupId) private _groups;

    constructor(
        address authority,
        IAgentRegistry registry_,
        ICatalog catalog_,
        ILabelRegistry labels_,
        IValidatorBonds bonds_,
        IBountyPot pot_,
        Policy memory policy_
    ) AccessManaged(authority) {
        registry = registry_;
        catalog = catalog_;
        labels = labels_;
        bonds = bonds_;
        pot = pot_;
        _setPolicy(policy_);
    }

    /// @inheritdoc IConsensus
    function seat(uint256 ekId, uint256 validatorId) external {
        ILabelRegistry.Label memory label = labels.labelOf(ekId, validatorId);
        if (label.createdAt == 0) revert NoLiveLabel(ekId, validatorId);
        _checkIndependence(ekId, validatorId);
        uint256 bonded = bonds.bondedOf(validatorId);
        uint256 minBond = _policy.minBond;
        if (bonded < minBond) revert BondTooSmall(validatorId, bonded, minBond);
        uint256 index = _findSeat(ekId, validatorId, bonded, minBond);
        Seat storage taken = _seats[ekId][index];
        uint256 displacedId = taken.validatorId;
        // Fits: only an agent can bond, and agent ids are uint64 in the registry.
        taken.validatorId = uint64(validatorId);
        taken.since = uint40(block.timestamp);
        emit Seated(ekId, validatorId, index, displacedId);
        if (LabelTypes.isPositive(label.types) && !label.disputed && !labels.isEndorsed(ekId)) {
            labels.endorse(ekId, validatorId);
        }
    }

    /// @inheritdoc IConsensus
    function link(uint256[] calldata validatorIds, uint256 groupId) external restricted {
        if (validatorIds.length > MAX_LINKED) revert TooManyValidators(validatorIds.length, MAX_LINKED);
        if (groupId != 0) registry.eoaOf(groupId);
        for (uint256 i; i < validatorIds.length; ++i) {
            registry.eoaOf(validatorIds[i]);
            _groups[validatorIds[i]] = groupId;
            emit ValidatorLinked(validatorIds[i], groupOf(validatorIds[i]));
        }
    }

    /// @inheritdoc IConsensus
    function setPolicy(Policy calldata policy_) external restricted {
        _setPolicy(policy_);
    }

    /// @inheritdoc IConsensus
    function distribute(uint256 ekId, address token) external {
        (uint256 sellerId, , , ) = catalog.listingHead(ekId);
        if (sellerId == 0) revert UnknownListing(ekId);
        uint256 amount = pot.bountyOf(ekId, token);
        uint256[] memory agentIds = _payees(ekId, sellerId);
        uint256 each = amount / agentIds.length;
        if (each == 0) revert NothingToShare(ekId, token);
        uint256[] memory amounts = new uint256[](agentIds.length);
        for (uint256 i; i < amounts.length; ++i) {
            amounts[i] = each;
        }
        emit BountyShared(ekId, token, agentIds, each);
        pot.payBounty(ekId, token, agentIds, amounts);
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc IConsensus
    function statusOf(uint256 ekId) external view returns (Status) {
        return verdictOf(ekId).status;
    }

    /// @inheritdoc IConsensus
    function seatsOf(uint256 ekId) external view returns (Seat[SEATS] memory) {
        return _seats[ekId];
    }

    /// @inheritdoc IConsensus
    function policy() external view returns (Policy memory) {
        return _policy;
    }

    /// @inheritdoc IConsensus
    function verdictOf(uint256 ekId) public view returns (Verdict memory verdict) {
        Policy memory rules = _policy;
        Voice[] memory voices = _voices(ekId, rules);
        uint256[5] memory sums;
        for (uint256 i; i < voices.length; ++i) {
            Voice memory voice = voices[i];
            if (voice.weight == 0) continue;
            if (voice.label.disputed) verdict.challenged += voice.weight;
            else _count(verdict, sums, voice);
        }
        if (verdict.weight != 0) {
            for (uint256 i; i < 5; ++i) {
                verdict.scores[i] = uint8(sums[i] / verdict.weight); // a mean of numbers up to 100
            }
        }
        verdict.status = _statusOf(verdict, rules);
    }

    /// @inheritdoc IConsensus
    function groupOf(uint256 validatorId) public view returns (uint256) {
        uint256 groupId = _groups[validatorId];
        return groupId == 0 ? validatorId : groupId;
    }

    // -------------------------------------------------------------- internal

    /// @dev Only what the validator itself did ties it to the seller, or what the curators say: if a grant of the seller's did too, the seller
    /// could keep whom it likes from a seat.
    function _checkIndependence(uint256 ekId, uint256 validatorId) private view {
        (uint256 sellerId, , , ) = catalog.listingHead(ekId);
        (uint256 granted, ) = registry.grantOf(validatorId, registry.eoaOf(sellerId));
        if (granted != 0 || groupOf(validatorId) == groupOf(sellerId)) {
            revert LinkedWithSeller(ekId, validatorId, sellerId);
        }
    }

    /// @dev Which seat a newcomer gets: its group's, else an empty one, else the one with the least live bond.
    function _findSeat(
        uint256 ekId,
        uint256 validatorId,
        uint256 bonded,
        uint256 minBond
    ) private view returns (uint256 index) {
        Seat[SEATS] memory seats = _seats[ekId];
        uint256 groupId = groupOf(validatorId);
        uint256 least = type(uint256).max;
        for (uint256 i; i < SEATS; ++i) {
            uint256 sitterId = seats[i].validatorId;
            if (sitterId == validatorId) revert AlreadySeated(ekId, validatorId);
            uint256 strength = sitterId == 0 ? 0 : _strength(ekId, sitterId, minBond);
            if (strength != 0 && groupOf(sitterId) == groupId) {
                if (strength >= bonded) revert GroupSeated(ekId, validatorId, sitterId);
                return i;
            }
            if (strength < least) (least, index) = (strength, i);
        }
        if (least >= bonded) revert SeatsTaken(ekId, seats[index].validatorId, least);
    }

    /// @dev The sitter's bond; 0 when its label is gone or its bond too small, so that anyone may take the seat. A challenged label keeps
    /// its seat until the ruling, or a challenge would cost the validator its place.
    function _strength(uint256 ekId, uint256 validatorId, uint256 minBond) private view returns (uint256 bonded) {
        bonded = bonds.bondedOf(validatorId);
        if (bonded < minBond || labels.labelOf(ekId, validatorId).createdAt == 0) return 0;
    }

    /// @dev The seats as they count now: of each group the one with the most weight, the earlier one among equals; challenged ones are in
    /// it with the weight that they would have. At most 16 seats, so at most 120 comparisons.
    function _voices(uint256 ekId, Policy memory rules) private view returns (Voice[] memory voices) {
        Seat[SEATS] memory seats = _seats[ekId];
        voices = new Voice[](SEATS);
        for (uint256 i; i < SEATS; ++i) {
            Voice memory voice = voices[i];
            voice.validatorId = seats[i].validatorId;
            if (voice.validatorId == 0) continue;
            uint256 bonded = bonds.bondedOf(voice.validatorId);
            if (bonded < rules.minBond) continue;
            voice.label = labels.labelOf(ekId, voice.validatorId);
            if (voice.label.createdAt == 0) continue;
            voice.groupId = groupOf(voice.validatorId);
            voice.since = seats[i].since;
            voice.weight = bonded < rules.maxWeight ? bonded : rules.maxWeight;
            _silenceLinked(voices, i);
        }
    }

    /// @dev Leaves of voice number `last` and the one that spoke for its group before it only the weightier one.
    function _silenceLinked(Voice[] memory voices, uint256 last) private pure {
        Voice memory voice = voices[last];
        for (uint256 i; i < last; ++i) {
            if (voices[i].weight == 0 || voices[i].groupId != voice.groupId) continue;
            if (voices[i].weight < voice.weight) voices[i].weight = 0;
            else voice.weight = 0;
            return;
        }
    }

    function _count(Verdict memory verdict, uint256[5] memory sums, Voice memory voice) private pure {
        verdict.groups += 1;
        verdict.weight += voice.weight;
        if (LabelTypes.isPositive(voice.label.types)) {
            verdict.positiveGroups += 1;
            verdict.positive += voice.weight;
        } else if (LabelTypes.isNegative(voice.label.types)) {
            verdict.negative += voice.weight;
        }
        ILabelRegistry.Scores memory scores = voice.label.scores;
        sums[0] += scores.authenticity * voice.weight;
        sums[1] += scores.utility * voice.weight;
        sums[2] += scores.reproducibility * voice.weight;
        sums[3] += scores.freshness * voice.weight;
        sums[4] += scores.safety * voice.weight;
    }

    function _statusOf(Verdict memory verdict, Policy memory rules) private pure returns (Status) {
        uint256 all = verdict.weight + verdict.challenged;
        if (all == 0) return Status.Unverified;
        if ((verdict.negative + verdict.challenged) * BPS >= all * rules.disputeBps) return Status.Disputed;
        bool agreed =
            verdict.positiveGroups >= rules.quorum && verdict.positive * BPS >= verdict.weight * rules.supportBps;
        return agreed ? Status.Verified : Status.Pending;
    }

    /// @dev Who shares in the bounty; the seller when nobody's seat counts.
    function _payees(uint256 ekId, uint256 sellerId) private view returns (uint256[] memory agentIds) {
        Voice[] memory voices = _voices(ekId, _policy);
        agentIds = new uint256[](SEATS);
        uint256 count;
        bool seated;
        for (uint256 i; i < SEATS; ++i) {
            Voice memory voice = voices[i];
            if (voice.weight == 0) continue;
            seated = true;
            uint256 from = voice.since > voice.label.createdAt ? voice.since : voice.label.createdAt;
            if (!voice.label.disputed && block.timestamp >= from + MATURITY) agentIds[count++] = voice.validatorId;
        }
        if (!seated) agentIds[count++] = sellerId;
        if (count == 0) revert NoMatureSeat(ekId, MATURITY);
        assembly ("memory-safe") {
            mstore(agentIds, count)
        }
    }

    function _setPolicy(Policy memory p) private {
        if (p.quorum < MIN_QUORUM || p.quorum > MAX_QUORUM) revert InvalidQuorum(p.quorum, MIN_QUORUM, MAX_QUORUM);
        if (p.supportBps < MIN_SUPPORT_BPS || p.supportBps > BPS) {
            revert InvalidSupport(p.supportBps, MIN_SUPPORT_BPS, BPS);
        }
        if (p.disputeBps == 0 || p.disputeBps > MAX_DISPUTE_BPS) {
            revert InvalidDisputeShare(p.disputeBps, 1, MAX_DISPUTE_BPS);
        }
        uint256 stake = bonds.challengeStake();
        if (p.minBond < stake) revert InvalidMinBond(p.minBond, stake);
        uint256 most = uint256(p.minBond) * MAX_WEIGHT_FACTOR;
        if (p.maxWeight < p.minBond || p.maxWeight > most) revert InvalidMaxWeight(p.maxWeight, p.minBond, most);
        _policy = p;
        emit PolicySet(p);
    }
}
