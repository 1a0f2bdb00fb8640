// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title Who may change the exchange's parameters, and after which delay
/// @dev OpenZeppelin's AccessManager as it is. What it can reach is bounded: the fee's cap and the two allowlists in {Exchange}, the
/// policy's minima and maxima in {PointsLedger}.
contract Authority is AccessManager {
    constructor(address initialAdmin) AccessManager(initialAdmin) {}
}
