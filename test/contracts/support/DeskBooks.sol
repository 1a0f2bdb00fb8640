// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AgentRegistry} from "../../../contracts/AgentRegistry.sol";
import {Catalog} from "../../../contracts/Catalog.sol";
import {Disputes} from "../../../contracts/Disputes.sol";
import {Exchange} from "../../../contracts/Exchange.sol";
import {ExperienceKey} from "../../../contracts/ExperienceKey.sol";
import {HouseArbitrator} from "../../../contracts/HouseArbitrator.sol";
import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IDisputes} from "../../../contracts/interfaces/IDisputes.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IHouseArbitrator} from "../../../contracts/interfaces/IHouseArbitrator.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {TestUSDC} from "../../../contracts/mocks/TestUSDC.sol";
import {Deployment} from "./Deployment.sol";
import {House} from "./House.sol";

/// @title The whole exchange with its desk at the house's arbitrator, and books of their own on every order in dispute
abstract contract DeskBooks is House, Deployment {
    /// @notice What the books say of an order.
    struct Entry {
        uint256 keyId;
        uint256 sellerId;
        uint256 buyerId;
        uint256 amount;
        uint256 feeBps;
        uint256 bountyBps;
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
    Exchange public exchange;
    ExperienceKey public keys;
    TestUSDC public token;
    Catalog internal _catalog;
    address internal _curve;

    Entry[] internal _entries;
    Trial[] internal _trials;
    mapping(uint256 agentId => address) public eoaOf;
    mapping(uint256 agentId => uint256) public ether_;
    mapping(uint256 agentId => uint256) public tokens;
    mapping(uint256 ekId => uint256) public bounties;
    uint256 public earned;
    uint256 public cost = 0.01 ether;
    uint256 public appealCost = 0.03 ether;
    /// @notice The exchange's rate for sales from now on.
    uint256 public feeBps;
    uint256 private _accounts;
    mapping(bytes32 what => uint256) public reached;

    /// @dev The desk is made after the exchange that is wired to it, and after the house and its authority.
    function _start() internal {
        uint256 nonce = vm.getNonce(address(this)) + SYSTEM_SIZE + 2;
        System memory system = deploySystem(address(this), vm.computeCreateAddress(address(this), nonce));
        (registry, exchange, keys) = (system.registry, system.exchange, system.keys);
        (_catalog, _curve) = (system.catalog, address(system.fixedPrice));
        house = deployHouse(registry, 0);
        desk = new Disputes(registry, exchange, house, "", "ipfs://rules");
        equal(exchange.disputes(), address(desk), "the desk's address");
        for (uint256 agentId = 1; agentId <= AGENTS; ++agentId) {
            eoaOf[agentId] = _newAccount();
            vm.prank(eoaOf[agentId]);
            registry.register();
        }
        house.setPayee(PAYEE);
        token = new TestUSDC();
        _catalog.allowToken(address(token), true);
    }

    function entries() external view returns (Entry[] memory) {
        return _entries;
    }

    function trials() external view returns (Trial[] memory) {
        return _trials;
    }

    /// @notice The keys of {reached}.
    function deeds() external pure returns (bytes32[21] memory) {
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
                "accepted",
                "refunded",
                "paid at once",
                bytes32(uint256(IDisputes.Outcome.Ruled)),
                bytes32(uint256(IDisputes.Outcome.Lapsed)),
                bytes32(uint256(IDisputes.Outcome.Conceded)),
                bytes32(uint256(IDisputes.Outcome.Withdrawn)),
                bytes32(uint256(IDisputes.Outcome.TimedOut))
            ];
    }

    // -------------------------------------------------------------- internal

    function _closed(Entry storage e, IDisputes.Outcome outcome, uint256 winner) internal {
        e.stage = IDisputes.Status.Closed;
        (e.outcome, e.winner) = (outcome, winner);
        uint256 toBuyer =
            winner == 1
                ? e.amount
                : winner == 2
                    ? 0
                    : e.amount / 2;
        e.status = winner == 1 ? IOrders.OrderStatus.Refunded : IOrders.OrderStatus.Released;
        _paid(e, toBuyer);
        _feesBack(e);
        ++reached[bytes32(uint256(outcome))];
    }

    /// @dev What the shares of the rest leave over is the seller's.
    function _paid(Entry storage e, uint256 toBuyer) internal {
        uint256 rest = e.amount - toBuyer;
        uint256 fee = (rest * e.feeBps) / 10_000;
        uint256 bounty = (rest * e.bountyBps) / 10_000;
        tokens[e.buyerId] += toBuyer;
        tokens[PAYEE] += fee;
        bounties[e.keyId >> 96] += bounty;
        tokens[e.sellerId] += rest - fee - bounty;
    }

    function _list(Entry memory e, uint256 window) internal returns (uint256 ekId) {
        ICatalog.Terms memory terms;
        (terms.token, terms.curve, terms.curveParams) = (address(token), _curve, abi.encode(e.amount));
        (terms.scopes, terms.refundWindow, terms.bountyBps) = (1, uint32(window), uint16(e.bountyBps));
        string memory summary = "{}";
        vm.prank(eoaOf[e.sellerId]);
        ekId = _catalog.list(e.sellerId, terms, ICatalog.Content("manifest", summary, "", keccak256(bytes(summary))));
    }

    function _buy(uint256 ekId, Entry memory e) internal returns (uint256) {
        address who = eoaOf[e.buyerId];
        token.mint(who, e.amount);
        vm.prank(who);
        token.approve(address(exchange), e.amount);
        vm.prank(who);
        return exchange.buy(IExchange.Purchase(ekId, 1, who, e.amount, block.timestamp, 0));
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

    function _runs(Entry storage e) internal view returns (bool) {
        return e.stage == IDisputes.Status.Opened || e.stage == IDisputes.Status.Submitted;
    }

    function _any(uint256 seed) internal view returns (Entry storage) {
        return _entries[part(seed, "entry") % _entries.length];
    }

    function _likelyHeld(uint256 seed) internal view returns (Entry storage) {
        uint256 at = part(seed, "entry");
        for (uint256 i; i < _entries.length; ++i) {
            Entry storage e = _entries[(at + i) % _entries.length];
            if (e.status == IOrders.OrderStatus.Held && block.timestamp < e.releaseTime) return e;
        }
        return _any(seed);
    }

    /// @dev The first order at or after a random one that is in this stage, else the random one.
    function _likely(uint256 seed, IDisputes.Status stage) internal view returns (Entry storage) {
        uint256 at = part(seed, "entry");
        for (uint256 i; i < _entries.length; ++i) {
            Entry storage e = _entries[(at + i) % _entries.length];
            if (e.stage == stage) return e;
        }
        return _any(seed);
    }

    /// @dev Mostly the agent's EOA, sometimes another agent's.
    function _who(uint256 seed, uint256 agentId) internal view returns (address) {
        uint256 other = 1 + (part(seed, "other") % AGENTS);
        return eoaOf[part(seed, "who") % 6 == 0 ? other : agentId];
    }

    /// @dev Mostly the price, sometimes more, seldom less.
    function _value(uint256 seed, uint256 price) internal pure returns (uint256) {
        uint256 kind = part(seed, "value") % 8;
        if (kind == 0 && price != 0) return price - 1;
        return kind < 3 ? price + (part(seed, "surplus") % 1 ether) : price;
    }

    function _try(bool allowed, address from, address to, uint256 value, bytes memory data) internal {
        vm.deal(from, from.balance + value);
        vm.prank(from);
        (bool done, bytes memory result) = to.call{value: value}(data);
        if (done == allowed) return;
        equal(result, "", allowed ? "refused, though allowed" : "went through, though forbidden");
        isTrue(false, allowed ? "refused, though allowed" : "went through, though forbidden");
    }

    function _newAccount() internal returns (address account) {
        account = vm.addr(uint256(keccak256(abi.encode("desk actor", ++_accounts))) % CURVE_ORDER);
    }
}
