// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Prices the keys of one listing
/// @notice A function of its arguments alone: nothing that can change may be read. Rounds up to whole units, in the seller's favour.
/// @dev A new curve is one contract behind this interface; the exchange stores its address and opaque parameters and knows no kind.
/// `view`, not `pure`, for curves that ask other curves.
interface IPriceCurve {
    /// @notice `params` have another length, in bytes, than this curve's parameters.
    error CurveParamsLength(uint256 length, uint256 expected);
    /// @notice A parameter of `params` is above what it may be. The maximum can be another parameter: a base is at most the `max`.
    error CurveParamTooLarge(string name, uint256 value, uint256 maximum);
    /// @notice A parameter of `params` is below what it may be.
    error CurveParamTooSmall(string name, uint256 value, uint256 minimum);
    /// @notice More keys at once than a curve prices.
    error CurveCountTooLarge(uint256 count, uint256 maximum);

    /// @notice Cost, in the smallest units of the payment token, of the keys numbered `sold + 1` to `sold + count` at `time`.
    /// @param sold How many keys were sold before.
    /// @param count How many keys to price; 0 costs nothing, more than 256 revert with {CurveCountTooLarge}.
    /// @param time Unix time, in seconds.
    /// @dev For parameters that {validate} accepts, `sold` below 2^32, `count` up to 256 and `time` below 2^40 it never reverts, one key
    /// costs less than 2^96, and splitting a purchase never makes it cheaper.
    function cost(uint256 sold, uint256 count, uint256 time, bytes calldata params) external view returns (uint256);

    /// @notice Reverts with the value and the bound that it breaks when a seller may not use `params`.
    function validate(bytes calldata params) external view;
}
