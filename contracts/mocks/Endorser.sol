// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IEndorsements} from "../interfaces/IEndorsements.sol";

/// @title Endorses what it is told to, or fails when asked
contract Endorser is IEndorsements {
    error Broken();

    bool public broken;
    mapping(uint256 ekId => bool) private _endorsed;

    function endorse(uint256 ekId, bool endorsed) external {
        _endorsed[ekId] = endorsed;
    }

    function fail(bool broken_) external {
        broken = broken_;
    }

    function isEndorsed(uint256 ekId) external view returns (bool) {
        if (broken) revert Broken();
        return _endorsed[ekId];
    }
}
