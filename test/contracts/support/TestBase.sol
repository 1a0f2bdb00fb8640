// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Vm} from "./Vm.sol";

/// @title What every Solidity test here has: cheatcodes, assertions, bounds
/// @dev The assertions call the cheatcode only when they fail: an invariant makes hundreds of them per step.
abstract contract TestBase {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    /// @dev The order of secp256k1.
    uint256 internal constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function isTrue(bool condition, string memory what) internal pure {
        if (!condition) vm.assertTrue(false, what);
    }

    function equal(uint256 actual, uint256 expected, string memory what) internal pure {
        if (actual != expected) vm.assertEq(actual, expected, what);
    }

    function equal(address actual, address expected, string memory what) internal pure {
        if (actual != expected) vm.assertEq(actual, expected, what);
    }

    function equal(bytes32 actual, bytes32 expected, string memory what) internal pure {
        if (actual != expected) vm.assertEq(actual, expected, what);
    }

    function equal(bytes memory actual, bytes memory expected, string memory what) internal pure {
        if (keccak256(actual) != keccak256(expected)) vm.assertEq(actual, expected, what);
    }

    /// @dev `value` itself where it fits, so that the fuzzer's corner cases stay corner cases, else wrapped into the range.
    function within(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        if (value >= low && value <= high) return value;
        return high - low == type(uint256).max ? value : low + (value % (high - low + 1));
    }

    /// @dev A seed of its own for each decision that one fuzzed number drives.
    function part(uint256 seed, string memory decision) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, decision)));
    }

    /// @dev Calls `to` as `from`; never reverts itself.
    function callAs(address from, address to, bytes memory data) internal returns (bool ok, bytes memory result) {
        vm.prank(from);
        return to.call(data);
    }

    function signatureOf(uint256 privateKey, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digest);
        return abi.encodePacked(r, s, v);
    }
}
