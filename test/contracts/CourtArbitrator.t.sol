// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IArbitrator} from "../../contracts/interfaces/IArbitrator.sol";
import {CourtArbitrator} from "../../contracts/mocks/CourtArbitrator.sol";
import {ArbitratorProperties} from "./support/ArbitratorProperties.sol";

/// @title An arbitrator in Kleros' manner
contract CourtArbitratorTest is ArbitratorProperties {
    function newArbitrator() internal override returns (IArbitrator) {
        return new CourtArbitrator();
    }

    function rulingCall(
        uint256 disputeID,
        uint256 ruling,
        uint256
    ) internal view override returns (address, bytes memory) {
        return (address(this), abi.encodeCall(CourtArbitrator.giveRuling, (disputeID, ruling)));
    }

    function handOverCall(uint256 disputeID) internal pure override returns (bytes memory) {
        return abi.encodeCall(CourtArbitrator.executeRuling, (disputeID));
    }
}
