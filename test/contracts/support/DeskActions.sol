// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AgentRegistry} from "../../../contracts/AgentRegistry.sol";
import {Disputes} from "../../../contracts/Disputes.sol";
import {HouseArbitrator} from "../../../contracts/HouseArbitrator.sol";
import {IDisputes} from "../../../contracts/interfaces/IDisputes.sol";
import {IHouseArbitrator} from "../../../contracts/interfaces/IHouseArbitrator.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {MockOrders} from "../../../contracts/mocks/MockOrders.sol";
import {TestUSDC} from "../../../contracts/mocks/TestUSDC.sol";
import {House} from "./House.sol";

/// @title Everything that people do with orders in dispute, with books of their own
/// @dev Each action knows from the books alone whether it must go through, and asserts that it does or does not. Whoever acts is mostly
/// who may, sometimes anybody.
abstract contract DeskActions is House {
    /// @notice What the books say of an order.
    struct Entry {
        uint256 keyId;
        uint256 sellerId;
        uint256 buyerId;
        uint256 amount;
        uint256 releaseTime;
        IOrders.OrderStatus status;
        IDisputes.Status stage;
        IDisputes.Outcome outcome;
        uint256 deadline;
        uint256 buyerFee;
        uint256 sellerFee;
        uint256 spent;
        uint256 disputeID;
        uint256 winner;
        /// The agent whose appeal nobody has ruled on yet, else 0.
        uint256 appellantId;
    }

    /// @notice What the books say of a case at the house.
    struct Trial {
        uint256 entry;
        IHouseArbitrator.Phase phase;
        uint256 deadline;
        uint256 fee;
        uint256 ruling;
    }

    uint256 internal constant AGENTS = 4;
    uint256 internal constant PAYEE = 1;

    AgentRegistry public registry;
    Disputes public desk;
    HouseArbitrator public house;
    MockOrders public orders;
    TestUSDC public token;

    Entry[] internal _entries;
    Trial[] internal _trials;
    mapping(uint256 agentId => address) public eoaOf;
    mapping(uint256 agentId => uint256) public ether_;
    mapping(uint256 agentId => uint256) public tokens;
    uint256 public earned;
    uint256 public cost = 0.01 ether;
    uint256 public appealCost = 0.03 ether;
    uint256 private _accounts;
    mapping(bytes32 what => uint256) public reached;

    function _start() internal {
        registry = new AgentRegistry(address(this), address(this));
        for (uint256 agentId = 1; agentId <= AGENTS; ++agentId) {
            eoaOf[agentId] = _newAccount();
            vm.prank(eoaOf[agentId]);
            registry.register();
        }
        house = deployHouse(registry, PAYEE);
        orders = new MockOrders();
        desk = new Disputes(registry, orders, house, "", "ipfs://rules");
        orders.wire(address(desk));
        token = new TestUSDC();
        token.mint(address(this), 1e30);
        token.approve(address(orders), 1e30);
    }

    function entries() external view returns (Entry[] memory) {
        return _entries;
    }

    function trials() external view returns (Trial[] memory) {
        return _trials;
    }

    /// @notice The keys of {reached}.
    function deeds() external pure returns (bytes32[18] memory) {
        return
            [
                bytes32("opened"),
                "answered",
                "cheaper",
                "dearer",
                "appealed",
                "ruled",
                "ruled finally",
                "expired",
                "late ruling",
                "reclaimed",
                "withdrawn",
                "rotated",
                "released",
                bytes32(uint256(IDisputes.Outcome.Ruled)),
                bytes32(uint256(IDisputes.Outcome.Lapsed)),
                bytes32(uint256(IDisputes.Outcome.Conceded)),
                bytes32(uint256(IDisputes.Outcome.Withdrawn)),
                bytes32(uint256(IDisputes.Outcome.TimedOut))
            ];
    }

    // --------------------------------------------------------------- actions

    function sell(uint256 seed) external {
        if (_entries.length == 16) return;
        Entry memory e;
        e.keyId = _entries.length + 1;
        e.sellerId = 1 + (part(seed, "seller") % AGENTS);
        e.buyerId = 1 + (part(seed, "buyer") % AGENTS);
        e.amount = part(seed, "amount") % 1e9;
        uint256 window = part(seed, "short") % 4 == 0 ? 0 : part(seed, "window") % 30 days;
        e.releaseTime = block.timestamp + window;
        e.status = IOrders.OrderStatus.Held;
        _entries.push(e);
        orders.sell(e.keyId, uint64(e.sellerId), uint64(e.buyerId), token, uint96(e.amount), uint40(window));
    }

    function release(uint256 seed) external {
        if (_entries.length == 0) return;
        Entry storage e = _any(seed);
        bool allowed = e.status == IOrders.OrderStatus.Held && block.timestamp >= e.releaseTime;
        _try(allowed, address(this), address(orders), 0, abi.encodeCall(MockOrders.release, (e.keyId)));
        if (!allowed) return;
        e.status = IOrders.OrderStatus.Released;
        tokens[e.sellerId] += e.amount;
        ++reached["released"];
    }

    function open(uint256 seed) external {
        if (_entries.length == 0) return;
        Entry storage e = _likelyHeld(seed);
        address who = _who(seed, e.buyerId);
        uint256 value = _value(seed, cost);
        bool allowed =
            e.status == IOrders.OrderStatus.Held &&
                block.timestamp < e.releaseTime &&
                e.amount != 0 &&
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
        _trials.push(Trial(e.keyId - 1, IHouseArbitrator.Phase.Waiting, block.timestamp + 30 days, cost, 0));
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

    // -------------------------------------------------------------- internal

    function _closed(Entry storage e, IDisputes.Outcome outcome, uint256 winner) private {
        e.stage = IDisputes.Status.Closed;
        (e.outcome, e.winner) = (outcome, winner);
        uint256 toBuyer =
            winner == 1
                ? e.amount
                : winner == 2
                    ? 0
                    : e.amount / 2;
        e.status = winner == 1 ? IOrders.OrderStatus.Refunded : IOrders.OrderStatus.Released;
        tokens[e.buyerId] += toBuyer;
        tokens[e.sellerId] += e.amount - toBuyer;
        _feesBack(e);
        ++reached[bytes32(uint256(outcome))];
    }

    /// @dev In words of its own: whoever loses pays the arbitrator first; what its fee does not cover is the winner's loss.
    function _feesBack(Entry storage e) private {
        (uint256 buyerPays, uint256 sellerPays) = (0, 0);
        if (e.winner == 1) {
            sellerPays = e.spent < e.sellerFee ? e.spent : e.sellerFee;
            buyerPays = e.spent - sellerPays;
        } else if (e.winner == 2) {
            buyerPays = e.spent < e.buyerFee ? e.spent : e.buyerFee;
            sellerPays = e.spent - buyerPays;
        } else {
            buyerPays = e.spent - e.spent / 2;
            if (buyerPays > e.buyerFee) buyerPays = e.buyerFee;
            sellerPays = e.spent - buyerPays;
        }
        ether_[e.buyerId] += e.buyerFee - buyerPays;
        ether_[e.sellerId] += e.sellerFee - sellerPays;
    }

    function _runs(Entry storage e) private view returns (bool) {
        return e.stage == IDisputes.Status.Opened || e.stage == IDisputes.Status.Submitted;
    }

    function _any(uint256 seed) private view returns (Entry storage) {
        return _entries[part(seed, "entry") % _entries.length];
    }

    function _likelyHeld(uint256 seed) private view returns (Entry storage) {
        uint256 at = part(seed, "entry");
        for (uint256 i; i < _entries.length; ++i) {
            Entry storage e = _entries[(at + i) % _entries.length];
            if (e.status == IOrders.OrderStatus.Held && block.timestamp < e.releaseTime) return e;
        }
        return _any(seed);
    }

    /// @dev The first order at or after a random one that is in this stage, else the random one.
    function _likely(uint256 seed, IDisputes.Status stage) private view returns (Entry storage) {
        uint256 at = part(seed, "entry");
        for (uint256 i; i < _entries.length; ++i) {
            Entry storage e = _entries[(at + i) % _entries.length];
            if (e.stage == stage) return e;
        }
        return _any(seed);
    }

    /// @dev Mostly the agent's EOA, sometimes another agent's.
    function _who(uint256 seed, uint256 agentId) private view returns (address) {
        uint256 other = 1 + (part(seed, "other") % AGENTS);
        return eoaOf[part(seed, "who") % 6 == 0 ? other : agentId];
    }

    /// @dev Mostly the price, sometimes more, seldom less.
    function _value(uint256 seed, uint256 price) private pure returns (uint256) {
        uint256 kind = part(seed, "value") % 8;
        if (kind == 0 && price != 0) return price - 1;
        return kind < 3 ? price + (part(seed, "surplus") % 1 ether) : price;
    }

    function _try(bool allowed, address from, address to, uint256 value, bytes memory data) private {
        vm.deal(from, from.balance + value);
        vm.prank(from);
        (bool done, bytes memory result) = to.call{value: value}(data);
        if (done == allowed) return;
        equal(result, "", allowed ? "refused, though allowed" : "went through, though forbidden");
        isTrue(false, allowed ? "refused, though allowed" : "went through, though forbidden");
    }

    function _newAccount() private returns (address account) {
        account = vm.addr(uint256(keccak256(abi.encode("desk actor", ++_accounts))) % CURVE_ORDER);
    }
}
