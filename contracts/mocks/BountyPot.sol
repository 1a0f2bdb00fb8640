// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IBountyPot} from "../interfaces/IBountyPot.sol";

/// @title A bounty pot without money in it, for tests
contract BountyPot is IBountyPot {
    error PotTooSmall(uint256 held, uint256 asked);

    mapping(uint256 ekId => mapping(address token => uint256)) public bountyOf;
    mapping(uint256 agentId => mapping(address token => uint256)) public creditOf;

    function fill(uint256 ekId, address token, uint256 amount) external {
        bountyOf[ekId][token] += amount;
    }

    function payBounty(uint256 ekId, address token, uint256[] calldata agentIds, uint256[] calldata amounts) external {
        for (uint256 i; i < agentIds.length; ++i) {
            uint256 held = bountyOf[ekId][token];
            if (amounts[i] > held) revert PotTooSmall(held, amounts[i]);
            bountyOf[ekId][token] = held - amounts[i];
            creditOf[agentIds[i]][token] += amounts[i];
        }
    }
}
