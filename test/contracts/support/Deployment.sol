// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AgentRegistry} from "../../../contracts/AgentRegistry.sol";
import {Authority} from "../../../contracts/Authority.sol";
import {CardIssuer} from "../../../contracts/CardIssuer.sol";
import {Catalog} from "../../../contracts/Catalog.sol";
import {Consensus} from "../../../contracts/Consensus.sol";
import {FixedPrice} from "../../../contracts/curves/FixedPrice.sol";
import {LinearPrice} from "../../../contracts/curves/LinearPrice.sol";
import {Deals} from "../../../contracts/Deals.sol";
import {Exchange} from "../../../contracts/Exchange.sol";
import {ExperienceKey} from "../../../contracts/ExperienceKey.sol";
import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IResaleTerms} from "../../../contracts/interfaces/IResaleTerms.sol";
import {IEndorsements} from "../../../contracts/interfaces/IEndorsements.sol";
import {IConsensus} from "../../../contracts/interfaces/IConsensus.sol";
import {LabelRegistry} from "../../../contracts/LabelRegistry.sol";
import {TestArbitrator} from "../../../contracts/mocks/TestArbitrator.sol";
import {TestReceiptProofs} from "../../../contracts/mocks/TestReceiptProofs.sol";
import {TestUSDC} from "../../../contracts/mocks/TestUSDC.sol";
import {PointsLedger} from "../../../contracts/PointsLedger.sol";
import {Tills} from "../../../contracts/Tills.sol";
import {ValidatorBonds} from "../../../contracts/ValidatorBonds.sol";
import {TestBase} from "./TestBase.sol";

/// @title The whole exchange, wired as the deploy script wires it
abstract contract Deployment is TestBase {
    /// @dev Who plays the disputes desk here.
    address internal constant DISPUTES = address(0xd15b);
    /// @dev What a challenge costs, in the bonds' token.
    uint96 internal constant STAKE = 10_000_000;

    struct System {
        address admin;
        Authority authority;
        AgentRegistry registry;
        ExperienceKey keys;
        PointsLedger points;
        Catalog catalog;
        TestReceiptProofs receipts;
        Tills tills;
        CardIssuer cards;
        Exchange exchange;
        LabelRegistry labels;
        ValidatorBonds bonds;
        Consensus consensus;
        TestUSDC bondToken;
        TestArbitrator arbitrator;
        FixedPrice fixedPrice;
        LinearPrice linearPrice;
    }

    /// @dev How many contracts {deploySystem} makes.
    uint256 internal constant SYSTEM_SIZE = 16;

    function deploySystem(address admin) internal returns (System memory) {
        return deploySystem(admin, DISPUTES);
    }

    /// @dev Each wants the others' addresses, so all are known by the nonce they are made at.
    function deploySystem(address admin, address disputes) internal returns (System memory s) {
        s.admin = admin;
        s.authority = new Authority(admin);
        s.bondToken = new TestUSDC();
        s.arbitrator = new TestArbitrator(0.01 ether);
        s.receipts = new TestReceiptProofs();
        Predicted memory at = _predict();
        s.registry = new AgentRegistry(at.exchange, at.catalog);
        s.keys = new ExperienceKey(s.registry, at.exchange, IResaleTerms(at.catalog));
        s.points = new PointsLedger(address(s.authority), at.exchange, s.registry, IEndorsements(at.labels));
        s.exchange = new Exchange(
            address(s.authority),
            Deals.Wiring({
                registry: s.registry,
                catalog: ICatalog(at.catalog),
                keys: s.keys,
                points: s.points,
                tills: at.tills,
                consensus: at.consensus,
                disputes: disputes,
                cardIssuer: at.cards
            })
        );
        s.catalog = new Catalog(address(s.authority), s.registry, s.exchange);
        s.tills = new Tills(s.registry, s.exchange, s.catalog, s.receipts);
        s.cards = new CardIssuer(address(s.authority), s.registry, s.catalog, s.exchange);
        s.labels = new LabelRegistry(s.registry, s.catalog, ValidatorBonds(payable(at.bonds)));
        _deployBonds(s);
        s.fixedPrice = new FixedPrice();
        s.linearPrice = new LinearPrice();
        vm.prank(admin);
        s.catalog.allowCurve(address(s.fixedPrice), true);
        vm.prank(admin);
        s.catalog.allowCurve(address(s.linearPrice), true);
    }

    struct Predicted {
        address exchange;
        address catalog;
        address tills;
        address cards;
        address labels;
        address bonds;
        address consensus;
    }

    function _predict() private view returns (Predicted memory at) {
        uint64 nonce = vm.getNonce(address(this));
        at.exchange = vm.computeCreateAddress(address(this), nonce + 3);
        at.catalog = vm.computeCreateAddress(address(this), nonce + 4);
        at.tills = vm.computeCreateAddress(address(this), nonce + 5);
        at.cards = vm.computeCreateAddress(address(this), nonce + 6);
        at.labels = vm.computeCreateAddress(address(this), nonce + 7);
        at.bonds = vm.computeCreateAddress(address(this), nonce + 8);
        at.consensus = vm.computeCreateAddress(address(this), nonce + 9);
    }

    function _deployBonds(System memory s) private {
        s.bonds = new ValidatorBonds(s.registry, s.labels, s.bondToken, s.arbitrator, STAKE, "", "ipfs://label-rules");
        IConsensus.Policy memory policy = IConsensus.Policy(3, 6667, 3334, 2 * STAKE, 20 * STAKE);
        s.consensus = new Consensus(address(s.authority), s.registry, s.catalog, s.labels, s.bonds, s.exchange, policy);
    }
}
