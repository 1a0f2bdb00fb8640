// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILabelRegistry} from "../interfaces/ILabelRegistry.sol";

/// @title One storage word for a label, and one for a listing's sums
/// @dev Packed by hand: a struct within a struct begins a slot of its own, and the compiler writes a packed struct field by field. It
/// halves the gas of a label.
///
///     label   0 version 32 │ types 40 │ five scores, 8 each 80 │ createdAt 112 │ revision 120 │ disputed 128 │ inputHash 256
///     tally   0 count 32 │ five sums, 32 each 192 │ endorser 256
library LabelSlot {
    uint256 internal constant DISPUTED = 1 << 120;
    /// @notice As many labels as 32 bits hold the sums of, of 100 each: then no sum runs over into the next.
    uint256 internal constant MAX_COUNT = type(uint32).max / 100;

    uint256 private constant SUMS = type(uint192).max;

    // ----------------------------------------------------------------- label

    /// @param scores The five, packed by 8 bits, the first one lowest.
    function pack(
        uint256 version,
        uint256 types,
        uint256 scores,
        uint256 createdAt,
        uint256 revision,
        bytes16 inputHash
    ) internal pure returns (uint256) {
        return
            version |
            (types << 32) |
            (scores << 40) |
            (createdAt << 80) |
            (revision << 112) |
            (uint256(uint128(inputHash)) << 128);
    }

    /// @notice The word of a label that is gone: nothing but the number of its last revision.
    function gone(uint256 word) internal pure returns (uint256) {
        return uint256(revisionOf(word)) << 112;
    }

    function typesOf(uint256 word) internal pure returns (uint8) {
        return uint8(word >> 32);
    }

    function scoresOf(uint256 word) internal pure returns (uint256) {
        return uint40(word >> 40);
    }

    function createdAtOf(uint256 word) internal pure returns (uint32) {
        return uint32(word >> 80);
    }

    function revisionOf(uint256 word) internal pure returns (uint8) {
        return uint8(word >> 112);
    }

    function isDisputed(uint256 word) internal pure returns (bool) {
        return word & DISPUTED != 0;
    }

    function unpack(uint256 word) internal pure returns (ILabelRegistry.Label memory) {
        return
            ILabelRegistry.Label({
                version: uint32(word),
                types: typesOf(word),
                scores: ILabelRegistry.Scores({
                    authenticity: uint8(word >> 40),
                    utility: uint8(word >> 48),
                    reproducibility: uint8(word >> 56),
                    freshness: uint8(word >> 64),
                    safety: uint8(word >> 72)
                }),
                createdAt: createdAtOf(word),
                revision: revisionOf(word),
                disputed: isDisputed(word),
                inputHash: bytes16(uint128(word >> 128))
            });
    }

    // ----------------------------------------------------------------- tally

    /// @notice One label with these packed scores, as it stands in the sums: added and subtracted whole.
    function tallied(uint256 scores) internal pure returns (uint256) {
        return
            1 |
            ((scores & 0xff) << 32) |
            ((scores & 0xff00) << 56) |
            ((scores & 0xff0000) << 80) |
            ((scores & 0xff000000) << 104) |
            ((scores & 0xff00000000) << 128);
    }

    function countOf(uint256 tally) internal pure returns (uint256) {
        return uint32(tally);
    }

    function endorserOf(uint256 tally) internal pure returns (uint256) {
        return tally >> 192;
    }

    function withEndorser(uint256 tally, uint256 agentId) internal pure returns (uint256) {
        return (tally & SUMS) | (agentId << 192);
    }

    function sumsOf(uint256 tally) internal pure returns (ILabelRegistry.Aggregate memory) {
        return
            ILabelRegistry.Aggregate({
                count: uint32(tally),
                authenticity: uint32(tally >> 32),
                utility: uint32(tally >> 64),
                reproducibility: uint32(tally >> 96),
                freshness: uint32(tally >> 128),
                safety: uint32(tally >> 160)
            });
    }
}
