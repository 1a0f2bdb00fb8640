// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title A token of which less arrives than its logs say, for tests
contract LossyToken {
    event Transfer(address indexed from, address indexed to, uint256 value);

    mapping(address account => uint256) public balanceOf;
    /// @notice How much of a transfer arrives, in percent.
    uint256 public percent = 100;

    function lose(uint256 percent_) external {
        percent = percent_;
    }

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += (value * percent) / 100;
        emit Transfer(msg.sender, to, value);
        return true;
    }
}
