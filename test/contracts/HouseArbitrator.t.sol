// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AgentRegistry} from "../../contracts/AgentRegistry.sol";
import {HouseArbitrator} from "../../contracts/HouseArbitrator.sol";
import {IArbitrator} from "../../contracts/interfaces/IArbitrator.sol";
import {ArbitratorProperties} from "./support/ArbitratorProperties.sol";
import {House} from "./support/House.sol";

/// @title HouseArbitrator
contract HouseArbitratorTest is ArbitratorProperties, House {
    function newArbitrator() internal override returns (IArbitrator) {
        AgentRegistry registry = new AgentRegistry(address(this), address(this));
        return deployHouse(registry, registry.register());
    }

    function rulingCall(
        uint256 disputeID,
        uint256 ruling,
        uint256 round
    ) internal pure override returns (address, bytes memory) {
        if (round == 0) return (JUDGE, abi.encodeCall(HouseArbitrator.giveRuling, (disputeID, ruling)));
        return (APPEAL_JUDGE, abi.encodeCall(HouseArbitrator.giveFinalRuling, (disputeID, ruling)));
    }

    function handOverCall(uint256 disputeID) internal pure override returns (bytes memory) {
        return abi.encodeCall(HouseArbitrator.execute, (disputeID));
    }

    /// Whatever the courts leave undone, strangers end the dispute, and the silent court's fee goes back.
    function testFuzz_silenceEnds(bool ruled, bool appealed, uint256 ruling) public {
        HouseArbitrator house = HouseArbitrator(address(arbitrator));
        ruling = within(ruling, 1, 2);
        uint256 disputeID = _create(2, "");
        if (ruled) _rule(disputeID, ruling, 0);
        if (ruled && appealed) isTrue(_appeal(disputeID, 0.03 ether), "the party can't appeal");
        vm.warp(block.timestamp + 30 days);
        if (!ruled || appealed) house.expire(disputeID);
        isTrue(_handOver(disputeID), "the dispute does not end");
        equal(party.lastRuling(), ruled ? ruling : 0, "silence changed a ruling");
        equal(house.creditOf(1), ruled ? 0.01 ether : 0, "paid for silence");
        isTrue(_act(abi.encodeCall(HouseArbitrator.refund, (disputeID)), 0) == (!ruled || appealed), "the fee back");
        equal(address(house).balance, house.creditOf(1), "ether that is nobody's");
    }
}
