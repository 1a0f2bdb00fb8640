/**
 * Who holds a key, who rents it, and when it ends. Ignored events:
 * - Transfer from zero, Locked, the TokenExpiryUpdated of a mint: a key is minted by a sale only, and `KeySold` in the same transaction
 *   says it all.
 * - MetadataUpdate, BatchMetadataUpdate: they repeat for wallets what rotations, transfers and renewals told.
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

ponder.on("ExperienceKey:TokenExpiryUpdated", async ({ event, context: { db, chain } }) => {
  const id = idsOf(chain.id).key(event.args.tokenId);
  // The row is missing when the key is just being minted: `KeySold` is to follow.
  if ((await db.find(key, { id })) === null) return;
  await db.update(key, { id }).set({ expiry: event.args.endTime });
});

ponder.on("ExperienceKey:UpdateUser", async ({ event, context: { db, chain } }) => {
  const { tokenId, user, expires } = event.args;
  const id = idsOf(chain.id).key(tokenId);
  // The key's row exists because only keys that are there can be lent, the user's because they are lent to agents only.
  if (user === zeroAddress) {
    await db.update(key, { id }).set({ userId: null, userExpires: null });
    return;
  }
  const { agentId } = await existing(db.find(binding, { chainId: chain.id, eoa: user }), user);
  await db.update(key, { id }).set({ userId: agentId, userExpires: expires });
});
