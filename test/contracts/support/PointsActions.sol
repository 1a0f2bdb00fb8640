// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AgentRegistry} from "../../../contracts/AgentRegistry.sol";
import {Authority} from "../../../contracts/Authority.sol";
import {IPointsLedger} from "../../../contracts/interfaces/IPointsLedger.sol";
import {Endorser} from "../../../contracts/mocks/Endorser.sol";
import {PointsLedger} from "../../../contracts/PointsLedger.sol";
import {PointsBook} from "./PointsBook.sol";
import {TestBase} from "./TestBase.sol";
import {Vm} from "./Vm.sol";

/// @title Orders of few agents over many days, under changing policies, grants, rotations and endorsements
/// @notice Stands for the exchange and administers; each award's one event must be what the books expect.
abstract contract PointsActions is TestBase, PointsBook {
    uint256 public constant AGENTS = 5;
    /// @dev Each agent moves to and fro between its three.
    uint256 internal constant EOAS_EACH = 3;
    uint256 internal constant LISTINGS = 3;

    AgentRegistry public registry;
    PointsLedger public ledger;
    Endorser public endorser;
    /// @notice How many awards had the reason's bit set; at 255 those in full.
    mapping(uint256 bit => uint256) public seen;
    uint256 public spendings;
    mapping(uint256 agentId => uint256) private _place;
    mapping(uint256 ekId => bool) private _endorsed;
    bool private _broken;
    uint256 private _orders;

    constructor() {
        registry = new AgentRegistry(address(this), address(this));
        endorser = new Endorser();
        ledger = new PointsLedger(address(new Authority(address(this))), address(this), registry, endorser);
        for (uint256 agentId = 1; agentId <= AGENTS; ++agentId) {
            registry.enroll(_eoa(agentId, 0));
        }
    }

    // --------------------------------------------------------------- actions

    /// @param payer An EOA that some agent has, had or will have; or a stranger's, or none.
    function order(uint256 seller, uint256 buyer, uint256 payer, uint256 ek, uint256 sales) external {
        (uint256 sellerId, uint256 buyerId, uint256 ekId) = (_agent(seller), _agent(buyer), ek % LISTINGS);
        address account = _payer(payer, buyerId);
        sales = sales % 3 == 0 ? within(sales, 0, type(uint256).max) : sales % 12;
        PointsOrder memory o = PointsOrder({
            sellerId: sellerId,
            buyerId: buyerId,
            payerId: registry.lastAgentOf(account),
            operators: _isOperator(sellerId, buyerId) || _isOperator(buyerId, sellerId),
            sales: sales,
            endorsed: _endorsed[ekId] && !_broken
        });
        PointsAward memory a = _bookAward(o);
        vm.recordLogs();
        ledger.award(ekId, ++_orders, sellerId, buyerId, account, sales);
        _checkLog(vm.getRecordedLogs(), a, o, ekId);
        for (uint256 bit; bit < 7; ++bit) {
            if (a.reasons & (1 << bit) != 0) ++seen[bit];
        }
        if (a.reasons == 0) ++seen[255];
    }

    function spend(uint256 agent, uint256 amount) external {
        uint256 agentId = _agent(agent);
        uint256 balance = pointsOf[agentId];
        amount = amount % 4 == 0 ? amount : amount % (balance + 2);
        (bool done, bytes memory result) = address(ledger).call(
            abi.encodeCall(IPointsLedger.spend, (agentId, amount, 1, 1))
        );
        isTrue(done == (amount <= balance), "15: spent more than there was, or refused what there was");
        if (done) {
            _bookSpending(agentId, amount);
            ++spendings;
        } else {
            bytes4 error = IPointsLedger.InsufficientPoints.selector;
            equal(result, abi.encodeWithSelector(error, agentId, balance, amount), "why it was refused");
        }
    }

    function passTime(uint256 seed) external {
        vm.warp(block.timestamp + (seed % 3 == 0 ? seed % 3 days : seed % 2 hours));
    }

    /// @dev To the last second of the day, or the first of the next.
    function reachMidnight(bool over) external {
        uint256 midnight = (block.timestamp / 1 days + 1) * 1 days;
        vm.warp(over || block.timestamp == midnight - 1 ? midnight : midnight - 1);
    }

    function grant(uint256 agent, uint256 operator, uint256 actions, uint256 term) external {
        (uint256 agentId, uint256 operatorId) = (_agent(agent), _agent(operator));
        if (agentId == operatorId) return;
        (address from, address to) = (registry.eoaOf(agentId), registry.eoaOf(operatorId));
        vm.prank(from);
        registry.grant(to, actions % 16, uint64(block.timestamp + 1 + (term % 2 days)));
    }

    function rotate(uint256 agent, uint256 to) external {
        uint256 agentId = _agent(agent);
        uint256 place = to % EOAS_EACH;
        if (place == _place[agentId]) return;
        (address from, address next) = (registry.eoaOf(agentId), _eoa(agentId, place));
        vm.prank(next);
        registry.consentToRotation(agentId, type(uint64).max);
        vm.prank(from);
        registry.transferFrom(from, next, agentId);
        _place[agentId] = place;
    }

    /// @dev Rarely: most orders shall meet the same policy as the one before.
    function setPolicy(uint256 seed) external {
        if (seed % 4 != 0) return;
        _policy = IPointsLedger.Policy({
            sellerAward: uint8(1 + (part(seed, "seller") % 10)),
            buyerAward: uint8(1 + (part(seed, "buyer") % 10)),
            pairTradesPerDay: uint16(1 + (part(seed, "pair") % 6)),
            agentPointsPerDay: uint16(part(seed, "agent") % 40),
            handful: uint16(part(seed, "handful") % 10),
            unendorsedPercent: uint8(part(seed, "percent") % 101)
        });
        ledger.setPolicy(_policy);
    }

    function endorse(uint256 ek, bool endorsed) external {
        _endorsed[ek % LISTINGS] = endorsed;
        endorser.endorse(ek % LISTINGS, endorsed);
    }

    function breakEndorser(uint256 seed) external {
        _broken = seed % 4 == 0;
        endorser.fail(_broken);
    }

    // -------------------------------------------------------------- internal

    function _checkLog(Vm.Log[] memory logs, PointsAward memory a, PointsOrder memory o, uint256 ekId) private view {
        equal(logs.length, 1, "events of one award");
        equal(uint256(logs[0].topics[1]), ekId, "its listing");
        equal(uint256(logs[0].topics[2]), o.sellerId, "its seller");
        equal(uint256(logs[0].topics[3]), o.buyerId, "its buyer");
        bool nothing = a.sellerDelta + a.buyerDelta == 0;
        bytes32 topic = nothing ? IPointsLedger.PointsWithheld.selector : IPointsLedger.PointsAwarded.selector;
        equal(logs[0].topics[0], topic, "awarded or withheld");
        uint256[2] memory after_ = [pointsOf[o.sellerId], pointsOf[o.buyerId]];
        bytes memory data =
            nothing
                ? abi.encode(_orders, a.reasons)
                : abi.encode(_orders, a.sellerDelta, a.buyerDelta, after_[0], after_[1], a.reasons);
        equal(logs[0].data, data, "deltas, balances after, reasons");
    }

    function _agent(uint256 seed) private pure returns (uint256) {
        return 1 + (seed % AGENTS);
    }

    function _eoa(uint256 agentId, uint256 place) private pure returns (address) {
        return address(uint160(0xa0000 + agentId * 16 + place));
    }

    /// @dev Mostly the buyer itself.
    function _payer(uint256 seed, uint256 buyerId) private view returns (address) {
        uint256 kind = seed % 8;
        if (kind == 0) return address(0);
        if (kind == 1) return address(0xbeef);
        if (kind < 4) return _eoa(_agent(seed / 8), (seed / 64) % EOAS_EACH);
        return registry.eoaOf(buyerId);
    }

    function _isOperator(uint256 agentId, uint256 otherId) private view returns (bool) {
        (uint256 actions, uint64 expiry) = registry.grantOf(agentId, registry.eoaOf(otherId));
        return agentId != otherId && actions != 0 && expiry > block.timestamp;
    }
}
