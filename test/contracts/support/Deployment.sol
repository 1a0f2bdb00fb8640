// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AgentRegistry} from "../../../contracts/AgentRegistry.sol";
import {Authority} from "../../../contracts/Authority.sol";
import {Consensus} from "../../../contracts/Consensus.sol";
import {FixedPrice} from "../../../contracts/curves/FixedPrice.sol";
import {LinearPrice} from "../../../contracts/curves/LinearPrice.sol";
import {Exchange} from "../../../contracts/Exchange.sol";
import {ExperienceKey} from "../../../contracts/ExperienceKey.sol";
import {IConsensus} from "../../../contracts/interfaces/IConsensus.sol";
import {IListings} from "../../../contracts/interfaces/IListings.sol";
import {LabelRegistry} from "../../../contracts/LabelRegistry.sol";
import {BountyPot} from "../../../contracts/mocks/BountyPot.sol";
import {TestArbitrator} from "../../../contracts/mocks/TestArbitrator.sol";
import {TestUSDC} from "../../../contracts/mocks/TestUSDC.sol";
import {PointsLedger} from "../../../contracts/PointsLedger.sol";
import {ValidatorBonds} from "../../../contracts/ValidatorBonds.sol";
import {TestBase} from "./TestBase.sol";

/// @title The whole exchange, wired as the deploy script wires it
abstract contract Deployment is TestBase {
    /// @dev What a challenge costs, in the bonds' token.
    uint96 internal constant STAKE = 10_000_000;

    struct System {
        address admin;
        Authority authority;
        AgentRegistry registry;
        ExperienceKey keys;
        PointsLedger points;
        Exchange exchange;
        LabelRegistry labels;
        ValidatorBonds bonds;
        Consensus consensus;
        TestUSDC bondToken;
        TestArbitrator arbitrator;
        BountyPot pot;
        FixedPrice fixedPrice;
        LinearPrice linearPrice;
    }

    /// @dev The three ledgers want the exchange's address before it exists: it is the fourth contract made after this line.
    function deploySystem(address admin) internal returns (System memory s) {
        s.admin = admin;
        s.authority = new Authority(admin);
        address predicted = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 3);
        s.registry = new AgentRegistry(predicted);
        s.keys = new ExperienceKey(s.registry, predicted);
        s.points = new PointsLedger(predicted);
        s.exchange = new Exchange(address(s.authority), s.registry, s.keys, s.points);
        _deployLabels(s);
        s.fixedPrice = new FixedPrice();
        s.linearPrice = new LinearPrice();
        vm.prank(admin);
        s.exchange.allowCurve(address(s.fixedPrice), true);
        vm.prank(admin);
        s.exchange.allowCurve(address(s.linearPrice), true);
    }

    /// @dev The labels and the bonds know each other: the bonds are the contract made after the labels.
    function _deployLabels(System memory s) private {
        s.bondToken = new TestUSDC();
        s.arbitrator = new TestArbitrator(0.01 ether);
        s.pot = new BountyPot();
        IListings listings = IListings(address(s.exchange));
        address predicted = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        s.labels = new LabelRegistry(s.registry, listings, ValidatorBonds(predicted));
        s.bonds = new ValidatorBonds(s.registry, s.labels, s.bondToken, s.arbitrator, STAKE, "", "ipfs://label-rules");
        IConsensus.Policy memory policy = IConsensus.Policy(3, 6667, 3334, 2 * STAKE, 20 * STAKE);
        s.consensus = new Consensus(address(s.authority), s.registry, listings, s.labels, s.bonds, s.pot, policy);
    }
}
