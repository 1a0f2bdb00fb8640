/**
 * Who holds a key. Ignored events:
 * - Transfer from zero, Locked, TokenExpiryUpdated: `KeySold` and `KeyRenewed` in the same transaction say it all.
 * - MetadataUpdate, BatchMetadataUpdate: they announce a rotation, which `AgentRotated` told.
 * - Approval, ApprovalForAll: they give nobody a right of use.
 * - Unlocked: never emitted, a key's flags are fixed.
 */
import { ponder } from "ponder:registry";
import { binding, key } from "ponder:schema";
import { zeroAddress } from "viem";
import { existing, idsOf } from "./event.ts";

ponder.on("ExperienceKey:Transfer", async ({ event, context: { db, chain } }) => {
  const { from, to, tokenId } = event.args;
  if (from === zeroAddress) return;
  const id = idsOf(chain.id).key(tokenId);
  // The key's row exists because it was sold.
  if (to === zeroAddress) {
    await db.update(key, { id }).set({ burnt: true });
    return;
  }
  // After a rotation the log is brought up to date by a Transfer from the agent's old EOA to its new one. Both belong to the same agent,
  // so the key stays with its holder. The EOA's row exists because keys go to agents only.
  const { agentId } = await existing(db.find(binding, { chainId: chain.id, eoa: to }), to);
  await db.update(key, { id }).set({ holderId: agentId });
});
