// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title What a seller asks of each resale of its keys
interface IResaleTerms {
    /// @notice Who is to be paid when a key of this version is sold on, and how much of the price in basis points, at most 10,000.
    function resaleTermsOf(uint256 ekId, uint32 version) external view returns (address receiver, uint16 bps);
}
