// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IReceiptAnchor} from "./interfaces/IReceiptAnchor.sol";
import {Actions} from "./libraries/Actions.sol";

/// @title ReceiptAnchor
/// @dev OpenZeppelin's MerkleProof sorts each pair, and so forgets the positions that omissions are proven by.
contract ReceiptAnchor is IReceiptAnchor {
    IAgentRegistry public immutable registry;

    mapping(uint256 agentId => mapping(bytes32 gatewayId => mapping(uint32 day => Anchor))) private _anchors;

    constructor(IAgentRegistry registry_) {
        registry = registry_;
    }

    /// @inheritdoc IReceiptAnchor
    function anchor(uint256 agentId, bytes32 gatewayId, uint32 day, bytes32 root, uint64 count) external {
        if (!registry.canAct(agentId, msg.sender, Actions.ANCHOR)) {
            revert NotAuthorized(agentId, msg.sender, Actions.ANCHOR);
        }
        uint256 today = block.timestamp / 1 days;
        if (day > today) revert DayInFuture(day, today);
        if ((root == 0) != (count == 0)) revert RootMismatch(root, count);
        Anchor storage a = _anchors[agentId][gatewayId][day];
        if (a.anchoredAt != 0) revert AlreadyAnchored(agentId, gatewayId, day, a.root);
        (a.root, a.count, a.anchoredAt) = (root, count, uint40(block.timestamp));
        emit ReceiptsAnchored(agentId, gatewayId, day, root, count, msg.sender);
    }

    /// @inheritdoc IReceiptAnchor
    function anchorOf(uint256 agentId, bytes32 gatewayId, uint32 day) external view returns (Anchor memory) {
        return _anchors[agentId][gatewayId][day];
    }

    /// @inheritdoc IReceiptAnchor
    function verify(
        uint256 agentId,
        bytes32 gatewayId,
        uint32 day,
        bytes32 leaf,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (bool) {
        Anchor memory a = _anchors[agentId][gatewayId][day];
        // Beyond the count there is but the filling.
        if (index >= a.count || proof.length != Math.log2(a.count, Math.Rounding.Ceil)) return false;
        bytes32 node = keccak256(abi.encode(leaf));
        for (uint256 i; i < proof.length; ++i) {
            node =
                (index >> i) & 1 == 0
                    ? Hashes.efficientKeccak256(node, proof[i])
                    : Hashes.efficientKeccak256(proof[i], node);
        }
        return node == a.root;
    }
}
