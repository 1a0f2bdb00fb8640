// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExperienceKey} from "../../contracts/interfaces/IExperienceKey.sol";
import {ExperienceKey} from "../../contracts/ExperienceKey.sol";
import {Deployment} from "./support/Deployment.sol";

/// @title Cases that the invariants' fuzzing found, each with its name
contract KeyAccessTest is Deployment {
    System internal sys;
    address internal constant ALICE = address(0xa1);
    address internal constant BOB = address(0xb0);

    function setUp() public {
        sys = deploySystem(address(0xad));
        vm.prank(ALICE);
        sys.registry.register();
        vm.prank(BOB);
        sys.registry.register();
    }

    /// Bob is given Alice's key of version 1 and then buys his first own one, of version 2: that is the one he uses.
    function test_firstOwnKeyAfterAGivenOne() public {
        uint256 given = _mint(1, ALICE, 1);
        vm.prank(ALICE);
        sys.keys.transferFrom(ALICE, BOB, given);
        (uint256 used, ) = sys.keys.accessOf(1, 2);
        equal(used, given, "the given key, while it is the only one");
        uint256 own = _mint(2, BOB, 2);
        IExperienceKey.Key memory key;
        (used, key) = sys.keys.accessOf(1, 2);
        equal(used, own, "the key that was bought last");
        equal(key.version, 2, "its version");
    }

    function _mint(uint256 agentId, address eoa, uint32 version) private returns (uint256) {
        ExperienceKey keys = sys.keys;
        vm.prank(address(sys.exchange));
        return keys.mint(1, agentId, eoa, 0, version, 0, 1, 1, true);
    }
}
