// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IAgentRegistry} from "../../contracts/interfaces/IAgentRegistry.sol";
import {IERC8004Identity} from "../../contracts/interfaces/IERC8004Identity.sol";
import {IBountyPot} from "../../contracts/interfaces/IBountyPot.sol";
import {ICardIssuer} from "../../contracts/interfaces/ICardIssuer.sol";
import {ICatalog} from "../../contracts/interfaces/ICatalog.sol";
import {IERC4907} from "../../contracts/interfaces/IERC4907.sol";
import {IExchange} from "../../contracts/interfaces/IExchange.sol";
import {IOrders} from "../../contracts/interfaces/IOrders.sol";
import {ITills} from "../../contracts/interfaces/ITills.sol";
import {IExperienceKey} from "../../contracts/interfaces/IExperienceKey.sol";
import {ILabelRegistry} from "../../contracts/interfaces/ILabelRegistry.sol";
import {IValidatorBonds} from "../../contracts/interfaces/IValidatorBonds.sol";
import {Deployment} from "./support/Deployment.sol";
import {Market} from "./support/Market.sol";
import {World} from "./support/World.sol";

contract Stage is Market {
    constructor(System memory system) World(system) {
        _open();
    }
}

/// @title The invariants' handler: an invariant proves nothing about what never happens
contract MarketTest is Deployment {
    uint256 internal constant DAYS = 8;
    uint256 internal constant STEPS = 100;

    Stage[] internal _days;
    bytes4[] internal actions;

    function setUp() public {
        vm.warp(1_900_000_000);
        Stage stage;
        actions = [stage.register.selector, stage.registerFor.selector, stage.grant.selector];
        actions.push(stage.grantBySig.selector);
        actions.push(stage.revoke.selector);
        actions.push(stage.rotate.selector);
        actions.push(stage.setAgentWallet.selector);
        actions.push(stage.handOver.selector);
        actions.push(stage.list.selector);
        actions.push(stage.update.selector);
        actions.push(stage.setStatus.selector);
        actions.push(stage.buy.selector);
        actions.push(stage.buyWithPermit.selector);
        actions.push(stage.claim.selector);
        actions.push(stage.withdraw.selector);
        actions.push(stage.fundTill.selector);
        actions.push(stage.buyViaTill.selector);
        actions.push(stage.buyUpto.selector);
        actions.push(stage.finalizeTill.selector);
        actions.push(stage.refundTill.selector);
        actions.push(stage.transferKey.selector);
        actions.push(stage.approveAllKeys.selector);
        actions.push(stage.preferKey.selector);
        actions.push(stage.lendKey.selector);
        actions.push(stage.renew.selector);
        actions.push(stage.buyBatch.selector);
        actions.push(stage.buyWithAuthorization.selector);
        actions.push(stage.buyWithPoints.selector);
        actions.push(stage.release.selector);
        actions.push(stage.accept.selector);
        actions.push(stage.refund.selector);
        actions.push(stage.freeze.selector);
        actions.push(stage.settle.selector);
        actions.push(stage.recordAccess.selector);
        actions.push(stage.issueForCharge.selector);
        actions.push(stage.chargeback.selector);
        actions.push(stage.pause.selector);
        actions.push(stage.payBounty.selector);
        actions.push(stage.announceKey.selector);
        actions.push(stage.label.selector);
        actions.push(stage.allowValidator.selector);
        actions.push(stage.bond.selector);
        actions.push(stage.endorse.selector);
        actions.push(stage.setFee.selector);
        actions.push(stage.allowToken.selector);
        actions.push(stage.attack.selector);
        actions.push(stage.passTime.selector);
        actions.push(stage.reachEdge.selector);
    }

    /// In enough days every action succeeds, every way of paying issues keys, and money comes back and home.
    function test_everythingHappens() public {
        for (uint256 i; i < DAYS; ++i) {
            _days.push(new Stage(deploySystem(vm.addr(0xad))));
            for (uint256 j; j < STEPS; ++j) {
                _step(_days[i], 2000 + i * STEPS + j);
            }
        }
        Stage some = _days[0];
        _seek(some.fundTill.selector, some.finalizeTill.selector, ITills.finalizeTill.selector);
        _seek(some.buyViaTill.selector, some.buyViaTill.selector, bytes4("open"));
        _seek(some.buyUpto.selector, some.buyUpto.selector, bytes4("upto"));
        _seek(some.fundTill.selector, some.refundByReceipt.selector, bytes4("sent"));
        _seek(some.buyViaTill.selector, some.refundByReceipt.selector, bytes4("sale"));
        _seek(some.rotate.selector, some.setAgentWallet.selector, IERC8004Identity.setAgentWallet.selector);
        _seek(some.lendKey.selector, some.lendKey.selector, bytes4("gave"));
        _seek(some.issueForCharge.selector, some.chargeback.selector, ICardIssuer.chargeback.selector);
        for (uint256 i; i < 40; ++i) {
            _do(_days[i % DAYS], some.label.selector, 9700 + i);
        }
        _seek(some.bond.selector, some.bond.selector, IValidatorBonds.unbond.selector);
        _seek(some.bond.selector, some.endorse.selector, ILabelRegistry.endorse.selector);
        _seekInPause(some.buy.selector, some.release.selector, IExchange.release.selector);
        _seekInPause(some.buy.selector, some.accept.selector, IExchange.accept.selector);
        _seekInPause(some.buy.selector, some.refund.selector, IExchange.refund.selector);
        _seekInPause(some.buy.selector, some.withdraw.selector, IExchange.withdraw.selector);
        _seekInPause(some.buy.selector, some.freeze.selector, IOrders.freeze.selector);
        _seekInPause(some.fundTill.selector, some.refundTill.selector, ITills.refundTill.selector);
        _happened(ICatalog.list.selector, "list");
        _happened(ICatalog.update.selector, "update");
        _happened(ICatalog.setStatus.selector, "setStatus");
        _happened(IExchange.buy.selector, "buy");
        _happened(IExchange.buyWithPermit.selector, "buyWithPermit");
        _happened(IExchange.claim.selector, "claim");
        _happened(ITills.buyViaTill.selector, "buyViaTill");
        _happened(ITills.finalizeTill.selector, "finalizeTill");
        _happened(ITills.refundTill.selector, "refundTill");
        _happened(ITills.buyUpto.selector, "buyUpto");
        _happened(bytes4("upto"), "a sale by an open quote to who permitted its price");
        _happened(bytes4("open"), "a sale by an open quote");
        _happened(bytes4("sent"), "money that a receipt brought back");
        _happened(bytes4("sale"), "the receipt of a sale's own money");
        _happened(IExchange.withdraw.selector, "withdraw");
        _happened(IExchange.setFee.selector, "setFee");
        _happened(ICatalog.allowToken.selector, "allowToken");
        _happened(IERC20.transfer.selector, "a transfer into a till");
        _happened(bytes4(0xcf092995), "an authorization that somebody else submitted first");
        _happened(bytes4(0x5a049a70), "a cancelled authorization");
        _happened(bytes4(0x1aa3a008), "register");
        _happened(IAgentRegistry.registerFor.selector, "registerFor");
        _happened(IAgentRegistry.grant.selector, "grant");
        _happened(IAgentRegistry.grantBySig.selector, "grantBySig");
        _happened(IAgentRegistry.revoke.selector, "revoke");
        _happened(IAgentRegistry.rotate.selector, "rotate");
        _happened(IERC8004Identity.setAgentWallet.selector, "setAgentWallet");
        _happened(IERC721.transferFrom.selector, "transferFrom");
        _happened(IERC721.setApprovalForAll.selector, "setApprovalForAll");
        _happened(IExperienceKey.prefer.selector, "prefer");
        _happened(IExperienceKey.announce.selector, "announce");
        _happened(IERC4907.setUser.selector, "setUser");
        _happened(bytes4("gave"), "a rental that its tenant gave up");
        _happened(IExchange.renew.selector, "renew");
        _happened(IExchange.buyBatch.selector, "buyBatch");
        _happened(IExchange.buyWithAuthorization.selector, "buyWithAuthorization");
        _happened(IExchange.buyWithPoints.selector, "buyWithPoints");
        _happened(IExchange.release.selector, "release");
        _happened(IExchange.accept.selector, "accept");
        _happened(IExchange.refund.selector, "refund");
        _happened(IOrders.freeze.selector, "freeze");
        _happened(IOrders.settle.selector, "settle");
        _happened(IExchange.recordAccess.selector, "recordAccess");
        _happened(IBountyPot.payBounty.selector, "payBounty");
        _happened(ICardIssuer.issueForCharge.selector, "issueForCharge");
        _happened(ICardIssuer.chargeback.selector, "chargeback");
        _happened(IExchange.pause.selector, "pause");
        _happenedInPause(IExchange.release.selector, "release");
        _happenedInPause(IExchange.accept.selector, "accept");
        _happenedInPause(IExchange.refund.selector, "refund");
        _happenedInPause(IExchange.withdraw.selector, "withdraw");
        _happenedInPause(IOrders.freeze.selector, "freeze");
        _happenedInPause(ITills.refundTill.selector, "refundTill");
        _happened(ILabelRegistry.label.selector, "label");
        _happened(ILabelRegistry.allowValidators.selector, "allowValidators");
        _happened(IValidatorBonds.bond.selector, "bond");
        _happened(IValidatorBonds.unbond.selector, "unbond");
        _happened(ILabelRegistry.endorse.selector, "endorse");
    }

    /// @dev What chance brings seldom is tried for, again and again; it must come then.
    function _seek(bytes4 first, bytes4 action, bytes4 success) private {
        for (uint256 i; i < 200 && _times(success) == 0; ++i) {
            _do(_days[i % DAYS], first, 9000 + i);
            _do(_days[i % DAYS], action, 9500 + i);
        }
    }

    function _seekInPause(bytes4 first, bytes4 action, bytes4 success) private {
        for (uint256 i; i < 100 && _timesInPause(success) == 0; ++i) {
            Stage stage = _days[i % DAYS];
            _do(stage, first, 9000 + i);
            if (i % 3 == 0) _do(stage, stage.passTime.selector, 9100 + i);
            _do(stage, stage.pause.selector, 9200 + i);
            for (uint256 j; j < 4; ++j) _do(stage, action, 9300 + 4 * i + j);
        }
    }

    function _step(Stage stage, uint256 seed) private {
        _do(stage, actions[part(seed, "action") % actions.length], seed);
    }

    function _do(Stage stage, bytes4 action, uint256 seed) private {
        bytes memory words = abi.encode(
            part(seed, "a"),
            part(seed, "b"),
            part(seed, "c"),
            part(seed, "d"),
            part(seed, "e")
        );
        // The last argument of these is a bool.
        if (action == stage.approveAllKeys.selector) words = abi.encode(part(seed, "a"), part(seed, "b"), seed % 2);
        if (action == stage.allowValidator.selector) {
            words = abi.encode(part(seed, "a"), part(seed, "b"), part(seed, "c"), seed % 2);
        }
        if (action == stage.bond.selector) words = abi.encode(part(seed, "a"), part(seed, "b"), seed % 3 == 0);
        (bool ok, bytes memory result) = address(stage).call(abi.encodePacked(action, words));
        if (!ok) equal(result, "", "a step of the market failed");
        isTrue(ok, "a step of the market failed");
    }

    function _happenedInPause(bytes4 selector, string memory what) private view {
        isTrue(_timesInPause(selector) != 0, string.concat("never happened in a pause: ", what));
    }

    function _timesInPause(bytes4 selector) private view returns (uint256 times) {
        for (uint256 i; i < DAYS; ++i) {
            times += _days[i].successesInPause(selector);
        }
    }

    function _happened(bytes4 selector, string memory what) private view {
        isTrue(_times(selector) != 0, string.concat("never happened: ", what));
    }

    function _times(bytes4 selector) private view returns (uint256 times) {
        for (uint256 i; i < DAYS; ++i) {
            times += _days[i].successes(selector);
        }
    }
}
