// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title What labels have to know of a listing
interface IListings {
    /// @notice The seller, present version, its flags and its status, in one call; zeros for an unknown listing.
    function listingHead(
        uint256 ekId
    ) external view returns (uint256 sellerId, uint32 version, uint8 flags, uint8 status);
}
