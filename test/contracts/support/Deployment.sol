// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AgentRegistry} from "../../../contracts/AgentRegistry.sol";
import {Authority} from "../../../contracts/Authority.sol";
import {FixedPrice} from "../../../contracts/curves/FixedPrice.sol";
import {LinearPrice} from "../../../contracts/curves/LinearPrice.sol";
import {Exchange} from "../../../contracts/Exchange.sol";
import {ExperienceKey} from "../../../contracts/ExperienceKey.sol";
import {IResaleTerms} from "../../../contracts/interfaces/IResaleTerms.sol";
import {LabelRegistry} from "../../../contracts/LabelRegistry.sol";
import {PointsLedger} from "../../../contracts/PointsLedger.sol";
import {TestBase} from "./TestBase.sol";

/// @title The whole exchange, wired as the deploy script wires it
abstract contract Deployment is TestBase {
    struct System {
        address admin;
        Authority authority;
        AgentRegistry registry;
        ExperienceKey keys;
        PointsLedger points;
        Exchange exchange;
        LabelRegistry labels;
        FixedPrice fixedPrice;
        LinearPrice linearPrice;
    }

    /// @dev The three ledgers want the exchange's address before it exists: it is the fourth contract made after this line.
    function deploySystem(address admin) internal returns (System memory s) {
        s.admin = admin;
        s.authority = new Authority(admin);
        address predicted = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 3);
        s.registry = new AgentRegistry(predicted);
        s.keys = new ExperienceKey(s.registry, predicted, IResaleTerms(predicted));
        s.points = new PointsLedger(predicted);
        s.exchange = new Exchange(address(s.authority), s.registry, s.keys, s.points);
        s.labels = new LabelRegistry(s.registry, s.exchange);
        s.fixedPrice = new FixedPrice();
        s.linearPrice = new LinearPrice();
        vm.prank(admin);
        s.exchange.allowCurve(address(s.fixedPrice), true);
        vm.prank(admin);
        s.exchange.allowCurve(address(s.linearPrice), true);
    }
}
