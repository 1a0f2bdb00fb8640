// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IDisputes} from "../../../contracts/interfaces/IDisputes.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IHouseArbitrator} from "../../../contracts/interfaces/IHouseArbitrator.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {DeskBooks} from "./DeskBooks.sol";

/// @title Everything that people do with orders in dispute
/// @dev Each action knows from the books alone whether it must go through, and asserts that it does or does not. Whoever acts is mostly
/// who may, sometimes anybody.
abstract contract DeskActions is DeskBooks {
    /// @dev A listing of its own for each order: the key's id tells the entry.
    function sell(uint256 seed) external {
        if (_entries.length == 16) return;
        Entry memory e;
        e.sellerId = 1 + (part(seed, "seller") % AGENTS);
        e.buyerId = 1 + (part(seed, "buyer") % AGENTS);
        e.amount = part(seed, "free") % 8 == 0 ? 0 : part(seed, "amount") % 1e9;
        e.feeBps = feeBps;
        e.bountyBps = part(seed, "bounty") % 5000;
        uint256 window = part(seed, "short") % 4 == 0 ? 0 : part(seed, "window") % 30 days;
        e.keyId = _buy(_list(e, window), e);
        _entries.push(e);
        if (window == 0 || e.amount == 0) {
            _paid(_entries[_entries.length - 1], 0);
            ++reached["paid at once"];
        } else {
            _entries[_entries.length - 1].releaseTime = block.timestamp + window;
            _entries[_entries.length - 1].status = IOrders.OrderStatus.Held;
        }
    }

    function setFee(uint256 seed) external {
        feeBps = part(seed, "fee") % 501;
        exchange.setFee(uint16(feeBps), PAYEE);
    }

    function release(uint256 seed) external {
        if (_entries.length == 0) return;
        Entry storage e = _any(seed);
        bool allowed = e.status == IOrders.OrderStatus.Held && block.timestamp >= e.releaseTime;
        _try(allowed, address(this), address(exchange), 0, abi.encodeCall(IExchange.release, (e.keyId)));
        if (!allowed) return;
        e.status = IOrders.OrderStatus.Released;
        _paid(e, 0);
        ++reached["released"];
    }

    function accept(uint256 seed) external {
        if (_entries.length == 0 || part(seed, "rarely") % 4 != 0) return;
        Entry storage e = _any(seed);
        address who = _who(seed, e.buyerId);
        bool allowed = e.status == IOrders.OrderStatus.Held && who == eoaOf[e.buyerId];
        _try(allowed, who, address(exchange), 0, abi.encodeCall(IExchange.accept, (e.keyId)));
        if (!allowed) return;
        e.status = IOrders.OrderStatus.Released;
        _paid(e, 0);
        ++reached["accepted"];
    }

    function refund(uint256 seed) external {
        if (_entries.length == 0 || part(seed, "rarely") % 4 != 0) return;
        Entry storage e = _any(seed);
        address who = _who(seed, e.sellerId);
        bool allowed = e.status == IOrders.OrderStatus.Held && who == eoaOf[e.sellerId];
        _try(allowed, who, address(exchange), 0, abi.encodeCall(IExchange.refund, (e.keyId)));
        if (!allowed) return;
        e.status = IOrders.OrderStatus.Refunded;
        _paid(e, e.amount);
        ++reached["refunded"];
    }

    function open(uint256 seed) external {
        if (_entries.length == 0) return;
        Entry storage e = _likelyHeld(seed);
        address who = _who(seed, e.buyerId);
        uint256 value = _value(seed, cost);
        bool allowed =
            e.status == IOrders.OrderStatus.Held &&
                block.timestamp < e.releaseTime &&
                who == eoaOf[e.buyerId] &&
                value >= cost;
        IDisputes.Category category = IDisputes.Category(part(seed, "category") % 5);
        _try(allowed, who, address(desk), value, abi.encodeCall(IDisputes.open, (e.keyId, category, "ipfs://why")));
        if (!allowed) return;
        (e.status, e.stage) = (IOrders.OrderStatus.Disputed, IDisputes.Status.Opened);
        (e.deadline, e.buyerFee) = (block.timestamp + 7 days, cost);
        ether_[e.buyerId] += value - cost;
        ++reached["opened"];
    }

    function answer(uint256 seed) external {
        if (_entries.length == 0) return;
        Entry storage e = _likely(seed, IDisputes.Status.Opened);
        address who = _who(seed, e.sellerId);
        uint256 value = _value(seed, cost);
        bool allowed =
            e.stage == IDisputes.Status.Opened &&
                block.timestamp < e.deadline &&
                who == eoaOf[e.sellerId] &&
                value >= cost;
        _try(allowed, who, address(desk), value, abi.encodeCall(IDisputes.answer, (e.keyId, "")));
        if (!allowed) return;
        if (cost < e.buyerFee) {
            ether_[e.buyerId] += e.buyerFee - cost;
            e.buyerFee = cost;
            ++reached["cheaper"];
        } else if (cost > e.buyerFee) {
            ++reached["dearer"];
        }
        ether_[e.sellerId] += value - cost;
        (e.stage, e.sellerFee, e.spent) = (IDisputes.Status.Submitted, cost, cost);
        (e.deadline, e.disputeID) = (block.timestamp + 180 days, _trials.length);
        _trials.push(Trial((e.keyId >> 96) - 1, IHouseArbitrator.Phase.Waiting, block.timestamp + 30 days, cost, 0));
        ++reached["answered"];
    }

    function lapse(uint256 seed) external {
        if (_entries.length == 0) return;
        Entry storage e = _likely(seed, IDisputes.Status.Opened);
        bool allowed = e.stage == IDisputes.Status.Opened && block.timestamp >= e.deadline;
        _try(allowed, _who(seed, 1), address(desk), 0, abi.encodeCall(IDisputes.lapse, (e.keyId)));
        if (allowed) _closed(e, IDisputes.Outcome.Lapsed, 1);
    }

    function concede(uint256 seed) external {
        if (_entries.length == 0 || part(seed, "rarely") % 4 != 0) return;
        Entry storage e = _any(seed);
        address who = _who(seed, e.sellerId);
        bool allowed = _runs(e) && who == eoaOf[e.sellerId];
        _try(allowed, who, address(desk), 0, abi.encodeCall(IDisputes.concede, (e.keyId)));
        if (allowed) _closed(e, IDisputes.Outcome.Conceded, 1);
    }

    function withdrawDispute(uint256 seed) external {
        if (_entries.length == 0 || part(seed, "rarely") % 4 != 0) return;
        Entry storage e = _any(seed);
        address who = _who(seed, e.buyerId);
        bool allowed = _runs(e) && who == eoaOf[e.buyerId];
        _try(allowed, who, address(desk), 0, abi.encodeCall(IDisputes.withdrawDispute, (e.keyId)));
        if (allowed) _closed(e, IDisputes.Outcome.Withdrawn, 2);
    }

    function timeout(uint256 seed) external {
        if (_entries.length == 0) return;
        Entry storage e = _likely(seed, IDisputes.Status.Submitted);
        bool allowed = e.stage == IDisputes.Status.Submitted && block.timestamp >= e.deadline;
        _try(allowed, _who(seed, 1), address(desk), 0, abi.encodeCall(IDisputes.timeout, (e.keyId)));
        if (allowed) _closed(e, IDisputes.Outcome.TimedOut, 0);
    }

    function appeal(uint256 seed) external {
        if (_trials.length == 0) return;
        Trial storage t = _trials[part(seed, "trial") % _trials.length];
        Entry storage e = _entries[t.entry];
        uint256 agentId = part(seed, "side") % 2 == 0 ? e.buyerId : e.sellerId;
        address who = _who(seed, agentId);
        uint256 value = _value(seed, appealCost);
        // An agent on both sides counts as the buyer.
        uint256 side =
            who == eoaOf[e.buyerId]
                ? 1
                : who == eoaOf[e.sellerId]
                    ? 2
                    : 0;
        bool allowed =
            e.stage == IDisputes.Status.Submitted &&
                t.phase == IHouseArbitrator.Phase.Appealable &&
                block.timestamp < t.deadline &&
                side != 0 &&
                t.ruling != side &&
                value >= appealCost;
        _try(allowed, who, address(desk), value, abi.encodeCall(IDisputes.appeal, (e.keyId)));
        if (!allowed) return;
        agentId = side == 1 ? e.buyerId : e.sellerId;
        ether_[agentId] += value - appealCost;
        (e.deadline, e.appellantId) = (block.timestamp + 180 days, agentId);
        (t.phase, t.deadline, t.fee) = (IHouseArbitrator.Phase.Appealed, block.timestamp + 30 days, appealCost);
        ++reached["appealed"];
    }

    function rule(uint256 seed, uint256 ruling) external {
        if (_trials.length == 0) return;
        uint256 disputeID = part(seed, "trial") % _trials.length;
        Trial storage t = _trials[disputeID];
        ruling %= 4;
        bool first = t.phase != IHouseArbitrator.Phase.Appealed;
        bool turn = first ? t.phase == IHouseArbitrator.Phase.Waiting : true;
        address judge = first ? JUDGE : APPEAL_JUDGE;
        address who = part(seed, "who") % 8 == 0 ? (first ? APPEAL_JUDGE : JUDGE) : judge;
        bool allowed = turn && who == judge && ruling <= 2 && block.timestamp < t.deadline;
        bytes memory data =
            first
                ? abi.encodeCall(IHouseArbitrator.giveRuling, (disputeID, ruling))
                : abi.encodeCall(IHouseArbitrator.giveFinalRuling, (disputeID, ruling));
        _try(allowed, who, address(house), 0, data);
        if (!allowed) return;
        earned += t.fee;
        (t.fee, t.ruling) = (0, ruling);
        t.phase = first ? IHouseArbitrator.Phase.Appealable : IHouseArbitrator.Phase.Final;
        t.deadline = first ? block.timestamp + 7 days : t.deadline;
        ++reached[first ? bytes32("ruled") : bytes32("ruled finally")];
    }

    function expire(uint256 seed) external {
        if (_trials.length == 0) return;
        uint256 disputeID = part(seed, "trial") % _trials.length;
        Trial storage t = _trials[disputeID];
        bool waits = t.phase == IHouseArbitrator.Phase.Waiting || t.phase == IHouseArbitrator.Phase.Appealed;
        bool allowed = waits && block.timestamp >= t.deadline;
        _try(allowed, _who(seed, 1), address(house), 0, abi.encodeCall(IHouseArbitrator.expire, (disputeID)));
        if (!allowed) return;
        t.phase = IHouseArbitrator.Phase.Final;
        ++reached["expired"];
    }

    function execute(uint256 seed) external {
        if (_trials.length == 0) return;
        uint256 disputeID = part(seed, "trial") % _trials.length;
        Trial storage t = _trials[disputeID];
        bool allowed =
            t.phase == IHouseArbitrator.Phase.Final ||
                (t.phase == IHouseArbitrator.Phase.Appealable && block.timestamp >= t.deadline);
        _try(allowed, _who(seed, 1), address(house), 0, abi.encodeCall(IHouseArbitrator.execute, (disputeID)));
        if (!allowed) return;
        t.phase = IHouseArbitrator.Phase.Executed;
        Entry storage e = _entries[t.entry];
        if (e.stage == IDisputes.Status.Submitted) _closed(e, IDisputes.Outcome.Ruled, t.ruling);
        else ++reached["late ruling"];
    }

    function reclaim(uint256 seed) external {
        if (_trials.length == 0) return;
        uint256 disputeID = part(seed, "trial") % _trials.length;
        Trial storage t = _trials[disputeID];
        Entry storage e = _entries[t.entry];
        bool over = t.phase == IHouseArbitrator.Phase.Final || t.phase == IHouseArbitrator.Phase.Executed;
        bool allowed = e.stage == IDisputes.Status.Closed && over && t.fee != 0;
        _try(allowed, _who(seed, 1), address(desk), 0, abi.encodeCall(IDisputes.reclaim, (e.keyId)));
        if (!allowed) return;
        uint256 fee = t.fee;
        t.fee = 0;
        if (e.appellantId != 0) {
            ether_[e.appellantId] += fee;
        } else if (e.winner == 0) {
            ether_[e.buyerId] += fee / 2;
            ether_[e.sellerId] += fee - fee / 2;
        } else {
            ether_[e.winner == 1 ? e.sellerId : e.buyerId] += fee;
        }
        ++reached["reclaimed"];
    }

    function withdraw(uint256 seed) external {
        uint256 agentId = 1 + (part(seed, "agent") % AGENTS);
        address who = _who(seed, agentId);
        address to = part(seed, "to") % 2 == 0 ? address(0) : address(0xbeef);
        bool allowed = ether_[agentId] != 0 && (to == address(0) || who == eoaOf[agentId]);
        uint256 before = (to == address(0) ? eoaOf[agentId] : to).balance;
        _try(allowed, who, address(desk), 0, abi.encodeCall(IDisputes.withdraw, (agentId, to)));
        if (!allowed) return;
        equal((to == address(0) ? eoaOf[agentId] : to).balance - before, ether_[agentId], "paid out");
        ether_[agentId] = 0;
        ++reached["withdrawn"];
    }

    function rotate(uint256 seed) external {
        if (part(seed, "rarely") % 4 != 0) return;
        uint256 agentId = 1 + (part(seed, "agent") % AGENTS);
        address to = _newAccount();
        vm.prank(to);
        registry.consentToRotation(agentId, type(uint64).max);
        vm.prank(eoaOf[agentId]);
        registry.transferFrom(eoaOf[agentId], to, agentId);
        eoaOf[agentId] = to;
        ++reached["rotated"];
    }

    function setCosts(uint256 seed) external {
        cost = part(seed, "cost") % 0.02 ether;
        appealCost = part(seed, "appeal cost") % 0.1 ether;
        house.setCosts(cost, appealCost);
    }

    function pass(uint256 seed) external {
        uint256[5] memory steps = [uint256(1 hours), 3 days, 7 days, 30 days, 180 days];
        uint256 kind = part(seed, "kind") % 16;
        vm.warp(
            block.timestamp +
                steps[
                    kind < 8
                        ? 0
                        : kind < 11
                            ? 1
                            : kind < 13
                                ? 2
                                : kind < 15
                                    ? 3
                                    : 4
                ]
        );
    }
}
