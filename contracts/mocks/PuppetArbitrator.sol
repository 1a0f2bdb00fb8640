// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IArbitrable} from "../interfaces/IArbitrable.sol";
import {IArbitrator} from "../interfaces/IArbitrator.sol";

/// @title An arbitrator that does whatever it is told, for tests
contract PuppetArbitrator is IArbitrator {
    error OutOfOrder();

    /// @notice What disputes and appeals cost, and the number of the next dispute.
    uint256 public cost;
    uint256 public nextID;
    uint256 public presentRuling;
    /// @notice Whether it refuses to name a cost, or to take a dispute.
    bool public isMute;
    bool public isClosed;
    /// @notice Whether the call from inside {createDispute}, {appeal} or {refund} went through, and what it returned.
    bool public succeeded;
    bytes public returned;
    uint256 public attempts;

    address private _target;
    bytes private _call;

    function set(uint256 cost_, uint256 nextID_, uint256 ruling_) external {
        (cost, nextID, presentRuling) = (cost_, nextID_, ruling_);
    }

    function fail(bool isMute_, bool isClosed_) external {
        (isMute, isClosed) = (isMute_, isClosed_);
    }

    /// @notice Makes it call `target` with `data` while it is being called.
    function arm(address target, bytes calldata data) external {
        (_target, _call) = (target, data);
    }

    function rule(IArbitrable arbitrable, uint256 disputeID, uint256 ruling) external {
        arbitrable.rule(disputeID, ruling);
    }

    /// @notice Pays anybody, for nothing.
    function give(address to) external payable {
        (bool ok, bytes memory result) = to.call{value: msg.value}("");
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    function createDispute(uint256, bytes calldata) external payable returns (uint256 disputeID) {
        if (isClosed) revert OutOfOrder();
        disputeID = nextID++;
        _attack();
    }

    function appeal(uint256, bytes calldata) external payable {
        _attack();
    }

    function refund(uint256) external returns (uint256 amount) {
        _attack();
        amount = address(this).balance;
        (bool ok, ) = msg.sender.call{value: amount}("");
        if (!ok) revert OutOfOrder();
    }

    function arbitrationCost(bytes calldata) external view returns (uint256) {
        if (isMute) revert OutOfOrder();
        return cost;
    }

    function appealCost(uint256, bytes calldata) external view returns (uint256) {
        return cost;
    }

    function appealPeriod(uint256) external pure returns (uint256 start, uint256 end) {
        return (0, type(uint256).max);
    }

    function disputeStatus(uint256) external pure returns (DisputeStatus) {
        return DisputeStatus.Appealable;
    }

    function currentRuling(uint256) external view returns (uint256) {
        return presentRuling;
    }

    function _attack() private {
        if (_target == address(0)) return;
        ++attempts;
        (succeeded, returned) = _target.call(_call);
    }
}
