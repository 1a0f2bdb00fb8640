// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {CREATE3} from "solady/src/utils/CREATE3.sol";

/// @title Gives every contract an address that depends on who deploys it and on its name, and on nothing else
/// @notice The address is the same on every chain where this factory has the same address, whatever the contract's code and constructor
/// arguments are. So contracts can know one another's addresses before any of them is there.
/// @dev The sender is part of the salt: nobody can take an address that somebody else is going to use. Holds no funds and no rights.
contract Create3Factory {
    /// @notice `deployer` has created `created`, as the one contract of this `salt`.
    event Created(address indexed deployer, bytes32 indexed salt, address indexed created);

    /// @notice Creates a contract from its creation code with the constructor's arguments.
    /// @dev Reverts with Solady's `DeploymentFailed()` when the constructor reverts, or when the sender has used this salt before.
    function create(bytes32 salt, bytes calldata initCode) external returns (address created) {
        created = CREATE3.deployDeterministic(initCode, _saltOf(msg.sender, salt));
        emit Created(msg.sender, salt, created);
    }

    /// @notice Where `deployer` creates, or has created, the contract of `salt`.
    function addressOf(address deployer, bytes32 salt) external view returns (address) {
        return CREATE3.predictDeterministicAddress(_saltOf(deployer, salt));
    }

    function _saltOf(address deployer, bytes32 salt) private pure returns (bytes32) {
        return keccak256(abi.encode(deployer, salt));
    }
}
