// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IResaleTerms} from "./IResaleTerms.sol";

/// @title The catalogue: what is sold, and on which terms
/// @notice A listing is a row of versions. A version's terms are frozen: they are stored as the code of a contract of their own, and a
/// sale names the version whose terms the buyer saw. Sold keys and open orders keep the terms they were sold on.
/// @dev Amounts are in the smallest units of the listing's payment token.
interface ICatalog is IResaleTerms {
    enum Status {
        None,
        Active,
        Paused,
        Archived
    }

    /// @notice Until when a buyer may take its money back by itself, within the refund window.
    enum RefundTerms {
        /// Never: only the seller or a ruling gives it back.
        None,
        /// Until the key was first used.
        UntilAccess,
        /// During the whole window.
        Full
    }

    /// @notice A part of the price that goes to the seller of an Experience which this one derives from.
    struct Royalty {
        /// A listing older than this one; so derivations form a graph without cycles.
        uint64 ekId;
        /// In basis points of the price, at least 1.
        uint16 bps;
    }

    /// @notice What one version of a listing sells and for how much.
    struct Terms {
        /// The payment token; on the allowlist.
        address token;
        /// The price curve; on the allowlist.
        address curve;
        /// The curve's parameters.
        bytes curveParams;
        /// How many keys may be sold, all versions together and refunded ones not counted; 0 = no cap.
        uint32 supplyCap;
        /// Unix time from which keys are sold; 0 = at once.
        uint40 startTime;
        /// Unix time at which sales end, exclusive; 0 = never.
        uint40 endTime;
        /// Seconds that a key lives; 0 = for ever.
        uint32 keyTtl;
        /// Bit set of {Scopes} that a key grants; at least one.
        uint8 scopes;
        /// Bit set of {Flags}.
        uint8 flags;
        /// Seconds that a payment waits in escrow, at most 30 days; 0 = the seller has it at once.
        uint32 refundWindow;
        RefundTerms refundTerms;
        /// The validators' part of the price, in basis points.
        uint16 bountyBps;
        /// The part of whoever brought the buyer, in basis points; the seller's where nobody did.
        uint16 referralBps;
        /// What a key's resale owes the seller, in basis points, as ERC-2981 reports it.
        uint16 resaleBps;
        /// Price in the points ledger's units, of which a point is 100; 0 = not sold for points.
        uint32 pointsPrice;
        /// Requests per minute and per day that a key is good for at the gateway; 0 = no limit.
        uint32 requestsPerMinute;
        uint32 requestsPerDay;
        /// At most 8, no listing twice.
        Royalty[] royalties;
    }

    /// @notice What is sold, by hash.
    struct Content {
        /// keccak256 of the ContentManifest as canonical JSON (RFC 8785).
        bytes32 manifestHash;
        /// The public summary as canonical JSON (RFC 8785); empty when `uri` says where it is.
        string summary;
        /// Where the summary is, when it is not in the event.
        string uri;
        /// keccak256 of the summary's bytes; checked against `summary` when that is given.
        bytes32 summaryHash;
    }

    /// @notice A listing as it stands.
    struct Listing {
        uint64 sellerId;
        uint32 version;
        uint32 sold;
        Status status;
        Terms terms;
        /// keccak256(abi.encode(manifestHash, summaryHash)) of the present version.
        bytes32 contentHash;
    }

    /// @notice A listing was created (version 1) or got a new version. `pointer` is the contract whose code is the terms.
    event ListingVersion(
        uint256 indexed ekId,
        uint256 indexed sellerId,
        uint32 indexed version,
        Terms terms,
        Content content,
        address pointer,
        address by
    );
    event ListingStatus(uint256 indexed ekId, Status status, address by);
    event TokenAllowed(address indexed token, bool allowed);
    event CurveAllowed(address indexed curve, bool allowed);

    error UnknownListing(uint256 ekId);
    error UnknownVersion(uint256 ekId, uint32 current, uint32 given);
    error NotAuthorized(uint256 agentId, address caller, uint256 action);
    error TokenNotAllowed(address token);
    error CurveNotAllowed(address curve);
    error InvalidScopes(uint8 scopes);
    error InvalidFlags(uint8 flags);
    error InvalidTimes(uint40 startTime, uint40 endTime);
    error RefundWindowTooLong(uint32 refundWindow, uint32 maximum);
    /// @notice Refund terms need a refund window.
    error RefundWindowMissing(RefundTerms refundTerms);
    error TooManyRoyalties(uint256 count, uint256 maximum);
    /// @notice `ekId` is not an older listing, or stands in the list twice, or gets nothing.
    error InvalidRoyalty(uint256 index, uint64 ekId, uint16 bps);
    /// @notice Bounty, referral and royalties together take more of the price than they may.
    error SharesTooLarge(uint256 bps, uint256 maximum);
    error ResaleTooLarge(uint16 bps, uint16 maximum);
    error SupplyCapBelowSold(uint32 supplyCap, uint32 sold);
    error ManifestHashMissing();
    error SummaryHashMismatch(bytes32 expected, bytes32 given);
    error SummaryMissing();
    error SummaryTooLong(uint256 length, uint256 maximum);
    error CurveParamsTooLong(uint256 length, uint256 maximum);
    error ListingNotActive(uint256 ekId, Status status);
    /// @notice An archived listing stays archived; a status can't be set to what it is, nor to None.
    error InvalidStatus(uint256 ekId, Status current, Status given);
    /// @notice The exchange takes nothing new until `until`.
    error Paused(uint256 until);
    error CountTooLarge(uint256 count, uint256 maximum);
    error WrongWiring(address contract_);

    /// @notice Creates a listing and returns its id.
    /// @param sellerId The selling agent, for which the caller may act with {Actions.LIST}; 0 for the caller's own agent, which is
    /// registered when the caller is none yet.
    function list(uint256 sellerId, Terms calldata terms, Content calldata content) external returns (uint256 ekId);

    /// @notice Replaces a listing's terms and content by a new version. Keys sold before keep what they bought.
    function update(uint256 ekId, Terms calldata terms, Content calldata content) external returns (uint32 version);

    /// @notice Pauses, resumes or archives a listing. Sold keys are not touched.
    function setStatus(uint256 ekId, Status status) external;

    /// @notice Allows or disallows a payment token for new listings and versions. Administrators only.
    function allowToken(address token, bool allowed) external;

    /// @notice Allows or disallows a price curve for new listings and versions. Administrators only.
    function allowCurve(address curve, bool allowed) external;

    /// @notice Cost of the next `count` keys (at most 256) of the listing at `time`, from what is sold now on.
    function quote(uint256 ekId, uint256 count, uint256 time) external view returns (uint256 cost);

    function listingOf(uint256 ekId) external view returns (Listing memory);

    /// @notice The terms of any version. Reverts with {UnknownVersion}.
    function termsOf(uint256 ekId, uint32 version) external view returns (Terms memory);

    /// @notice The seller, present version, its flags and its status, in one call; zeros for an unknown listing.
    function listingHead(
        uint256 ekId
    ) external view returns (uint256 sellerId, uint32 version, uint8 flags, Status status);

    /// @notice How many listings there are; ids run from 1.
    function listingCount() external view returns (uint256);

    function isTokenAllowed(address token) external view returns (bool);

    function isCurveAllowed(address curve) external view returns (bool);

    /// @notice The most that bounty, referral and royalties may take of the price together, in basis points.
    function MAX_SHARES_BPS() external view returns (uint16);

    function MAX_REFUND_WINDOW() external view returns (uint32);
}
