// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IEscrowView} from "../interfaces/IEscrowView.sol";

/// @title Test double: in the exchange's place it says of each key what a test told it
contract HoldingExchange is IEscrowView {
    /// @inheritdoc IEscrowView
    mapping(uint256 keyId => bool) public isHeld;

    function setHeld(uint256 keyId, bool held) external {
        isHeld[keyId] = held;
    }
}
