// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title A day's receipts of a gateway, as one word on chain
/// @notice A seller's gateway signs a receipt of each use of a key. Once a day the seller anchors the root of all of them, and can't change
/// it later: from then on anyone can prove that a receipt is among them, that it is not, or that one counts twice.
/// @dev **The tree.** A *leaf* is a receipt's keccak256. The leaves of a day are sorted ascending by their value, each once. A leaf's node
/// is keccak256(leaf), an inner node is keccak256(left ‖ right); the hashed lengths differ (32 and 64 bytes), so that no inner node passes
/// for a leaf. The row of leaf nodes is filled up with zero words to the next power of two. A day without receipts has root 0, count 0;
/// of one receipt the root is its node.
///
/// **What can be proven.** Inclusion of x: {verify} of x. Omission of x: {verify} of neighbours a and b at positions i and i + 1 with
/// a < x < b, or of the first one, x < a at 0, or of the last one, x > a at count - 1. A gateway that broke the order is found out by two
/// positions i < j with leaves not ascending, which also shows one receipt counted twice.
interface IReceiptAnchor {
    struct Anchor {
        bytes32 root;
        uint64 count;
        /// Unix time; 0 = there is none.
        uint40 anchoredAt;
    }

    /// @notice The root of `count` receipts, for ever.
    event ReceiptsAnchored(
        uint256 indexed agentId,
        bytes32 indexed gatewayId,
        uint32 indexed day,
        bytes32 root,
        uint64 count,
        address by
    );

    error NotAuthorized(uint256 agentId, address caller, uint256 action);
    error DayInFuture(uint32 day, uint256 today);
    /// @notice That day has its root, which stays.
    error AlreadyAnchored(uint256 agentId, bytes32 gatewayId, uint32 day, bytes32 root);
    /// @notice A root without receipts, or receipts without a root.
    error RootMismatch(bytes32 root, uint64 count);

    /// @notice Anchors a day's receipts of one of the agent's gateways, once. Whoever may act for the agent with {Actions.ANCHOR}. Before the
    /// day is over it leaves out what is still to come: that is the seller's own loss.
    /// @param gatewayId What the seller calls the gateway by; no two gateways of an agent may share one.
    /// @param day Days since 1970-01-01 UTC; not in the future.
    function anchor(uint256 agentId, bytes32 gatewayId, uint32 day, bytes32 root, uint64 count) external;

    function anchorOf(uint256 agentId, bytes32 gatewayId, uint32 day) external view returns (Anchor memory);

    /// @notice Whether the leaf is the day's number `index`, from 0.
    /// @param proof The siblings from the leaf's node to the root: as many as the tree is high.
    function verify(
        uint256 agentId,
        bytes32 gatewayId,
        uint32 day,
        bytes32 leaf,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (bool);
}
