// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPriceCurve} from "../interfaces/IPriceCurve.sol";

/// @title Every key costs the same
/// @dev `params` = abi.encode(uint256 price), price below 2^128. A price of 0 makes the listing free.
contract FixedPrice is IPriceCurve {
    /// @inheritdoc IPriceCurve
    function cost(uint256, uint256 count, uint256, bytes calldata params) external pure returns (uint256) {
        return count * abi.decode(params, (uint256));
    }

    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external pure {
        if (params.length != 32) revert InvalidCurveParams("fixed: params must be abi.encode(uint256 price)");
        if (abi.decode(params, (uint256)) > type(uint128).max) {
            revert InvalidCurveParams("fixed: price must be below 2^128");
        }
    }
}
