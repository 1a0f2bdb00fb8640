// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILabelRegistry} from "../interfaces/ILabelRegistry.sol";

/// @title Hashes of what validators sign of a label (EIP-712)
library LabelHash {
    // The struct types that both signed messages end with, in the order that EIP-712 wants: by name.
    string private constant PARTS =
        "LabelInput(uint256 ekId,uint32 version,uint8 types,Scores scores,string[] tags,string summary,uint8 evidenceKind,bytes evidence,bytes32 evidenceHash)"
        "Scores(uint8 authenticity,uint8 utility,uint8 reproducibility,uint8 freshness,uint8 safety)";
    bytes32 private constant INPUT_TYPEHASH = keccak256(bytes(PARTS));
    bytes32 private constant SCORES_TYPEHASH = keccak256(
        "Scores(uint8 authenticity,uint8 utility,uint8 reproducibility,uint8 freshness,uint8 safety)"
    );

    bytes32 internal constant LABEL_TYPEHASH = keccak256(
        abi.encodePacked(
            "Label(uint256 validatorId,uint32 epoch,LabelInput input,uint256 nonce,uint256 deadline)",
            PARTS
        )
    );
    bytes32 internal constant REVISION_TYPEHASH = keccak256(
        abi.encodePacked(
            "Revision(uint256 validatorId,uint32 epoch,LabelInput input,uint256 nonce,uint256 deadline)",
            PARTS
        )
    );
    bytes32 internal constant WITHDRAWAL_TYPEHASH = keccak256(
        "Withdrawal(uint256 validatorId,uint32 epoch,uint256 ekId,uint256 nonce,uint256 deadline)"
    );

    /// @notice EIP-712's hashStruct of the input.
    function signed(ILabelRegistry.LabelInput calldata input) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    INPUT_TYPEHASH,
                    input.ekId,
                    input.version,
                    input.types,
                    keccak256(abi.encode(SCORES_TYPEHASH, input.scores)),
                    _tags(input.tags),
                    keccak256(bytes(input.summary)),
                    input.evidenceKind,
                    keccak256(input.evidence),
                    input.evidenceHash
                )
            );
    }

    function _tags(string[] calldata tags) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](tags.length);
        for (uint256 i; i < tags.length; ++i) {
            hashes[i] = keccak256(bytes(tags[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
