// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IArbitrable} from "../interfaces/IArbitrable.sol";

/// @title A contract account that misbehaves when it is paid in the chain's coin, or given a ruling; for tests
contract HostileParty is IArbitrable {
    enum Manner {
        Kind,
        Refuses,
        BurnsGas,
        Attacks
    }

    error Refused();

    Manner public manner;
    /// @notice Whether the call from inside went through, and what it returned.
    bool public succeeded;
    bytes public returned;
    uint256 public attempts;
    uint256 public rulings;
    uint256 public lastRuling;

    address private _target;
    bytes private _call;

    function behave(Manner manner_) external {
        manner = manner_;
    }

    /// @notice Attacks by calling `target` with `data`.
    function arm(address target, bytes calldata data) external {
        (manner, _target, _call) = (Manner.Attacks, target, data);
    }

    /// @notice Calls anything as the account, with the value given. Anyone may command it.
    function act(address target, bytes calldata data) external payable returns (bytes memory result) {
        bool ok;
        (ok, result) = target.call{value: msg.value}(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    receive() external payable {
        _misbehave();
    }

    function rule(uint256, uint256 ruling) external {
        _misbehave();
        ++rulings;
        lastRuling = ruling;
    }

    function _misbehave() private {
        if (manner == Manner.Refuses) revert Refused();
        if (manner == Manner.BurnsGas) {
            while (true) ++attempts;
        }
        if (manner == Manner.Attacks) {
            ++attempts;
            (succeeded, returned) = _target.call(_call);
        }
    }
}
