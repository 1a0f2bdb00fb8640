// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title One quote's deposit address
/// @notice A clone of this contract stands at an address that only one quote leads to (CREATE2), so that a payment to it is bound to
/// the quote whoever submits it. It pays out to where {Tills} says: to the exchange for the key, or back to the buyer.
/// @dev Deployed by {Tills}; clones share the code and with it `tills`.
contract Till {
    using SafeERC20 for IERC20;

    error NotTills(address caller);

    address public immutable tills = msg.sender;

    /// @notice Pays `amount` of `token` to `to`. {Tills} alone.
    function pay(IERC20 token, address to, uint256 amount) external {
        if (msg.sender != tills) revert NotTills(msg.sender);
        token.safeTransfer(to, amount);
    }
}
