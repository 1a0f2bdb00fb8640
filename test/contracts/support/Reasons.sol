// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Why a call must fail, as the books see it
/// @notice A call fails exactly when there is a reason, and with one of the reasons: in which order a contract looks for them is its
/// own affair.
library Reasons {
    struct List {
        bytes[] errors;
        uint256 count;
    }

    uint256 private constant CAPACITY = 64;

    function none() internal pure returns (List memory list) {
        list.errors = new bytes[](CAPACITY);
    }

    /// @notice Adds the ABI-encoded error when `broken` holds.
    function when(List memory list, bool broken, bytes memory error) internal pure {
        if (broken) list.errors[list.count++] = error;
    }

    function has(List memory list, bytes memory error) internal pure returns (bool) {
        bytes32 wanted = keccak256(error);
        for (uint256 i; i < list.count; ++i) {
            if (keccak256(list.errors[i]) == wanted) return true;
        }
        return false;
    }
}
