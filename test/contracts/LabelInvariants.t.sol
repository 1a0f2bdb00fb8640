// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IConsensus} from "../../contracts/interfaces/IConsensus.sol";
import {ILabelRegistry} from "../../contracts/interfaces/ILabelRegistry.sol";
import {IValidatorBonds} from "../../contracts/interfaces/IValidatorBonds.sol";
import {Deployment} from "./support/Deployment.sol";
import {LabelHouse} from "./support/LabelHouse.sol";

contract House is LabelHouse {
    constructor(System memory system) {
        _open(system);
    }
}

/// @title What holds of labels, bonds and seats after every call of everybody
contract LabelInvariantsTest is Deployment {
    System internal sys;
    House internal book;

    function setUp() public {
        vm.warp(1_900_000_000);
        sys = deploySystem(vm.addr(0xad));
        book = new House(sys);
    }

    /// @dev Read by the test runner: only the handler is called.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(book);
    }

    /// 1. The bonds' contract holds what it owes: bonds, stakes of open challenges, credits; and what is nobody's.
    function invariant_1_bondsAreCovered() public view {
        uint256 owed = book.burnt() + book.donated();
        for (uint256 id = 1; id <= book.AGENTS(); ++id) {
            LabelHouse.Pledge memory p = book.pledgeOf(id);
            owed += p.bonded + p.unbonding + p.credit;
            IValidatorBonds.Bond memory b = sys.bonds.bondOf(id);
            equal(b.bonded, p.bonded, "1: bonded");
            equal(b.unbonding, p.unbonding, "1: unbonding");
            equal(sys.bonds.creditOf(id), p.credit, "1: credit");
            equal(sys.bonds.atStakeOf(id), p.atStake, "1: at stake");
        }
        LabelHouse.Case[] memory cases = book.cases();
        uint256 pots;
        for (uint256 n; n < cases.length; ++n) {
            IValidatorBonds.Challenge memory c = sys.bonds.challengeOf(n + 1);
            isTrue(c.status == cases[n].status, "1: status of a challenge");
            pots += c.pot;
            if (c.status <= IValidatorBonds.ChallengeStatus.Ruling) owed += STAKE;
            else equal(c.pot, 0, "1: what is left of the fees of a closed challenge");
        }
        equal(sys.bondToken.balanceOf(address(sys.bonds)), owed, "1: tokens");
        for (uint256 id = 1; id <= book.AGENTS(); ++id) {
            pots += sys.bonds.feeCreditOf(book.eoaOf(id));
        }
        equal(address(sys.bonds).balance, pots, "1: wei");
        equal(sys.bonds.burnt(), book.burnt(), "1: burnt");
    }

    /// 20. No challenge takes more than a stake, nor more than there was; what is at stake is still there.
    function invariant_20_slashIsBounded() public view {
        LabelHouse.Case[] memory cases = book.cases();
        uint256 most;
        for (uint256 n; n < cases.length; ++n) {
            uint256 atStake = sys.bonds.challengeOf(n + 1).atStake;
            equal(atStake, cases[n].atStake, "20: at stake in a challenge");
            isTrue(atStake <= STAKE && atStake <= cases[n].had, "20: more at stake than there was");
            if (cases[n].status == IValidatorBonds.ChallengeStatus.Struck) most += atStake;
        }
        equal(book.slashed(), most, "20: slashed");
        for (uint256 id = 1; id <= book.AGENTS(); ++id) {
            IValidatorBonds.Bond memory b = sys.bonds.bondOf(id);
            isTrue(uint256(b.bonded) + b.unbonding >= sys.bonds.atStakeOf(id), "20: less there than at stake");
        }
    }

    /// 20. One live label per validator and listing; the aggregate is the sum of the live ones.
    function invariant_20_aggregateIsTheSumOfLiveLabels() public view {
        for (uint256 ekId = 1; ekId <= book.LISTINGS(); ++ekId) {
            uint256[6] memory sums;
            for (uint256 id = 1; id <= book.AGENTS(); ++id) {
                LabelHouse.Said memory s = book.saidOf(ekId, id);
                ILabelRegistry.Label memory l = sys.labels.labelOf(ekId, id);
                isTrue((l.createdAt != 0) == s.live, "20: whether there is a live label");
                isTrue(l.disputed == s.disputed, "20: whether it is challenged");
                equal(l.revision, s.revision, "20: its revision");
                if (!s.live) continue;
                ++sums[5];
                for (uint256 i; i < 5; ++i) {
                    sums[i] += s.scores[i];
                }
            }
            ILabelRegistry.Aggregate memory a = sys.labels.aggregateOf(ekId);
            equal(
                abi.encode(a.authenticity, a.utility, a.reproducibility, a.freshness, a.safety, a.count),
                abi.encode(sums),
                "20: sums"
            );
        }
    }

    /// 20. Weight is that of seated, live, unchallenged labels of validators with enough bond, once per group and up to the maximum.
    function invariant_20_onlyTheEligibleWeigh() public view {
        for (uint256 ekId = 1; ekId <= book.LISTINGS(); ++ekId) {
            IConsensus.Seat[16] memory seats = sys.consensus.seatsOf(ekId);
            uint256[] memory best = new uint256[](book.AGENTS() + 1);
            bool[] memory seen = new bool[](book.AGENTS() + 1);
            for (uint256 i; i < 16; ++i) {
                uint256 id = seats[i].validatorId;
                if (id == 0) continue;
                isTrue(!seen[id], "20: sits twice");
                seen[id] = true;
                uint256 bonded = book.pledgeOf(id).bonded;
                if (!book.saidOf(ekId, id).live || bonded < 2 * STAKE) continue;
                uint256 group = sys.consensus.groupOf(id);
                uint256 weight = bonded < 20 * STAKE ? bonded : 20 * STAKE;
                if (weight > best[group]) best[group] = weight;
            }
            uint256 sum;
            for (uint256 group; group < best.length; ++group) {
                sum += best[group];
            }
            IConsensus.Verdict memory v = sys.consensus.verdictOf(ekId);
            equal(v.weight + v.challenged, sum, "20: weight");
            isTrue(v.positive + v.negative <= v.weight, "20: weight for and against");
            isTrue((v.status == IConsensus.Status.Unverified) == (sum == 0), "20: status");
        }
    }

    /// 20. Who endorses a listing has a live, unchallenged label and a bond.
    function invariant_20_endorsersAreEligible() public view {
        for (uint256 ekId = 1; ekId <= book.LISTINGS(); ++ekId) {
            uint256 id = sys.labels.endorserOf(ekId);
            LabelHouse.Said memory s = book.saidOf(ekId, id);
            bool good = s.types & 7 != 0 && s.types & 0xf0 == 0;
            bool eligible = id != 0 && s.live && !s.disputed && good && book.pledgeOf(id).bonded >= STAKE;
            isTrue(sys.labels.isEndorsed(ekId) == eligible, "20: endorsement");
        }
    }
}

/// @title The handler reaches everything: an invariant proves nothing about what never happens
contract LabelHouseTest is Deployment {
    function test_theHandlerReachesEverything() public {
        vm.warp(1_900_000_000);
        House house = new House(deploySystem(vm.addr(0xad)));
        for (uint256 step; step < 3000; ++step) {
            _step(house, uint256(keccak256(abi.encode("step", step))));
        }
        bytes4[16] memory calls = [
            ILabelRegistry.label.selector,
            ILabelRegistry.revise.selector,
            ILabelRegistry.withdraw.selector,
            IValidatorBonds.bond.selector,
            IValidatorBonds.unbond.selector,
            IValidatorBonds.release.selector,
            IValidatorBonds.withdraw.selector,
            IValidatorBonds.challenge.selector,
            IValidatorBonds.answer.selector,
            IValidatorBonds.refer.selector,
            IValidatorBonds.timeOut.selector,
            IValidatorBonds.reclaim.selector,
            IValidatorBonds.withdrawFees.selector,
            LabelHouse.giveRuling.selector,
            LabelHouse.seat.selector,
            LabelHouse.link.selector
        ];
        for (uint256 i; i < calls.length; ++i) {
            isTrue(house.successes(calls[i]) != 0, "a call that never went through");
        }
        uint256[7] memory ends;
        LabelHouse.Case[] memory cases = house.cases();
        for (uint256 i; i < cases.length; ++i) {
            ++ends[uint256(cases[i].status)];
        }
        isTrue(ends[4] != 0 && ends[5] != 0 && ends[6] != 0, "an end that no challenge came to");
        isTrue(house.slashed() != 0, "nothing was slashed");
    }

    function _step(House house, uint256 seed) private {
        (uint256 a, uint256 b, uint256 c) = (part(seed, "a"), part(seed, "b"), part(seed, "c"));
        uint256 kind = seed % 19;
        if (kind == 0) house.label(a, b, c);
        else if (kind == 1) house.revise(a, b, c);
        else if (kind == 2) house.withdrawLabel(a, b);
        else if (kind <= 4) house.bond(a, b);
        else if (kind == 5) house.unbond(a, b);
        else if (kind == 6) house.release(a, b);
        else if (kind == 7) house.withdraw(a);
        else if (kind <= 9) house.challenge(a, b, c, part(seed, "d"));
        else if (kind == 10) house.answer(a, b);
        else if (kind == 11) house.refer(a, b);
        else if (kind == 12) house.giveRuling(a, b);
        else if (kind == 13) house.timeOut(a, b);
        else if (kind == 14) house.withdrawFees(a);
        else if (kind == 15) house.seat(a, b);
        else if (kind == 16) house.link(a, b);
        else if (kind == 17) house.reclaim(a, b);
        else house.passTime(a, b);
    }
}
