// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Whether somebody with something to lose speaks for an Experience
interface IEndorsements {
    /// @notice Whether the label on which the Experience's endorsement rests is a live, unchallenged one of a bonded validator now, with a
    /// positive type and no negative one. False until {ILabelRegistry.endorse} named one.
    function isEndorsed(uint256 ekId) external view returns (bool);
}
