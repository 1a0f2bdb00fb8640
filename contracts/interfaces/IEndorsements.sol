// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Whether somebody with something to lose speaks for an Experience
interface IEndorsements {
    /// @notice Whether the Experience has a live positive label now.
    function isEndorsed(uint256 ekId) external view returns (bool);
}
