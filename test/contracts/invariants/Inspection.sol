// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Deployment} from "../support/Deployment.sol";
import {Market} from "../support/Market.sol";

/// @title What all groups of invariants ask: the contracts, and the books of whoever uses them
abstract contract Inspection is Deployment {
    System internal sys;
    Market internal books;
}
