// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IReceiptProofs} from "../interfaces/IReceiptProofs.sol";

/// @title Receipts without blocks, for tests that have none
/// @dev Shows the logs that it was told of, each in a block of its own. A proof's header is the block's number.
contract TestReceiptProofs is IReceiptProofs {
    Log[] private _logs;

    function tell(address emitter, bytes32[] calldata topics, bytes calldata data) external {
        _logs.push(Log(_logs.length, emitter, topics, data));
    }

    function keepBlock(uint256 number) external view returns (bytes32) {
        return hashOf(number);
    }

    function logOf(Proof calldata proof) external view returns (Log memory) {
        uint256 number = abi.decode(proof.header, (uint256));
        hashOf(number);
        return _logs[number];
    }

    function hashOf(uint256 number) public view returns (bytes32) {
        if (number >= _logs.length) revert BlockUnknown(number);
        return bytes32(number + 1);
    }
}
