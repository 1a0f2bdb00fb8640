// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IAgentRegistry} from "../interfaces/IAgentRegistry.sol";
import {IEscrowView} from "../interfaces/IEscrowView.sol";
import {IExperienceKey} from "../interfaces/IExperienceKey.sol";

/// @title All that capability tokens rest on, read at one block
/// @dev Never deployed. An `eth_call` without `to` runs the constructor, and the answer takes the place of the code that it would leave:
/// so it works on every EVM chain, also for contracts that were there before it. Takes no argument whose value could make it revert.
contract TokenRights {
    struct Ask {
        address eoa;
        uint256 ekId;
    }

    struct Right {
        /// Of the EOA; 0 when it is no agent's.
        uint256 agentId;
        uint32 epoch;
        /// The EOA was an agent's once and is none's now.
        bool retired;
        /// The key by which the agent may use the Experience; 0 when there is none.
        uint256 keyId;
        uint32 version;
        uint40 expiry;
        uint8 scopes;
        uint8 flags;
        /// The key's money can still go back.
        bool held;
    }

    /// @notice Answers the block that was read (number, time, its parent's hash), and a right per question, in order.
    /// @dev The block's own hash is known to nobody inside it. On chains whose `block.number` is another chain's (Arbitrum) these three fit
    /// no block of theirs: whoever asks has to notice.
    constructor(IAgentRegistry registry, IExperienceKey keys, IEscrowView escrow, Ask[] memory asks) {
        Right[] memory rights = new Right[](asks.length);
        for (uint256 i; i < asks.length; ++i) rights[i] = _rightOf(registry, keys, escrow, asks[i]);
        bytes memory answer = abi.encode(block.number, block.timestamp, blockhash(block.number - 1), rights);
        assembly ("memory-safe") {
            return(add(answer, 32), mload(answer))
        }
    }

    function _rightOf(
        IAgentRegistry registry,
        IExperienceKey keys,
        IEscrowView escrow,
        Ask memory ask
    ) private view returns (Right memory right) {
        (right.agentId, right.epoch) = registry.bindingOf(ask.eoa);
        if (right.agentId == 0) {
            right.retired = registry.lastAgentOf(ask.eoa) != 0;
            return right;
        }
        IExperienceKey.Key memory key;
        (right.keyId, key) = keys.accessOf(ask.ekId, right.agentId);
        if (right.keyId == 0) return right;
        right.version = key.version;
        right.expiry = key.expiry;
        right.scopes = key.scopes;
        right.flags = key.flags;
        right.held = escrow.isHeld(right.keyId);
    }
}
