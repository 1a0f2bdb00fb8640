// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";

/// @title Proofs of what contracts logged in earlier blocks
/// @notice Whoever has a block's header and receipts can show any contract a log of it, trusting nobody: the chain itself vouches for the
/// header's hash, the header for the tree of receipts, the tree for the receipt.
/// @dev A chain remembers the hashes of its last 256 blocks, and of 8,191 where it has EIP-2935's history contract. {keepBlock} keeps one
/// longer, so that the proof can be brought at any time. Chains whose `block.number` is not their own blocks' (such as Arbitrum's) can't
/// be proven here: their headers never match.
interface IReceiptProofs {
    /// @notice Where a log is, and why it must be there.
    struct Proof {
        /// RLP of the block's header, as it is hashed.
        bytes header;
        /// The transaction's index in the block.
        uint256 txIndex;
        /// RLP of the nodes of the receipts' tree, from the root to the receipt of that transaction.
        bytes[] nodes;
        /// The log's index in its receipt, from 0; not the one in the block.
        uint256 logIndex;
    }

    /// @notice A log, and the block that it is in.
    struct Log {
        uint256 blockNumber;
        address emitter;
        bytes32[] topics;
        bytes data;
    }

    /// @notice The hash of that block is neither known to the chain any more, or yet, nor kept here.
    error BlockUnknown(uint256 number);
    /// @notice The header is not the one of the block whose number it bears.
    error HeaderMismatch(uint256 number, bytes32 expected, bytes32 given);
    /// @notice The nodes don't lead from the header's root to a receipt with this index.
    error ReceiptNotProven(uint256 txIndex, TrieProof.ProofError reason);
    /// @notice What the nodes lead to has not the shape of a receipt (EIP-2718).
    error NotReceipt(uint256 txIndex);
    error LogNotFound(uint256 txIndex, uint256 logIndex, uint256 count);

    /// @notice Keeps a block's hash while the chain knows it. Anyone, as often as they like.
    function keepBlock(uint256 number) external returns (bytes32 hash);

    /// @notice The block's hash, kept or known to the chain. Reverts {BlockUnknown}.
    function hashOf(uint256 number) external view returns (bytes32 hash);

    /// @notice The log that the proof shows. Reverts when it shows none, or not that it is this chain's.
    function logOf(Proof calldata proof) external view returns (Log memory);
}
