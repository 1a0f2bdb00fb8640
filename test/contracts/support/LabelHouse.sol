// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {ILabelRegistry} from "../../../contracts/interfaces/ILabelRegistry.sol";
import {IValidatorBonds} from "../../../contracts/interfaces/IValidatorBonds.sol";
import {Deployment} from "./Deployment.sol";

/// @title Validators at work, and the book of what they risk: kept from what was done, never read from the contracts
/// @notice Nothing here reverts unless something is wrong: each call must go through exactly when the book says so.
abstract contract LabelHouse is Deployment {
    struct Pledge {
        uint256 bonded;
        uint256 unbonding;
        uint256 unbondedAt;
        uint256 atStake;
        uint256 credit;
    }

    struct Said {
        bool live;
        bool disputed;
        uint8 types;
        uint8 revision;
        uint8[5] scores;
    }

    struct Case {
        uint256 challengerId;
        uint256 validatorId;
        uint256 ekId;
        uint8 revision;
        IValidatorBonds.ChallengeStatus status;
        uint256 deadline;
        uint256 atStake;
        /// What the validator had when it was challenged, all in all.
        uint256 had;
        uint256 disputeID;
        uint256 answererId;
        /// Whether the arbitrator has been paid and has neither ruled nor given the fee back.
        bool feeIsOut;
    }

    uint256 public constant AGENTS = 8;
    uint256 public constant LISTINGS = 2;
    uint256 internal constant FEE = 0.01 ether;

    System internal sys;
    mapping(uint256 agentId => Pledge) internal _pledges;
    mapping(uint256 ekId => mapping(uint256 validatorId => Said)) internal _said;
    /// @dev 1 for a struck revision, else the time at which it ended.
    mapping(uint256 ekId => mapping(uint256 validatorId => mapping(uint8 revision => uint256))) internal _ends;
    mapping(uint256 ekId => mapping(uint256 validatorId => bool)) internal _challenged;
    Case[] internal _cases;
    uint256 public burnt;
    uint256 public slashed;
    uint256 public donated;
    uint256 internal _disputes;
    mapping(bytes4 selector => uint256) public successes;

    receive() external payable {}

    /// @dev Agent 1 sells; all of them can validate and challenge.
    function _open(System memory system) internal {
        sys = system;
        for (uint256 i = 1; i <= AGENTS; ++i) {
            vm.prank(_eoa(i));
            sys.registry.register();
            sys.bondToken.mint(_eoa(i), 1e15);
            vm.prank(_eoa(i));
            sys.bondToken.approve(address(sys.bonds), type(uint256).max);
        }
        vm.prank(sys.admin);
        sys.catalog.allowToken(address(sys.bondToken), true);
        ICatalog.Terms memory terms;
        (terms.token, terms.curve) = (address(sys.bondToken), address(sys.fixedPrice));
        (terms.curveParams, terms.scopes) = (abi.encode(0), 1);
        ICatalog.Content memory content;
        (content.manifestHash, content.summary) = (keccak256("manifest"), "{}");
        content.summaryHash = keccak256("{}");
        for (uint256 i; i < LISTINGS; ++i) {
            vm.prank(_eoa(1));
            sys.catalog.list(1, terms, content);
        }
    }

    // ---------------------------------------------------------------- labels

    function label(uint256 agent, uint256 ek, uint256 seed) external {
        (uint256 id, uint256 ekId) = (_agent(agent), _listing(ek));
        ILabelRegistry.LabelInput memory input = _input(ekId, seed);
        bytes memory data = abi.encodeCall(ILabelRegistry.label, (id, input));
        if (_call(id, address(sys.labels), data, id != 1 && !_said[ekId][id].live)) _write(id, input);
    }

    function revise(uint256 agent, uint256 ek, uint256 seed) external {
        (uint256 id, uint256 ekId) = (_agent(agent), _listing(ek));
        Said storage s = _said[ekId][id];
        ILabelRegistry.LabelInput memory input = _input(ekId, seed);
        bytes memory data = abi.encodeCall(ILabelRegistry.revise, (id, input));
        uint8 former = s.revision;
        if (!_call(id, address(sys.labels), data, s.live && !s.disputed)) return;
        _ends[ekId][id][former] = block.timestamp;
        _write(id, input);
    }

    function withdrawLabel(uint256 agent, uint256 ek) external {
        (uint256 id, uint256 ekId) = (_agent(agent), _listing(ek));
        Said storage s = _said[ekId][id];
        bytes memory data = abi.encodeCall(ILabelRegistry.withdraw, (id, ekId));
        if (!_call(id, address(sys.labels), data, s.live && !s.disputed)) return;
        _ends[ekId][id][s.revision] = block.timestamp;
        s.live = false;
    }

    // ----------------------------------------------------------------- bonds

    function bond(uint256 agent, uint256 amount) external {
        uint256 id = _agent(agent);
        amount = within(amount, 1, 5 * STAKE);
        _must(id, address(sys.bonds), abi.encodeCall(IValidatorBonds.bond, (id, amount)));
        _pledges[id].bonded += amount;
    }

    function unbond(uint256 agent, uint256 amount) external {
        uint256 id = _agent(agent);
        Pledge storage p = _pledges[id];
        amount = within(amount, 1, p.bonded + 1);
        bytes memory data = abi.encodeCall(IValidatorBonds.unbond, (id, amount));
        if (!_call(id, address(sys.bonds), data, amount <= p.bonded)) return;
        p.bonded -= amount;
        p.unbonding += amount;
        p.unbondedAt = block.timestamp + 21 days;
    }

    function release(uint256 agent, uint256 who) external {
        uint256 id = _agent(agent);
        Pledge storage p = _pledges[id];
        uint256 kept = p.atStake > p.bonded ? p.atStake - p.bonded : 0;
        bool may = p.unbonding > kept && block.timestamp >= p.unbondedAt;
        bytes memory data = abi.encodeCall(IValidatorBonds.release, (id));
        if (!_call(_agent(who), address(sys.bonds), data, may)) return;
        p.credit += p.unbonding - kept;
        p.unbonding = kept;
    }

    function withdraw(uint256 agent) external {
        uint256 id = _agent(agent);
        bytes memory data = abi.encodeCall(IValidatorBonds.withdraw, (id, _eoa(id)));
        if (_call(id, address(sys.bonds), data, _pledges[id].credit != 0)) _pledges[id].credit = 0;
    }

    function donate(uint256 amount) external {
        amount = within(amount, 1, STAKE);
        sys.bondToken.mint(address(sys.bonds), amount);
        donated += amount;
    }

    // ------------------------------------------------------------ challenges

    function challenge(uint256 agent, uint256 other, uint256 ek, uint256 seed) external {
        (uint256 id, uint256 who, uint256 ekId) = (_agent(agent), _agent(other), _listing(ek));
        Said storage s = _said[ekId][id];
        uint8 revision = s.revision == 0 ? 1 : uint8(1 + (seed % s.revision));
        if (seed % 4 != 0 && s.revision != 0) revision = s.revision;
        Pledge storage p = _pledges[id];
        uint256 had = p.bonded + p.unbonding;
        bool may = who != id && had != 0 && !_challenged[ekId][id] && _isChallengeable(ekId, id, revision);
        bytes memory data = abi.encodeCall(
            IValidatorBonds.challenge,
            (who, ekId, id, revision, "ipfs://e", keccak256("e"))
        );
        if (!_pay(who, address(sys.bonds), data, may)) return;
        uint256 free = had - p.atStake;
        uint256 atStake = free < STAKE ? free : STAKE;
        p.atStake += atStake;
        _challenged[ekId][id] = true;
        if (s.live && s.revision == revision) s.disputed = true;
        uint256 deadline = block.timestamp + 3 days;
        _cases.push(
            Case(who, id, ekId, revision, IValidatorBonds.ChallengeStatus.Open, deadline, atStake, had, 0, 0, false)
        );
    }

    function answer(uint256 which, uint256 who) external {
        if (_cases.length == 0) return;
        (uint256 n, Case storage c) = _case(which);
        bool may = c.status == IValidatorBonds.ChallengeStatus.Open && block.timestamp <= c.deadline;
        if (!_pay(_agent(who), address(sys.bonds), abi.encodeCall(IValidatorBonds.answer, (n)), may)) return;
        c.status = IValidatorBonds.ChallengeStatus.Answered;
        c.answererId = _agent(who);
        c.deadline = block.timestamp + 60 days;
    }

    function refer(uint256 which, uint256 who) external {
        if (_cases.length == 0) return;
        (uint256 n, Case storage c) = _case(which);
        bool may = c.status == IValidatorBonds.ChallengeStatus.Answered && block.timestamp <= c.deadline;
        if (!_call(_agent(who), address(sys.bonds), abi.encodeCall(IValidatorBonds.refer, (n)), may)) return;
        c.status = IValidatorBonds.ChallengeStatus.Ruling;
        c.deadline = block.timestamp + 60 days;
        c.disputeID = _disputes++;
        c.feeIsOut = true;
    }

    function giveRuling(uint256 which, uint256 ruling) external {
        if (_cases.length == 0) return;
        (, Case storage c) = _case(which);
        if (c.status != IValidatorBonds.ChallengeStatus.Ruling) return;
        ruling %= 3;
        c.feeIsOut = false;
        sys.arbitrator.giveRuling(c.disputeID, ruling);
        ++successes[this.giveRuling.selector];
        if (ruling == 1) _close(c, IValidatorBonds.ChallengeStatus.Struck);
        else if (ruling == 2) _close(c, IValidatorBonds.ChallengeStatus.Upheld);
        else _close(c, IValidatorBonds.ChallengeStatus.Tied);
    }

    function timeOut(uint256 which, uint256 who) external {
        if (_cases.length == 0) return;
        (uint256 n, Case storage c) = _case(which);
        bool isOpen = c.status == IValidatorBonds.ChallengeStatus.Open;
        bool may = c.status <= IValidatorBonds.ChallengeStatus.Ruling && block.timestamp > c.deadline;
        if (!_call(_agent(who), address(sys.bonds), abi.encodeCall(IValidatorBonds.timeOut, (n)), may)) return;
        _close(c, isOpen ? IValidatorBonds.ChallengeStatus.Struck : IValidatorBonds.ChallengeStatus.Tied);
    }

    /// @dev A silent arbitrator gives its fee back: half to each of those who paid it, since its case ended in a tie.
    function reclaim(uint256 which, uint256 who) external {
        if (_cases.length == 0) return;
        (uint256 n, Case storage c) = _case(which);
        bool may = c.status > IValidatorBonds.ChallengeStatus.Ruling && c.feeIsOut;
        (address one, address other) = (_eoa(c.challengerId), _eoa(c.answererId));
        uint256 before = sys.bonds.feeCreditOf(one) + (one == other ? 0 : sys.bonds.feeCreditOf(other));
        if (!_call(_agent(who), address(sys.bonds), abi.encodeCall(IValidatorBonds.reclaim, (n)), may)) return;
        c.feeIsOut = false;
        uint256 present = sys.bonds.feeCreditOf(one) + (one == other ? 0 : sys.bonds.feeCreditOf(other));
        equal(present - before, FEE, "1: a fee that came back");
    }

    function withdrawFees(uint256 agent) external {
        uint256 id = _agent(agent);
        bool may = sys.bonds.feeCreditOf(_eoa(id)) != 0;
        _call(id, address(sys.bonds), abi.encodeCall(IValidatorBonds.withdrawFees, (payable(_eoa(id)))), may);
    }

    // ----------------------------------------------------- seats, groups, time

    function seat(uint256 agent, uint256 ek) external {
        (bool ok, ) = callAs(
            _eoa(_agent(agent)),
            address(sys.consensus),
            abi.encodeCall(sys.consensus.seat, (_listing(ek), _agent(agent)))
        );
        bool eligible = _said[_listing(ek)][_agent(agent)].live && _pledges[_agent(agent)].bonded >= 2 * STAKE;
        isTrue(!ok || eligible, "a seat for one who risks too little or said nothing");
        if (ok) ++successes[this.seat.selector];
    }

    function link(uint256 agent, uint256 group) external {
        uint256[] memory ids = new uint256[](1);
        ids[0] = _agent(agent);
        vm.prank(sys.admin);
        sys.consensus.link(ids, group % 3 == 0 ? 0 : _agent(group));
        ++successes[this.link.selector];
    }

    function passTime(uint256 kind, uint256 seed) external {
        vm.warp(block.timestamp + (kind % 4 == 0 ? seed % 25 days : seed % 2 days));
    }

    // -------------------------------------------------------------- internal

    function _close(Case storage c, IValidatorBonds.ChallengeStatus status) private {
        c.status = status;
        Pledge storage p = _pledges[c.validatorId];
        Said storage s = _said[c.ekId][c.validatorId];
        p.atStake -= c.atStake;
        _challenged[c.ekId][c.validatorId] = false;
        bool live = s.live && s.revision == c.revision;
        if (live) s.disputed = false;
        if (status == IValidatorBonds.ChallengeStatus.Upheld) {
            p.credit += STAKE;
            return;
        }
        _pledges[c.challengerId].credit += STAKE;
        if (status == IValidatorBonds.ChallengeStatus.Tied) return;
        if (live) s.live = false;
        _ends[c.ekId][c.validatorId][c.revision] = 1;
        uint256 fromUnbonding = c.atStake < p.unbonding ? c.atStake : p.unbonding;
        p.unbonding -= fromUnbonding;
        p.bonded -= c.atStake - fromUnbonding;
        _pledges[c.challengerId].credit += c.atStake / 2;
        burnt += c.atStake - c.atStake / 2;
        slashed += c.atStake;
    }

    function _write(uint256 id, ILabelRegistry.LabelInput memory input) private {
        Said storage s = _said[input.ekId][id];
        (s.live, s.types) = (true, input.types);
        s.revision += 1;
        ILabelRegistry.Scores memory n = input.scores;
        s.scores = [n.authenticity, n.utility, n.reproducibility, n.freshness, n.safety];
    }

    function _isChallengeable(uint256 ekId, uint256 id, uint8 revision) private view returns (bool) {
        Said storage s = _said[ekId][id];
        if (s.live && s.revision == revision) return true;
        uint256 end = _ends[ekId][id][revision];
        return end != 0 && block.timestamp <= end + 14 days;
    }

    function _input(uint256 ekId, uint256 seed) private pure returns (ILabelRegistry.LabelInput memory input) {
        uint8[5] memory n;
        for (uint256 i; i < 5; ++i) {
            n[i] = uint8(uint256(keccak256(abi.encode(seed, i))) % 101);
        }
        (input.ekId, input.version) = (ekId, 1);
        // Mostly good, so that there is something to be seen.
        input.types = seed % 3 == 0 ? uint8(1 + (part(seed, "types") % 255)) : uint8(1 + (seed % 7));
        input.scores = ILabelRegistry.Scores(n[0], n[1], n[2], n[3], n[4]);
    }

    function _call(uint256 id, address to, bytes memory data, bool may) private returns (bool ok) {
        (ok, ) = callAs(_eoa(id), to, data);
        isTrue(ok == may, ok ? "went through against the book" : "refused against the book");
        if (ok) ++successes[bytes4(data)];
    }

    function _must(uint256 id, address to, bytes memory data) private {
        _call(id, to, data, true);
    }

    /// @dev As {_call}, with the fee, which this contract gives the sender first.
    function _pay(uint256 id, address to, bytes memory data, bool may) private returns (bool ok) {
        vm.deal(_eoa(id), FEE);
        vm.prank(_eoa(id));
        (ok, ) = to.call{value: FEE}(data);
        isTrue(ok == may, ok ? "went through against the book" : "refused against the book");
        if (ok) ++successes[bytes4(data)];
    }

    function _case(uint256 seed) private view returns (uint256 n, Case storage c) {
        n = seed % _cases.length;
        return (n + 1, _cases[n]);
    }

    function _agent(uint256 seed) private pure returns (uint256) {
        return 1 + (seed % AGENTS);
    }

    function _listing(uint256 seed) private pure returns (uint256) {
        return 1 + (seed % LISTINGS);
    }

    function _eoa(uint256 id) private pure returns (address) {
        return address(uint160(0x7000 + id));
    }

    // ----------------------------------------------------------- the open book

    function pledgeOf(uint256 id) external view returns (Pledge memory) {
        return _pledges[id];
    }

    function saidOf(uint256 ekId, uint256 id) external view returns (Said memory) {
        return _said[ekId][id];
    }

    function cases() external view returns (Case[] memory) {
        return _cases;
    }

    function eoaOf(uint256 id) external pure returns (address) {
        return _eoa(id);
    }
}
