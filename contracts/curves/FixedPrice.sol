// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPriceCurve} from "../interfaces/IPriceCurve.sol";
import {CurveParams} from "../libraries/CurveParams.sol";

/// @title Every key costs the same
/// @dev `params` = abi.encode(uint256 price), price below 2^96. A price of 0 makes the listing free.
contract FixedPrice is IPriceCurve {
    /// @inheritdoc IPriceCurve
    function cost(uint256, uint256 count, uint256, bytes calldata params) external pure returns (uint256) {
        CurveParams.checkCount(count);
        return count * abi.decode(params, (uint256));
    }

    /// @inheritdoc IPriceCurve
    function validate(bytes calldata params) external pure {
        CurveParams.checkWords(params, 1);
        CurveParams.checkAtMost("price", abi.decode(params, (uint256)), CurveParams.MAX_AMOUNT);
    }
}
