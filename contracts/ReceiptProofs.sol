// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {IReceiptProofs} from "./interfaces/IReceiptProofs.sol";

/// @title ReceiptProofs
/// @dev Nothing here is trusted but the chain: what anybody brings is bound to the header by hashes.
contract ReceiptProofs is IReceiptProofs {
    using RLP for *;

    /// @dev EIP-2935: the hashes of the last 8,191 blocks.
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;
    /// @dev The place of the logs in a receipt, after status, gas and bloom. Some chains append fields of their own.
    uint256 private constant LOGS = 3;
    /// @dev A type of EIP-2718 is below it, the list of an untyped receipt above.
    bytes1 private constant FIRST_UNTYPED = 0x80;

    mapping(uint256 number => bytes32) private _kept;

    /// @inheritdoc IReceiptProofs
    function keepBlock(uint256 number) external returns (bytes32 hash) {
        hash = hashOf(number);
        _kept[number] = hash;
    }

    /// @inheritdoc IReceiptProofs
    function logOf(Proof calldata proof) external view returns (Log memory log) {
        Memory.Slice[] memory header = BlockHeader.parseHeader(proof.header);
        log.blockNumber = BlockHeader.getNumber(header);
        bytes32 expected = hashOf(log.blockNumber);
        bytes32 given = keccak256(proof.header);
        if (given != expected) revert HeaderMismatch(log.blockNumber, expected, given);
        // One index has one key: the encoding is made here, so no other proof can stand for the same receipt.
        (bytes memory receipt, TrieProof.ProofError reason) = TrieProof.tryTraverse(
            BlockHeader.getReceiptsRoot(header),
            proof.txIndex.encode(),
            proof.nodes
        );
        if (reason != TrieProof.ProofError.NO_ERROR) revert ReceiptNotProven(proof.txIndex, reason);
        Memory.Slice[] memory logs = _logsOf(receipt, proof.txIndex);
        if (proof.logIndex >= logs.length) revert LogNotFound(proof.txIndex, proof.logIndex, logs.length);
        Memory.Slice[] memory fields = logs[proof.logIndex].readList();
        log.emitter = fields[0].readAddress();
        Memory.Slice[] memory topics = fields[1].readList();
        log.topics = new bytes32[](topics.length);
        for (uint256 i; i < topics.length; ++i) log.topics[i] = topics[i].readBytes32();
        log.data = fields[2].readBytes();
    }

    /// @inheritdoc IReceiptProofs
    function hashOf(uint256 number) public view returns (bytes32 hash) {
        hash = _kept[number];
        if (hash == 0) hash = blockhash(number);
        if (hash == 0) hash = _historyOf(number);
        if (hash == 0) revert BlockUnknown(number);
    }

    /// @dev Zero where the chain has no such history, or it refuses: whatever it says then is no hash, and must never be kept as one.
    function _historyOf(uint256 number) private view returns (bytes32) {
        if (number >= block.number) return 0;
        (bool ok, bytes memory answer) = HISTORY.staticcall(abi.encode(number));
        return ok && answer.length == 32 ? bytes32(answer) : bytes32(0);
    }

    /// @dev A receipt is a list, behind a byte that tells its type when it is of a later one than the first.
    function _logsOf(bytes memory receipt, uint256 txIndex) private pure returns (Memory.Slice[] memory) {
        Memory.Slice encoded = Memory.asSlice(receipt);
        if (receipt[0] < FIRST_UNTYPED) encoded = Memory.slice(encoded, 1);
        Memory.Slice[] memory fields = encoded.readList();
        if (fields.length <= LOGS) revert NotReceipt(txIndex);
        return fields[LOGS].readList();
    }
}
