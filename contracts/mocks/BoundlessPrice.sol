// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPriceCurve} from "../interfaces/IPriceCurve.sol";

/// @title A curve that breaks the bound on prices which every curve owes
contract BoundlessPrice is IPriceCurve {
    /// @inheritdoc IPriceCurve
    function cost(uint256, uint256 count, uint256, bytes calldata params) external pure returns (uint256) {
        return count * abi.decode(params, (uint256));
    }

    /// @inheritdoc IPriceCurve
    function validate(bytes calldata) external pure {}
}
