// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IDisputes} from "../../contracts/interfaces/IDisputes.sol";
import {IExperienceKey} from "../../contracts/interfaces/IExperienceKey.sol";
import {IHouseArbitrator} from "../../contracts/interfaces/IHouseArbitrator.sol";
import {IOrders} from "../../contracts/interfaces/IOrders.sol";
import {DeskActions} from "./support/DeskActions.sol";
import {TestBase} from "./support/TestBase.sol";

/// @dev Defined here and not in a file of its own: the runner finds only what the test's file defines.
contract DeskHandler is DeskActions {
    constructor() {
        _start();
    }
}

/// @title The protocol's invariants as far as disputes are concerned, after every call of every actor
contract DisputesInvariantsTest is TestBase {
    DeskHandler internal books;

    function setUp() public {
        vm.warp(1_900_000_000);
        books = new DeskHandler();
    }

    /// @dev Read by the test runner: only the handler is called.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(books);
    }

    /// 1. Ether: the desk's balance = the fees of running disputes + credits; the house's = the fees held + credits.
    function invariant_1_deskHoldsFeesAndCredits() public view {
        uint256 owed;
        DeskActions.Entry[] memory entries = books.entries();
        for (uint256 i; i < entries.length; ++i) {
            if (entries[i].stage == IDisputes.Status.Closed) continue;
            owed += entries[i].buyerFee + entries[i].sellerFee - entries[i].spent;
        }
        for (uint256 agentId = 1; agentId <= 4; ++agentId) {
            equal(books.desk().creditOf(agentId), books.ether_(agentId), "1: credit of an agent");
            owed += books.ether_(agentId);
        }
        equal(address(books.desk()).balance, owed, "1: ether of the desk");

        DeskActions.Trial[] memory trials = books.trials();
        uint256 held = books.earned();
        equal(books.house().creditOf(1), held, "1: what the house earned");
        for (uint256 i; i < trials.length; ++i) held += trials[i].fee;
        equal(address(books.house()).balance, held, "1: ether of the house");
    }

    /// 2. Per order: paid = held + what both sides got; the tokens are all there.
    function invariant_2_ordersAddUp() public view {
        uint256 held;
        DeskActions.Entry[] memory entries = books.entries();
        for (uint256 i; i < entries.length; ++i) {
            bool waits =
                entries[i].status == IOrders.OrderStatus.Held || entries[i].status == IOrders.OrderStatus.Disputed;
            if (waits) held += entries[i].amount;
        }
        for (uint256 agentId = 1; agentId <= 4; ++agentId) {
            uint256 credit = books.exchange().creditOf(agentId, address(books.token()));
            equal(credit, books.tokens(agentId), "2: tokens of an agent");
            held += credit;
        }
        for (uint256 ekId = 1; ekId <= entries.length; ++ekId) {
            uint256 bounty = books.exchange().bountyOf(ekId, address(books.token()));
            equal(bounty, books.bounties(ekId), "2: bounty of a listing");
            held += bounty;
        }
        equal(books.token().balanceOf(address(books.exchange())), held, "2: tokens of the exchange");
    }

    /// 4. A key exists while its order was not refunded.
    function invariant_4_refundedKeysAreBurnt() public view {
        DeskActions.Entry[] memory entries = books.entries();
        for (uint256 i; i < entries.length; ++i) {
            bytes memory question = abi.encodeCall(IExperienceKey.keyInfo, (entries[i].keyId));
            (bool exists, ) = address(books.keys()).staticcall(question);
            isTrue(exists == (entries[i].status != IOrders.OrderStatus.Refunded), "4: a key without its money");
        }
    }

    /// 9. Orders and disputes are where the allowed moves of the books have led them, and terminal states never change.
    function invariant_9_statesAreAsTold() public view {
        DeskActions.Entry[] memory entries = books.entries();
        for (uint256 i; i < entries.length; ++i) {
            DeskActions.Entry memory e = entries[i];
            isTrue(books.exchange().orderOf(e.keyId).status == e.status, "9: status of an order");
            IDisputes.Case memory c = books.desk().disputeOf(e.keyId);
            isTrue(c.status == e.stage && c.outcome == e.outcome, "9: status of a dispute");
            equal(c.ruling, e.winner, "9: who won");
            equal(c.deadline, e.deadline, "9: whose turn ends when");
            equal(uint256(c.buyerFee) + c.sellerFee + c.spent, e.buyerFee + e.sellerFee + e.spent, "9: fees");
        }
        DeskActions.Trial[] memory trials = books.trials();
        equal(books.house().caseCount(), trials.length, "9: cases");
        for (uint256 i; i < trials.length; ++i) {
            IHouseArbitrator.Case memory c = books.house().caseOf(i);
            isTrue(c.phase == trials[i].phase, "9: phase of a case");
            equal(c.ruling, trials[i].ruling, "9: ruling of a case");
            bool open = trials[i].phase != IHouseArbitrator.Phase.Executed;
            uint256 keyId = books.desk().keyOf(i);
            equal(keyId, open ? entries[trials[i].entry].keyId : 0, "9: rulings that are waited for");
        }
    }

    /// 10. Disputed money has moved to nobody; before the release time nothing has but by the parties' own word or a silent seller.
    function invariant_10_disputedMoneyWaits() public view {
        DeskActions.Entry[] memory entries = books.entries();
        for (uint256 i; i < entries.length; ++i) {
            bool running =
                entries[i].stage == IDisputes.Status.Opened || entries[i].stage == IDisputes.Status.Submitted;
            bool frozen = books.exchange().orderOf(entries[i].keyId).status == IOrders.OrderStatus.Disputed;
            isTrue(running == frozen, "10: a running dispute over an order that is not frozen, or the reverse");
        }
    }

    /// 11. Strangers alone bring every order to its end, every credit home, and nobody is paid for silence.
    /// @dev Changes the state; the runner forgets it afterwards.
    function invariant_11_strangersEndEverything() public {
        DeskActions.Entry[] memory entries = books.entries();
        vm.warp(block.timestamp + 181 days);
        for (uint256 i; i < entries.length; ++i) {
            DeskActions.Entry memory e = entries[i];
            uint256 before = books.exchange().creditOf(e.sellerId, address(books.token()));
            if (e.status == IOrders.OrderStatus.Held) books.exchange().release(e.keyId);
            if (e.stage == IDisputes.Status.Opened) {
                books.desk().lapse(e.keyId);
                uint256 gained = books.exchange().creditOf(e.sellerId, address(books.token())) - before;
                equal(gained, e.buyerId == e.sellerId ? e.amount : 0, "11: a silent seller is paid");
            }
            if (e.stage == IDisputes.Status.Submitted) books.desk().timeout(e.keyId);
            IOrders.OrderStatus status = books.exchange().orderOf(e.keyId).status;
            if (e.status == IOrders.OrderStatus.None) continue;
            bool ended = status == IOrders.OrderStatus.Released || status == IOrders.OrderStatus.Refunded;
            isTrue(ended, "11: an order without an end");
        }
        _endTrials();
        for (uint256 agentId = 1; agentId <= 4; ++agentId) {
            if (books.desk().creditOf(agentId) != 0) books.desk().withdraw(agentId, address(0));
        }
        equal(address(books.desk()).balance, 0, "11: ether that nobody can get out");
        equal(address(books.house()).balance, books.house().creditOf(1), "11: fees that nobody can get out");
    }

    /// The handler reaches everything that it is there for: in a few games of its own, chosen by a fixed seed.
    function test_handlerReachesEverything() public {
        bytes32[21] memory deeds = books.deeds();
        uint256[21] memory reached;
        for (uint256 game; game < 12; ++game) {
            books = new DeskHandler();
            for (uint256 i; i < 300; ++i) _step(uint256(keccak256(abi.encode("step", game, i))));
            for (uint256 i; i < deeds.length; ++i) reached[i] += books.reached(deeds[i]);
        }
        for (uint256 i; i < deeds.length; ++i) {
            isTrue(reached[i] != 0, string.concat("never reached: deed ", string(abi.encodePacked(uint8(65 + i)))));
        }
    }

    function _endTrials() private {
        DeskActions.Trial[] memory trials = books.trials();
        DeskActions.Entry[] memory entries = books.entries();
        for (uint256 i; i < trials.length; ++i) {
            IHouseArbitrator.Phase phase = trials[i].phase;
            bool silent = phase == IHouseArbitrator.Phase.Waiting || phase == IHouseArbitrator.Phase.Appealed;
            if (silent) books.house().expire(i);
            if (phase != IHouseArbitrator.Phase.Executed) books.house().execute(i);
            if (trials[i].fee != 0) books.desk().reclaim(entries[trials[i].entry].keyId);
        }
    }

    function _step(uint256 seed) private {
        bytes4[19] memory actions = [
            DeskActions.sell.selector,
            DeskActions.release.selector,
            DeskActions.open.selector,
            DeskActions.answer.selector,
            DeskActions.lapse.selector,
            DeskActions.concede.selector,
            DeskActions.withdrawDispute.selector,
            DeskActions.timeout.selector,
            DeskActions.appeal.selector,
            DeskActions.expire.selector,
            DeskActions.execute.selector,
            DeskActions.reclaim.selector,
            DeskActions.withdraw.selector,
            DeskActions.rotate.selector,
            DeskActions.setCosts.selector,
            DeskActions.pass.selector,
            DeskActions.accept.selector,
            DeskActions.refund.selector,
            DeskActions.setFee.selector
        ];
        uint256 which = seed % 20;
        bytes memory data =
            which == 19
                ? abi.encodeCall(DeskActions.rule, (seed, seed >> 8))
                : abi.encodeWithSelector(actions[which], seed);
        (bool ok, ) = address(books).call(data);
        isTrue(ok, "the handler failed");
    }
}
