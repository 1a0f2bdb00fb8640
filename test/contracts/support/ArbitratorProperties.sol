// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IArbitrator} from "../../../contracts/interfaces/IArbitrator.sol";
import {HostileParty} from "../../../contracts/mocks/HostileParty.sol";
import {TestBase} from "./TestBase.sol";

/// @title What every arbitrator owes to the contracts that it rules for, whatever its kind (ERC-792)
/// @dev A new arbitrator inherits this, names its contract and says two things: who calls what to rule in which round, and which call
/// hands the final ruling over.
abstract contract ArbitratorProperties is TestBase {
    address internal constant STRANGER = address(0x5712);

    IArbitrator internal arbitrator;
    /// @dev A contract that makes disputes.
    HostileParty internal party;

    function setUp() public {
        vm.warp(1_900_000_000);
        arbitrator = newArbitrator();
        party = new HostileParty();
        vm.deal(address(this), 1e30);
    }

    function newArbitrator() internal virtual returns (IArbitrator);

    /// @dev Who rules in `round` (0 the first), and by which call.
    function rulingCall(
        uint256 disputeID,
        uint256 ruling,
        uint256 round
    ) internal view virtual returns (address judge, bytes memory data);

    /// @dev The call by which anyone has the arbitrable contract get its ruling.
    function handOverCall(uint256 disputeID) internal pure virtual returns (bytes memory);

    /// What a dispute costs is enough.
    function testFuzz_costIsEnough(uint256 choices, bytes calldata extraData) public {
        uint256 disputeID = _create(within(choices, 1, type(uint256).max), extraData);
        isTrue(arbitrator.disputeStatus(disputeID) == IArbitrator.DisputeStatus.Waiting, "a new dispute waits");
        equal(arbitrator.currentRuling(disputeID), 0, "nothing is ruled yet");
        (uint256 start, uint256 end) = arbitrator.appealPeriod(disputeID);
        equal(start + end, 0, "nothing to appeal against yet");
    }

    /// Less is refused.
    function testFuzz_lessIsRefused(uint256 short) public {
        uint256 cost = arbitrator.arbitrationCost("");
        bytes memory data = abi.encodeCall(IArbitrator.createDispute, (2, ""));
        isTrue(!_act(data, cost - within(short, 1, cost)), "a dispute below its cost");
    }

    /// Every dispute has a number of its own.
    function testFuzz_numbersDiffer(uint8 count) public {
        uint256[] memory numbers = new uint256[](2 + (count % 8));
        for (uint256 i; i < numbers.length; ++i) {
            numbers[i] = _create(2, "");
            for (uint256 j; j < i; ++j) isTrue(numbers[i] != numbers[j], "two disputes under one number");
        }
    }

    /// A ruling can be appealed against, then it is final, then the arbitrable contract gets it, once.
    function testFuzz_rulingArrivesOnce(uint256 choices, uint256 ruling, uint256 wait) public {
        choices = within(choices, 1, type(uint256).max);
        ruling = within(ruling, 0, choices);
        uint256 disputeID = _create(choices, "");
        isTrue(!_handOver(disputeID), "a ruling handed over before there is one");
        isTrue(_rule(disputeID, ruling, 0), "the court can't rule");
        isTrue(!_rule(disputeID, ruling, 0), "the court rules twice");
        equal(arbitrator.currentRuling(disputeID), ruling, "the ruling");
        isTrue(arbitrator.disputeStatus(disputeID) == IArbitrator.DisputeStatus.Appealable, "open to appeal");
        (uint256 start, uint256 end) = arbitrator.appealPeriod(disputeID);
        isTrue(start <= block.timestamp && block.timestamp < end, "the appeal's time");

        vm.warp(within(wait, block.timestamp, end - 1));
        isTrue(!_handOver(disputeID), "handed over while it can be appealed against");
        vm.warp(end);
        isTrue(arbitrator.disputeStatus(disputeID) == IArbitrator.DisputeStatus.Solved, "final");
        isTrue(!_appeal(disputeID, arbitrator.appealCost(disputeID, "")), "an appeal too late");
        isTrue(_handOver(disputeID), "the ruling can't be handed over");
        equal(party.rulings(), 1, "rulings that arrived");
        equal(party.lastRuling(), ruling, "the ruling that arrived");
        isTrue(!_handOver(disputeID), "handed over twice");
        equal(party.rulings(), 1, "rulings that arrived after all");
    }

    /// No ruling is beyond the choices.
    function testFuzz_rulingsAreChoices(uint256 choices, uint256 ruling) public {
        choices = within(choices, 1, type(uint256).max - 1);
        uint256 disputeID = _create(choices, "");
        isTrue(!_rule(disputeID, within(ruling, choices + 1, type(uint256).max), 0), "a ruling beyond the choices");
        isTrue(_rule(disputeID, choices, 0), "the last choice");
    }

    /// An appeal costs what it says, and the court that hears it has the last word.
    function testFuzz_appealIsHeard(uint256 first, uint256 second, uint256 short) public {
        first = within(first, 0, 2);
        second = within(second, 0, 2);
        uint256 disputeID = _create(2, "");
        isTrue(!_appeal(disputeID, arbitrator.appealCost(disputeID, "")), "an appeal against nothing");
        isTrue(_rule(disputeID, first, 0), "the court can't rule");
        uint256 cost = arbitrator.appealCost(disputeID, "");
        isTrue(!_appeal(disputeID, cost - within(short, 1, cost)), "an appeal below its cost");
        isTrue(_appeal(disputeID, cost), "an appeal at its cost");
        isTrue(!_appeal(disputeID, cost * 4), "appealed against twice");
        isTrue(arbitrator.disputeStatus(disputeID) == IArbitrator.DisputeStatus.Waiting, "waits again");
        isTrue(!_handOver(disputeID), "handed over while an appeal is heard");
        isTrue(_rule(disputeID, second, 1), "the court of appeal can't rule");
        equal(arbitrator.currentRuling(disputeID), second, "the ruling on appeal");
        (, uint256 end) = arbitrator.appealPeriod(disputeID);
        if (end != 0) vm.warp(end);
        isTrue(_handOver(disputeID), "the ruling on appeal can't be handed over");
        equal(party.lastRuling(), second, "the ruling that arrived");
    }

    /// Only the courts rule, and only who made the dispute appeals.
    function testFuzz_strangersDecideNothing(address stranger, uint256 ruling) public {
        ruling = within(ruling, 0, 2);
        uint256 disputeID = _create(2, "");
        for (uint256 round; round < 2; ++round) {
            (address judge, bytes memory data) = rulingCall(disputeID, ruling, round);
            if (stranger == judge) stranger = STRANGER;
            (bool done, ) = callAs(stranger, address(arbitrator), data);
            isTrue(!done, "a stranger ruled");
            isTrue(_rule(disputeID, ruling, round), "the court can't rule");
            if (round == 1) return;
            uint256 cost = arbitrator.appealCost(disputeID, "");
            (done, ) = address(arbitrator).call{value: cost}(abi.encodeCall(IArbitrator.appeal, (disputeID, "")));
            isTrue(!done, "a stranger appealed");
            isTrue(_appeal(disputeID, cost), "the party can't appeal");
        }
    }

    /// A contract that refuses its ruling gets it when it takes it, and holds up nobody meanwhile.
    function testFuzz_refusalHoldsUpNobody(uint256 ruling) public {
        ruling = within(ruling, 0, 2);
        HostileParty refusing = party;
        uint256 first = _create(2, "");
        party = new HostileParty();
        uint256 second = _create(2, "");
        isTrue(_rule(first, ruling, 0) && _rule(second, ruling, 0), "the court can't rule");
        (, uint256 end) = arbitrator.appealPeriod(second);
        vm.warp(end);
        refusing.behave(HostileParty.Manner.Refuses);
        isTrue(!_handOver(first), "a refusal went unnoticed");
        isTrue(_handOver(second), "held up by another contract's refusal");
        refusing.behave(HostileParty.Manner.Kind);
        isTrue(_handOver(first), "the refusal was final");
        equal(refusing.rulings() + party.rulings(), 2, "rulings that arrived");
    }

    function _create(uint256 choices, bytes memory extraData) internal returns (uint256 disputeID) {
        uint256 cost = arbitrator.arbitrationCost(extraData);
        bytes memory data = abi.encodeCall(IArbitrator.createDispute, (choices, extraData));
        return abi.decode(party.act{value: cost}(address(arbitrator), data), (uint256));
    }

    function _act(bytes memory data, uint256 value) internal returns (bool done) {
        try party.act{value: value}(address(arbitrator), data) {
            return true;
        } catch {
            return false;
        }
    }

    function _appeal(uint256 disputeID, uint256 value) internal returns (bool) {
        return _act(abi.encodeCall(IArbitrator.appeal, (disputeID, "")), value);
    }

    function _rule(uint256 disputeID, uint256 ruling, uint256 round) internal returns (bool done) {
        (address judge, bytes memory data) = rulingCall(disputeID, ruling, round);
        (done, ) = callAs(judge, address(arbitrator), data);
    }

    function _handOver(uint256 disputeID) internal returns (bool done) {
        (done, ) = callAs(STRANGER, address(arbitrator), handOverCall(disputeID));
    }
}
