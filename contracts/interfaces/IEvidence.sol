// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IArbitrator} from "./IArbitrator.sol";

/// @title What an arbitrator reads (ERC-1497)
/// @notice Documents are named by URI and never on chain. Whoever shows a dispute collects them from these events.
interface IEvidence {
    /// @notice The rules of a kind of dispute: what is asked, what each ruling means.
    event MetaEvidence(uint256 indexed metaEvidenceID, string evidence);
    /// @notice `party` handed in evidence. Groups are known before there is a dispute at the arbitrator.
    event Evidence(
        IArbitrator indexed arbitrator,
        uint256 indexed evidenceGroupID,
        address indexed party,
        string evidence
    );
    /// @notice A dispute was made at `arbitrator`, under these rules, with this group of evidence.
    event Dispute(
        IArbitrator indexed arbitrator,
        uint256 indexed disputeID,
        uint256 metaEvidenceID,
        uint256 evidenceGroupID
    );
}
