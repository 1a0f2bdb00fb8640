// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title The part of Permit2's SignatureTransfer that a payment needs
/// @notice Deployed at one address on every chain that has it: 0x000000000022D473030F116dDEE9F6B43aC78BA3.
interface IPermit2 {
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    struct PermitTransferFrom {
        TokenPermissions permitted;
        uint256 nonce;
        uint256 deadline;
    }

    struct SignatureTransferDetails {
        address to;
        uint256 requestedAmount;
    }

    /// @notice Moves `requestedAmount` of the permitted token from `owner`, who signed for the caller as spender. A nonce works once.
    function permitTransferFrom(
        PermitTransferFrom memory permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes calldata signature
    ) external;
}
