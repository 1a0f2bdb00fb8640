// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SSTORE2} from "solady/src/utils/SSTORE2.sol";
import {ICatalog} from "../interfaces/ICatalog.sol";

/// @title A version's terms as the code of a contract
/// @notice Written once and read as a whole, for the price of one cold account instead of one cold slot per word.
/// @dev Layout, big endian, tight:
///
///     token 20 · supplyCap 4 · keyTtl 4 · scopes 1 · flags 1 · refundTerms 1 · royalties n 1
///     curve 20 · startTime 5 · endTime 5 · bountyBps 2
///     sellerId 8 · refundWindow 4 · pointsPrice 4 · requestsPerMinute 4 · requestsPerDay 4 · referralBps 2 · resaleBps 2 · zero 4
///     contentHash 32
///     n × (ekId 8 · bps 2) · curveParams, to the end
library TermsCode {
    uint256 private constant ROYALTIES_AT = 128;
    uint256 private constant ROYALTY_SIZE = 10;

    function write(
        uint256 sellerId,
        bytes32 contentHash,
        ICatalog.Terms calldata terms
    ) internal returns (address pointer) {
        bytes memory royalties;
        for (uint256 i; i < terms.royalties.length; ++i) {
            royalties = abi.encodePacked(royalties, terms.royalties[i].ekId, terms.royalties[i].bps);
        }
        return SSTORE2.write(bytes.concat(_head(terms, sellerId), contentHash, royalties, terms.curveParams));
    }

    function read(address pointer) internal view returns (uint256 sellerId, ICatalog.Terms memory terms) {
        bytes memory code = SSTORE2.read(pointer);
        (uint256 a, uint256 b, uint256 c) = _words(code);
        terms.token = address(uint160(a >> 96));
        terms.supplyCap = uint32(a >> 64);
        terms.keyTtl = uint32(a >> 32);
        terms.scopes = uint8(a >> 24);
        terms.flags = uint8(a >> 16);
        terms.refundTerms = ICatalog.RefundTerms(uint8(a >> 8));
        terms.curve = address(uint160(b >> 96));
        terms.startTime = uint40(b >> 56);
        terms.endTime = uint40(b >> 16);
        terms.bountyBps = uint16(b);
        sellerId = c >> 192;
        terms.refundWindow = uint32(c >> 160);
        terms.pointsPrice = uint32(c >> 128);
        terms.requestsPerMinute = uint32(c >> 96);
        terms.requestsPerDay = uint32(c >> 64);
        terms.referralBps = uint16(c >> 48);
        terms.resaleBps = uint16(c >> 32);
        uint256 count = uint8(a);
        terms.royalties = new ICatalog.Royalty[](count);
        for (uint256 i; i < count; ++i) {
            uint256 word = _word(code, ROYALTIES_AT + i * ROYALTY_SIZE);
            terms.royalties[i] = ICatalog.Royalty(uint64(word >> 192), uint16(word >> 176));
        }
        terms.curveParams = _tail(code, ROYALTIES_AT + count * ROYALTY_SIZE);
    }

    function sellerOf(address pointer) internal view returns (uint256) {
        return _word(SSTORE2.read(pointer, 64, 96), 0) >> 192;
    }

    function contentHashOf(address pointer) internal view returns (bytes32) {
        return bytes32(SSTORE2.read(pointer, 96, 128));
    }

    function _head(ICatalog.Terms calldata terms, uint256 sellerId) private pure returns (bytes memory) {
        bytes memory sale = abi.encodePacked(
            terms.token,
            terms.supplyCap,
            terms.keyTtl,
            terms.scopes,
            terms.flags,
            terms.refundTerms,
            uint8(terms.royalties.length)
        );
        bytes memory price = abi.encodePacked(terms.curve, terms.startTime, terms.endTime, terms.bountyBps);
        bytes memory rest = abi.encodePacked(
            uint64(sellerId),
            terms.refundWindow,
            terms.pointsPrice,
            terms.requestsPerMinute,
            terms.requestsPerDay,
            terms.referralBps,
            terms.resaleBps,
            uint32(0)
        );
        return bytes.concat(sale, price, rest);
    }

    function _words(bytes memory code) private pure returns (uint256 a, uint256 b, uint256 c) {
        return (_word(code, 0), _word(code, 32), _word(code, 64));
    }

    /// @dev Past the end it reads what stands there; the callers shift that away.
    function _word(bytes memory code, uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(code, 0x20), at))
        }
    }

    /// @dev The rest of `code` from `at` on, in place: what stands before it is no longer needed.
    function _tail(bytes memory code, uint256 at) private pure returns (bytes memory tail) {
        assembly ("memory-safe") {
            let length := sub(mload(code), at)
            tail := add(code, at)
            mstore(tail, length)
        }
    }
}
