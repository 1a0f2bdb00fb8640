// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AgentRegistry} from "../../contracts/AgentRegistry.sol";
import {PointsLedger} from "../../contracts/PointsLedger.sol";
import {PointsActions} from "./support/PointsActions.sol";
import {PointsBook} from "./support/PointsBook.sol";
import {TestBase} from "./support/TestBase.sol";

/// @dev Defined here and not in a file of its own: the runner finds only what the test's file defines.
contract PointsHandler is PointsActions {}

/// @title The points' invariants, by number, over days of orders, spendings and changing rules
contract PointsTest is TestBase {
    PointsHandler internal books;
    PointsLedger internal ledger;

    function setUp() public {
        vm.warp(1_900_000_000);
        books = new PointsHandler();
        ledger = books.ledger();
    }

    /// @dev Read by the test runner: only the handler is called.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(books);
    }

    /// 15. Points: minted = balances + burned; never negative; none for related trades.
    function invariant_15_mintedIsHeldOrBurned() public view {
        uint256 balances;
        uint256 lifetimes;
        for (uint256 agentId = 1; agentId <= books.AGENTS(); ++agentId) {
            uint256 balance = ledger.balanceOf(agentId);
            equal(balance, books.pointsOf(agentId), "15: balance of an agent");
            equal(ledger.lifetimeOf(agentId), books.lifetimePointsOf(agentId), "15: what an agent ever earned");
            balances += balance;
            lifetimes += ledger.lifetimeOf(agentId);
        }
        equal(balances + books.pointsBurned(), books.pointsMinted(), "15: minted = held + burned");
        equal(lifetimes, books.pointsMinted(), "15: minted = ever earned");
    }

    /// 16. Points minted per pair and day ≤ the cap; per agent and day likewise.
    function invariant_16_nobodyEarnsMoreThanTheDayAllows() public view {
        PointsBook.PairDay[] memory pairDays = books.pairDays();
        for (uint256 i; i < pairDays.length; ++i) {
            isTrue(pairDays[i].minted <= pairDays[i].mostMinted, "16: points of a pair on one day");
        }
        uint256 today = block.timestamp / 1 days;
        for (uint256 agentId = 1; agentId <= books.AGENTS(); ++agentId) {
            uint256 earned = ledger.earnedToday(agentId);
            equal(earned, books.earnedOn(today, agentId), "16: what an agent earned today");
            isTrue(earned <= books.agentCapOn(today), "16: points of an agent on one day");
        }
    }

    /// An invariant proves nothing about what never happens: every reason does, and awards in full, and spendings.
    function test_everyReasonHappens() public {
        for (uint256 i; i < 3000; ++i) {
            (uint256 a, uint256 b, uint256 c) = (part(i, "a"), part(i, "b"), part(i, "c"));
            uint256 kind = part(i, "kind") % 20;
            if (kind < 11) books.order(a, b, c, part(i, "ek"), part(i, "sales"));
            else if (kind < 13) books.spend(a, b);
            else if (kind == 13) books.passTime(a);
            else if (kind == 14) books.reachMidnight(a % 2 == 0);
            else if (kind == 15 && a % 8 == 0) books.grant(a / 8, b, c, part(i, "term"));
            else if (kind == 16) books.rotate(a, b);
            else if (kind == 17) books.setPolicy(a);
            else if (kind == 18) books.endorse(a, b % 2 == 0);
            else if (kind == 19) books.breakEndorser(a);
        }
        for (uint256 bit; bit < 7; ++bit) {
            isTrue(books.seen(bit) != 0, string.concat("never happened: reason ", vm.toString(bit)));
        }
        isTrue(books.seen(255) != 0, "never happened: an award in full");
        isTrue(books.spendings() != 0, "never happened: a spending");
        invariant_15_mintedIsHeldOrBurned();
        invariant_16_nobodyEarnsMoreThanTheDayAllows();
    }

    /// T31: a ring of any size, all of whose members buy from all others as often as they like, earns what the caps allow and nothing more.
    function test_T31_ringsEarnWhatTheCapsAllow(uint256 seed) public {
        _ring(2 + (seed % 13));
    }

    /// T31: the largest ring of the threat's text.
    function test_T31_ringOfFifty() public {
        _ring(50);
    }

    /// @dev Each buys one from each, round after round, until two rounds past the pairs' cap; all sales are first sales, at full weight.
    function _ring(uint256 size) private {
        AgentRegistry registry = new AgentRegistry(address(this), address(this));
        PointsLedger points = new PointsLedger(address(1), address(this), registry, ledger.endorsements());
        for (uint256 i = 1; i <= size; ++i) {
            registry.enroll(address(uint160(0xf000 + i)));
        }
        uint256 rounds = size > 20 ? 2 : 4;
        for (uint256 round; round < rounds; ++round) {
            for (uint256 s = 1; s <= size; ++s) {
                for (uint256 b = 1; b <= size; ++b) {
                    points.award(s, b, s, b, address(uint160(0xf000 + b)), 1);
                }
            }
        }
        uint256 total;
        for (uint256 i = 1; i <= size; ++i) {
            uint256 balance = points.balanceOf(i);
            isTrue(balance <= 100 * 100, "T31: more than an agent's day");
            total += balance;
        }
        uint256 byPairs = ((size * (size - 1)) / 2) * 5 * 300;
        uint256 byAgents = size * 100 * 100;
        isTrue(total <= byPairs && total <= byAgents, "T31: more than the caps allow");
        if (size < 13 && rounds == 4) equal(total, byPairs, "T31: what the pairs' cap allows");
        if (size > 40) equal(total, byAgents, "T31: what the agents' cap allows");
    }
}
