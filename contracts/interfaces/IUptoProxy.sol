// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IPermit2} from "./IPermit2.sol";

/// @title x402's proxy for its scheme `upto`, in front of Permit2
/// @notice Deployed at one address on every chain that has it: 0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002.
interface IUptoProxy {
    /// @notice What a payer signs beside the permission: where the money goes, and who alone may send it there, from when on.
    struct Witness {
        address to;
        address facilitator;
        uint256 validAfter;
    }

    /// @notice Moves `amount`, at most what is permitted, from `owner` to `witness.to`. The witness' facilitator alone.
    function settle(
        IPermit2.PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external;
}
