// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Signatures} from "../../contracts/libraries/Signatures.sol";
import {Wallet1271} from "../../contracts/mocks/Wallet1271.sol";
import {TestBase} from "./support/TestBase.sol";

/// @dev The library takes calldata, so it needs a contract around it.
contract SignatureChecks {
    function isValid(address signer, bytes32 digest, bytes calldata signature) external view returns (bool) {
        return Signatures.isValid(signer, digest, signature);
    }
}

/// @dev Approves everything in form, but not in meaning: it answers another word, or with nothing, or by failing.
contract Babbler {
    uint256 private immutable _kind;

    constructor(uint256 kind) {
        _kind = kind;
    }

    fallback() external {
        if (_kind == 0) revert("no");
        if (_kind == 1) return;
        bytes memory answer = _kind == 2 ? abi.encode(true) : abi.encodePacked(bytes4(0x1626ba7e));
        assembly ("memory-safe") {
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// @title Signatures: T10, mutated variants are nobody's
contract SignaturesTest is TestBase {
    SignatureChecks internal checks;

    function setUp() public {
        checks = new SignatureChecks();
    }

    /// An account's own signature is valid, and for nobody else, and for nothing else.
    function testFuzz_T10_ownSignatureOnly(
        uint256 key,
        uint256 otherKey,
        bytes32 digest,
        bytes32 otherDigest
    ) public view {
        (key, otherKey) = (_key(key), _key(otherKey));
        bytes memory signature = signatureOf(key, digest);
        isTrue(checks.isValid(vm.addr(key), digest, signature), "the account's own");
        isTrue(key == otherKey || !checks.isValid(vm.addr(otherKey), digest, signature), "for another account");
        isTrue(digest == otherDigest || !checks.isValid(vm.addr(key), otherDigest, signature), "for another digest");
        isTrue(!checks.isValid(address(0), digest, signature), "for the zero address");
    }

    /// The twin with the high s, which ecrecover itself would take, is refused.
    function testFuzz_T10_highS(uint256 key, bytes32 digest) public view {
        key = _key(key);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        bytes memory twin = abi.encodePacked(r, CURVE_ORDER - uint256(s), v == 27 ? uint8(28) : uint8(27));
        isTrue(!checks.isValid(vm.addr(key), digest, twin), "a high s");
    }

    /// The 64-byte form of EIP-2098 is refused.
    function testFuzz_T10_compact(uint256 key, bytes32 digest) public view {
        key = _key(key);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        bytes32 vs = bytes32(uint256(s) | (uint256(v - 27) << 255));
        isTrue(!checks.isValid(vm.addr(key), digest, abi.encodePacked(r, vs)), "64 bytes");
    }

    /// Cut short or drawn out it is refused.
    function testFuzz_T10_otherLengths(uint256 key, bytes32 digest, uint256 length, bytes memory tail) public view {
        key = _key(key);
        bytes memory signature = signatureOf(key, digest);
        bytes memory longer = abi.encodePacked(signature, tail, uint8(0));
        length %= 65;
        assembly ("memory-safe") {
            mstore(signature, length)
        }
        isTrue(!checks.isValid(vm.addr(key), digest, signature), "cut short");
        isTrue(!checks.isValid(vm.addr(key), digest, longer), "drawn out");
    }

    /// With any one bit turned it is refused.
    function testFuzz_T10_oneBit(uint256 key, bytes32 digest, uint256 bit) public view {
        key = _key(key);
        bytes memory signature = signatureOf(key, digest);
        bit %= 65 * 8;
        signature[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        isTrue(!checks.isValid(vm.addr(key), digest, signature), "one bit turned");
    }

    /// Noise is nobody's signature.
    function testFuzz_T10_noise(
        uint256 key,
        bytes32 digest,
        bytes32 r,
        bytes32 s,
        uint8 v,
        bytes memory noise
    ) public view {
        address account = vm.addr(_key(key));
        isTrue(!checks.isValid(account, digest, abi.encodePacked(r, s, v)), "65 bytes of noise");
        isTrue(!checks.isValid(account, digest, noise), "noise");
        isTrue(!checks.isValid(address(0), digest, abi.encodePacked(r, s, v)), "noise for the zero address");
    }

    /// A smart account is asked (EIP-1271): its owner's signature is good, anybody else's and any mutation is not.
    function testFuzz_T10_smartAccount(uint256 key, uint256 otherKey, bytes32 digest, uint256 bit) public {
        (key, otherKey) = (_key(key), _key(otherKey));
        address wallet = address(new Wallet1271(vm.addr(key)));
        bytes memory signature = signatureOf(key, digest);
        isTrue(checks.isValid(wallet, digest, signature), "its owner's");
        isTrue(!checks.isValid(wallet, ~digest, signature), "for another digest");
        isTrue(key == otherKey || !checks.isValid(wallet, digest, signatureOf(otherKey, digest)), "a stranger's");
        bit %= 65 * 8;
        signature[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        isTrue(!checks.isValid(wallet, digest, signature), "one bit turned");
    }

    /// A contract that answers anything but the EIP-1271 word in full has not approved.
    function testFuzz_T10_babbler(uint256 kind, bytes32 digest, bytes memory signature) public {
        isTrue(!checks.isValid(address(new Babbler(kind % 4)), digest, signature), "a contract that says no word");
    }

    /// An account that delegates by EIP-7702 has code and still signs with its key.
    function testFuzz_T10_delegatedAccount(uint256 key, bytes32 digest, uint256 kind) public {
        key = _key(key);
        address account = vm.addr(key);
        vm.etch(account, abi.encodePacked(hex"ef0100", address(new Babbler(kind % 4))));
        isTrue(checks.isValid(account, digest, signatureOf(key, digest)), "its own");
        isTrue(!checks.isValid(account, ~digest, signatureOf(key, digest)), "for another digest");
    }

    function _key(uint256 seed) private pure returns (uint256) {
        return within(seed, 1, CURVE_ORDER - 1);
    }
}
