// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC721Receiver} from "@openzeppelin/contracts/interfaces/IERC721Receiver.sol";

/// @title A contract account that misbehaves when it is handed an NFT or asked for a signature
contract HostileReceiver is IERC721Receiver {
    error Refused();

    /// @notice What {onERC721Received} answers; zero makes it revert.
    bytes4 public answer = IERC721Receiver.onERC721Received.selector;
    /// @notice Grows with each question for a signature, which a view must not do.
    uint256 public asked;
    /// @notice How often it was handed an NFT.
    uint256 public received;
    /// @notice Whether the call from inside {onERC721Received} went through, and what it returned.
    bool public succeeded;
    bytes public returned;

    address private _target;
    bytes private _call;

    function setAnswer(bytes4 answer_) external {
        answer = answer_;
    }

    /// @notice Makes {onERC721Received} call `target` with `data`.
    function arm(address target, bytes calldata data) external {
        _target = target;
        _call = data;
    }

    /// @notice Calls anything as the account. Anyone may command it.
    function act(address target, bytes calldata data) external returns (bytes memory result) {
        bool ok;
        (ok, result) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        ++received;
        if (_target != address(0)) (succeeded, returned) = _target.call(_call);
        if (answer == 0) revert Refused();
        return answer;
    }

    /// @notice Says yes to any signature, but writes on the way.
    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        ++asked;
        return 0x1626ba7e;
    }
}
