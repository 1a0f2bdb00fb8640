// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IExchange} from "./interfaces/IExchange.sol";
import {IPriceCurve} from "./interfaces/IPriceCurve.sol";
import {IResaleTerms} from "./interfaces/IResaleTerms.sol";
import {Actions} from "./libraries/Actions.sol";
import {Flags} from "./libraries/Flags.sol";
import {Scopes} from "./libraries/Scopes.sol";
import {TermsCode} from "./libraries/TermsCode.sol";

/// @title Catalog
/// @dev Checks what may be offered and writes it down; {Exchange} keeps the slot that a sale reads and counts in, and its guard keeps a
/// listing from changing under a sale whose token calls back.
contract Catalog is ICatalog, AccessManaged {
    uint256 private constant MAX_SUMMARY_BYTES = 16_384;
    uint256 private constant MAX_CURVE_PARAMS_BYTES = 16_384;
    uint256 private constant MAX_ROYALTIES = 8;
    uint256 private constant MAX_COUNT = 256;
    uint16 private constant MAX_RESALE_BPS = 1000;

    /// @inheritdoc ICatalog
    uint16 public constant MAX_SHARES_BPS = 5000;
    /// @inheritdoc ICatalog
    uint32 public constant MAX_REFUND_WINDOW = 30 days;

    IAgentRegistry public immutable registry;
    IExchange public immutable exchange;

    /// @inheritdoc ICatalog
    uint256 public listingCount;
    /// @inheritdoc ICatalog
    mapping(address token => bool) public isTokenAllowed;
    /// @inheritdoc ICatalog
    mapping(address curve => bool) public isCurveAllowed;

    constructor(address authority, IAgentRegistry registry_, IExchange exchange_) AccessManaged(authority) {
        if (registry_.catalog() != address(this)) revert WrongWiring(address(registry_));
        registry = registry_;
        exchange = exchange_;
    }

    // --------------------------------------------------------------- listing

    /// @inheritdoc ICatalog
    function list(uint256 sellerId, Terms calldata terms, Content calldata content) external returns (uint256 ekId) {
        if (sellerId == 0) (sellerId, ) = registry.enroll(msg.sender);
        else _checkAuthority(sellerId);
        ekId = ++listingCount;
        _publish(ekId, 1, sellerId, terms, content);
    }

    /// @inheritdoc ICatalog
    function update(uint256 ekId, Terms calldata terms, Content calldata content) external returns (uint32 version) {
        (address pointer, uint32 sold, uint32 current, Status status) = _known(ekId);
        uint256 sellerId = TermsCode.sellerOf(pointer);
        _checkAuthority(sellerId);
        if (status == Status.Archived) revert ListingNotActive(ekId, status);
        if (terms.supplyCap != 0 && terms.supplyCap < sold) revert SupplyCapBelowSold(terms.supplyCap, sold);
        version = current + 1;
        _publish(ekId, version, sellerId, terms, content);
    }

    /// @inheritdoc ICatalog
    function setStatus(uint256 ekId, Status status) external {
        (address pointer, , , Status current) = _known(ekId);
        _checkAuthority(TermsCode.sellerOf(pointer));
        if (status == Status.None || status == current || current == Status.Archived) {
            revert InvalidStatus(ekId, current, status);
        }
        exchange.setStatus(ekId, status);
        emit ListingStatus(ekId, status, msg.sender);
    }

    // -------------------------------------------------------- administration

    /// @inheritdoc ICatalog
    function allowToken(address token, bool allowed) external restricted {
        isTokenAllowed[token] = allowed;
        emit TokenAllowed(token, allowed);
    }

    /// @inheritdoc ICatalog
    function allowCurve(address curve, bool allowed) external restricted {
        isCurveAllowed[curve] = allowed;
        emit CurveAllowed(curve, allowed);
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc ICatalog
    function quote(uint256 ekId, uint256 count, uint256 time) external view returns (uint256 cost) {
        if (count > MAX_COUNT) revert CountTooLarge(count, MAX_COUNT);
        (address pointer, uint32 sold, , ) = _known(ekId);
        (, Terms memory terms) = TermsCode.read(pointer);
        return IPriceCurve(terms.curve).cost(sold, count, time, terms.curveParams);
    }

    /// @inheritdoc ICatalog
    function listingOf(uint256 ekId) external view returns (Listing memory listing) {
        address pointer;
        (pointer, listing.sold, listing.version, listing.status) = _known(ekId);
        uint256 sellerId;
        (sellerId, listing.terms) = TermsCode.read(pointer);
        listing.sellerId = uint64(sellerId);
        listing.contentHash = TermsCode.contentHashOf(pointer);
    }

    /// @inheritdoc ICatalog
    function termsOf(uint256 ekId, uint32 version) external view returns (Terms memory terms) {
        (, terms) = TermsCode.read(_version(ekId, version));
    }

    /// @inheritdoc ICatalog
    function listingHead(
        uint256 ekId
    ) external view returns (uint256 sellerId, uint32 version, uint8 flags, Status status) {
        address pointer;
        (pointer, , version, status) = exchange.headOf(ekId);
        if (pointer == address(0)) return (0, 0, 0, Status.None);
        Terms memory terms;
        (sellerId, terms) = TermsCode.read(pointer);
        flags = terms.flags;
    }

    /// @inheritdoc IResaleTerms
    function resaleTermsOf(uint256 ekId, uint32 version) external view returns (address receiver, uint16 bps) {
        (uint256 sellerId, Terms memory terms) = TermsCode.read(_version(ekId, version));
        return (registry.eoaOf(sellerId), terms.resaleBps);
    }

    // -------------------------------------------------------------- internal

    function _publish(
        uint256 ekId,
        uint32 version,
        uint256 sellerId,
        Terms calldata terms,
        Content calldata content
    ) private {
        uint256 pausedUntil = exchange.pausedUntil();
        if (block.timestamp < pausedUntil) revert Paused(pausedUntil);
        _checkTerms(terms);
        _checkShares(ekId, terms);
        bytes32 contentHash = keccak256(abi.encode(content.manifestHash, _checkContent(content)));
        address pointer = TermsCode.write(sellerId, contentHash, terms);
        exchange.setVersion(ekId, version, pointer);
        emit ListingVersion(ekId, sellerId, version, terms, content, pointer, msg.sender);
    }

    function _checkTerms(Terms calldata terms) private view {
        if (!isTokenAllowed[terms.token]) revert TokenNotAllowed(terms.token);
        if (!isCurveAllowed[terms.curve]) revert CurveNotAllowed(terms.curve);
        if (terms.scopes == 0 || terms.scopes & ~Scopes.ALL != 0) revert InvalidScopes(terms.scopes);
        if (terms.flags & ~Flags.ALL != 0) revert InvalidFlags(terms.flags);
        if (terms.endTime != 0 && (terms.endTime <= terms.startTime || terms.endTime <= block.timestamp)) {
            revert InvalidTimes(terms.startTime, terms.endTime);
        }
        if (terms.refundWindow > MAX_REFUND_WINDOW) revert RefundWindowTooLong(terms.refundWindow, MAX_REFUND_WINDOW);
        if (terms.refundWindow == 0 && terms.refundTerms != RefundTerms.None) {
            revert RefundWindowMissing(terms.refundTerms);
        }
        if (terms.curveParams.length > MAX_CURVE_PARAMS_BYTES) {
            revert CurveParamsTooLong(terms.curveParams.length, MAX_CURVE_PARAMS_BYTES);
        }
        IPriceCurve(terms.curve).validate(terms.curveParams);
    }

    function _checkShares(uint256 ekId, Terms calldata terms) private pure {
        if (terms.resaleBps > MAX_RESALE_BPS) revert ResaleTooLarge(terms.resaleBps, MAX_RESALE_BPS);
        uint256 count = terms.royalties.length;
        if (count > MAX_ROYALTIES) revert TooManyRoyalties(count, MAX_ROYALTIES);
        uint256 sum = uint256(terms.bountyBps) + terms.referralBps;
        uint64 before;
        for (uint256 i; i < count; ++i) {
            Royalty calldata royalty = terms.royalties[i];
            // Ascending, so that none stands there twice; older, so that the graph has no cycle.
            if (royalty.ekId <= before || royalty.ekId >= ekId || royalty.bps == 0) {
                revert InvalidRoyalty(i, royalty.ekId, royalty.bps);
            }
            before = royalty.ekId;
            sum += royalty.bps;
        }
        if (sum > MAX_SHARES_BPS) revert SharesTooLarge(sum, MAX_SHARES_BPS);
    }

    function _checkContent(Content calldata content) private pure returns (bytes32 summaryHash) {
        if (content.manifestHash == 0) revert ManifestHashMissing();
        uint256 length = bytes(content.summary).length;
        if (length > MAX_SUMMARY_BYTES) revert SummaryTooLong(length, MAX_SUMMARY_BYTES);
        summaryHash = content.summaryHash;
        if (length != 0) {
            bytes32 expected = keccak256(bytes(content.summary));
            if (summaryHash != expected) revert SummaryHashMismatch(expected, summaryHash);
        } else if (bytes(content.uri).length == 0 || summaryHash == 0) {
            revert SummaryMissing();
        }
    }

    function _known(uint256 ekId) private view returns (address pointer, uint32 sold, uint32 version, Status status) {
        (pointer, sold, version, status) = exchange.headOf(ekId);
        if (pointer == address(0)) revert UnknownListing(ekId);
    }

    function _version(uint256 ekId, uint32 version) private view returns (address pointer) {
        (, , uint32 current, ) = _known(ekId);
        pointer = exchange.termsPointer(ekId, version);
        if (pointer == address(0)) revert UnknownVersion(ekId, current, version);
    }

    function _checkAuthority(uint256 sellerId) private view {
        if (!registry.canAct(sellerId, msg.sender, Actions.LIST)) {
            revert NotAuthorized(sellerId, msg.sender, Actions.LIST);
        }
    }
}
