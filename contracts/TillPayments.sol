// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";
import {IPermit2} from "./interfaces/IPermit2.sol";
import {ITills} from "./interfaces/ITills.sol";
import {IUptoProxy} from "./interfaces/IUptoProxy.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title TillPayments
/// @dev How money comes into a till by its payer's signature, and what the signature says.
abstract contract TillPayments is ITills {
    IUptoProxy private constant UPTO = IUptoProxy(0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002);
    /// @dev ERC-3009.
    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @dev Has the authorization's money sent to the till. Returns the token's reason where it refused: the money may be there all the
    /// same, if somebody else submitted the authorization first, so the caller goes by the till's balance. Nor is a payment what the
    /// token did not refuse, but what arrived: some tokens take any call and do nothing.
    function _fill(
        address token,
        address till,
        Authorization calldata a,
        bytes calldata signature
    ) internal returns (bool paid, bytes memory refusal) {
        // Every ERC-3009 token has the (v, r, s) form; only the newer ones take a smart account's longer signature.
        bytes memory call;
        if (signature.length == 65) {
            (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
            call = abi.encodeWithSignature(
                "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
                a.from,
                till,
                a.value,
                a.validAfter,
                a.validBefore,
                a.nonce,
                uint8(signature[64]),
                r,
                s
            );
        } else {
            call = abi.encodeWithSignature(
                "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
                a.from,
                till,
                a.value,
                a.validAfter,
                a.validBefore,
                a.nonce,
                signature
            );
        }
        uint256 before = IERC20(token).balanceOf(till);
        // solhint-disable-next-line avoid-low-level-calls
        (paid, refusal) = token.call(call); // two overloads, and either may be missing
        if (!paid) return (false, refusal);
        uint256 present = IERC20(token).balanceOf(till);
        return (present > before && present - before >= a.value, "");
    }

    /// @dev Draws `amount` into the till by the permission, and believes what arrives there.
    function _draw(
        address token,
        address till,
        uint256 amount,
        Permission calldata p,
        bytes calldata signature
    ) internal returns (bool paid) {
        uint256 before = IERC20(token).balanceOf(till);
        UPTO.settle(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(token, p.amount), p.nonce, p.deadline),
            amount,
            p.from,
            IUptoProxy.Witness(till, address(this), p.validAfter),
            signature
        );
        uint256 present = IERC20(token).balanceOf(till);
        return present > before && present - before >= amount;
    }

    /// @dev Whether `signer` signed the authorization, used or not. Its signature is over the till, so over the quote.
    function _isSignedBy(
        address signer,
        address token,
        address till,
        Authorization calldata a,
        bytes calldata signature
    ) internal view returns (bool) {
        if (a.from != signer) return false;
        (bool ok, bytes memory domain) = token.staticcall(abi.encodeCall(IERC3009.DOMAIN_SEPARATOR, ()));
        if (!ok || domain.length != 32) return false;
        bytes32 structHash = keccak256(
            abi.encode(TRANSFER_TYPEHASH, signer, till, a.value, a.validAfter, a.validBefore, a.nonce)
        );
        bytes32 digest = MessageHashUtils.toTypedDataHash(bytes32(domain), structHash);
        return Signatures.isValid(signer, digest, signature);
    }
}
