// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";
import {IAgentRegistry} from "../../../contracts/interfaces/IAgentRegistry.sol";
import {IPermit2} from "../../../contracts/interfaces/IPermit2.sol";
import {IUptoProxy} from "../../../contracts/interfaces/IUptoProxy.sol";

/// @title EIP-712 digests, made from the types' texts and never from the contracts' own constants
library TypedData {
    struct Rotation {
        uint256 agentId;
        address from;
        address to;
        uint256 nonce;
        uint256 deadline;
    }

    struct Payment {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    function digest(string memory name, address verifier, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function registration(
        address registry,
        address eoa,
        string memory uri,
        uint256 nonce,
        uint256 deadline
    ) internal view returns (bytes32) {
        bytes32 typehash = keccak256("Registration(address agent,string agentURI,uint256 nonce,uint256 deadline)");
        return _registry(registry, abi.encode(typehash, eoa, keccak256(bytes(uri)), nonce, deadline));
    }

    function rotation(address registry, Rotation memory r) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "Rotation(uint256 agentId,address from,address to,uint256 nonce,uint256 deadline)"
        );
        return _registry(registry, abi.encode(typehash, r));
    }

    function operatorGrant(address registry, IAgentRegistry.GrantRequest memory g) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "OperatorGrant(address agent,address operator,uint256 actions,uint64 expiry,uint256 nonce,uint256 deadline)"
        );
        return _registry(registry, abi.encode(typehash, g));
    }

    function walletSet(
        address registry,
        uint256 agentId,
        address newWallet,
        address owner,
        uint256 deadline
    ) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)"
        );
        return _registry(registry, abi.encode(typehash, agentId, newWallet, owner, deadline));
    }

    function quote(address tills, ITills.Quote memory q) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "Quote(uint256 ekId,uint32 version,address buyer,address token,uint256 maxPrice,uint256 deadline,bytes32 salt)"
        );
        return digest("MOA Tills", tills, keccak256(abi.encode(typehash, q)));
    }

    function payment(address token, Payment memory p) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        return digest("Test USD Coin", token, keccak256(abi.encode(typehash, p)));
    }

    /// @dev What only the receiver itself may submit.
    function receipt(address token, Payment memory p) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        return digest("Test USD Coin", token, keccak256(abi.encode(typehash, p)));
    }

    function cancellation(address token, address from, bytes32 nonce) internal view returns (bytes32) {
        bytes32 typehash = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        return digest("Test USD Coin", token, keccak256(abi.encode(typehash, from, nonce)));
    }

    function permit(
        address token,
        address owner,
        address spender,
        uint256 value,
        uint256 nonce,
        uint256 deadline
    ) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        );
        return digest("Test USD Coin", token, keccak256(abi.encode(typehash, owner, spender, value, nonce, deadline)));
    }

    /// @dev What x402's `upto` proxy has Permit2 check. Permit2's domain has no version.
    function upto(
        address spender,
        IPermit2.PermitTransferFrom memory p,
        IUptoProxy.Witness memory w
    ) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
                keccak256("Permit2"),
                block.chainid,
                0x000000000022D473030F116dDEE9F6B43aC78BA3
            )
        );
        bytes32 permitted = keccak256(
            abi.encode(keccak256("TokenPermissions(address token,uint256 amount)"), p.permitted)
        );
        bytes32 witness = keccak256(
            abi.encode(keccak256("Witness(address to,address facilitator,uint256 validAfter)"), w)
        );
        bytes32 typehash = keccak256(
            "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)"
        );
        bytes32 structHash = keccak256(abi.encode(typehash, permitted, spender, p.nonce, p.deadline, witness));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    /// @dev The registry's domain is ERC-8004's, so that wallets which know that standard show it rightly.
    function _registry(address registry, bytes memory encoded) private view returns (bytes32) {
        return digest("ERC8004IdentityRegistry", registry, keccak256(encoded));
    }
}
