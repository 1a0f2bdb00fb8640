// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IResaleTerms} from "../interfaces/IResaleTerms.sol";

/// @title Test double: resale terms that a test sets per listing and version
contract ResaleTerms is IResaleTerms {
    struct Terms {
        address receiver;
        uint16 bps;
    }

    mapping(uint256 ekId => mapping(uint32 version => Terms)) private _terms;

    function set(uint256 ekId, uint32 version, address receiver, uint16 bps) external {
        _terms[ekId][version] = Terms(receiver, bps);
    }

    /// @inheritdoc IResaleTerms
    function resaleTermsOf(uint256 ekId, uint32 version) external view returns (address receiver, uint16 bps) {
        Terms memory terms = _terms[ekId][version];
        return (terms.receiver, terms.bps);
    }
}
