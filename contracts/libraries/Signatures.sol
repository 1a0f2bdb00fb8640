// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title One question: did this account sign this digest?
library Signatures {
    /// @notice True for the account's ECDSA signature (65 bytes, low s) or its EIP-1271 approval.
    /// @dev ECDSA first, whether or not the account has code: an EOA that delegates by EIP-7702 has code and still signs with its
    /// key. No contract account can be forged this way, since nobody holds a private key for its address.
    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        (address recovered, ECDSA.RecoverError err, ) = ECDSA.tryRecover(digest, signature);
        if (err == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return signer.code.length != 0 && SignatureChecker.isValidERC1271SignatureNow(signer, digest, signature);
    }
}
