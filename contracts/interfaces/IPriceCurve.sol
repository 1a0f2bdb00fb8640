// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Prices the keys of one listing
/// @notice Pure: no storage, no calls out. Rounds up, in the seller's and the protocol's favour.
/// @dev A new curve is one contract behind this interface; the exchange stores its address and opaque parameters and knows no kind.
interface IPriceCurve {
    /// @notice `params` can't be used; `reason` says which value breaks which bound.
    error InvalidCurveParams(string reason);

    /// @notice Cost, in the smallest units of the payment token, of the keys numbered `sold + 1` to `sold + count` at `time`.
    /// @param time Unix time, in seconds.
    /// @dev For parameters that {validate} accepts, `sold` and `count` below 2^32 and any `time` below 2^40 it never reverts, and
    /// splitting a purchase never makes it cheaper.
    function cost(uint256 sold, uint256 count, uint256 time, bytes calldata params) external pure returns (uint256);

    /// @notice Reverts with the reason when a seller may not use `params`.
    function validate(bytes calldata params) external pure;
}
