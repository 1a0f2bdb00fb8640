// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AgentRegistry} from "../../../contracts/AgentRegistry.sol";
import {Authority} from "../../../contracts/Authority.sol";
import {HouseArbitrator} from "../../../contracts/HouseArbitrator.sol";
import {TestBase} from "./TestBase.sol";

/// @title A house arbitrator with a judge in each court
abstract contract House is TestBase {
    address internal constant JUDGE = address(0x1d6e);
    address internal constant APPEAL_JUDGE = address(0xa77e);
    uint64 private constant ARBITER = 20;
    uint64 private constant APPEAL = 21;

    /// @dev The caller becomes the administrator, and its agent the one that earns the fees.
    function deployHouse(AgentRegistry registry, uint256 payeeId) internal returns (HouseArbitrator house) {
        Authority authority = new Authority(address(this));
        house = new HouseArbitrator(address(authority), registry, payeeId, 1 ether, 0.01 ether, 0.03 ether);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = HouseArbitrator.giveRuling.selector;
        authority.setTargetFunctionRole(address(house), selectors, ARBITER);
        selectors[0] = HouseArbitrator.giveFinalRuling.selector;
        authority.setTargetFunctionRole(address(house), selectors, APPEAL);
        authority.grantRole(ARBITER, JUDGE, 0);
        authority.grantRole(APPEAL, APPEAL_JUDGE, 0);
    }
}
