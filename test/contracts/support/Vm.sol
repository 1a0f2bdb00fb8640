// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title The cheatcodes that these tests use
/// @dev Hardhat's Solidity test runner answers them at a fixed address; there is no package to take the interface from.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 privateKey) external pure returns (address);

    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);

    function prank(address caller) external;

    function deal(address account, uint256 balance) external;

    function warp(uint256 time) external;

    function etch(address account, bytes calldata code) external;

    function recordLogs() external;

    function getRecordedLogs() external returns (Log[] memory);

    function getNonce(address account) external view returns (uint64);

    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);

    function toString(uint256 value) external pure returns (string memory);

    function assertTrue(bool condition, string calldata message) external pure;

    function assertEq(uint256 left, uint256 right, string calldata message) external pure;

    function assertEq(address left, address right, string calldata message) external pure;

    function assertEq(bytes32 left, bytes32 right, string calldata message) external pure;

    function assertEq(bytes calldata left, bytes calldata right, string calldata message) external pure;
}
