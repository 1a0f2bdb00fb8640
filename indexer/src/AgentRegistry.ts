/**
 * Who is who. Ignored events:
 * - Transfer: `Registered` and `AgentRotated` say the same and more.
 * - MetadataSet: nobody reads agents' metadata here, and its `agentWallet` entry repeats the EOA.
 * - MetadataUpdate, BatchMetadataUpdate: they repeat for wallets what `Registered` and `URIUpdated` told.
 * - RotationConsented: an offer, worth nothing until `AgentRotated`.
 * - NonceInvalidated: nonces are read from the chain by whoever signs.
 * - Approval, ApprovalForAll, EIP712DomainChanged: never emitted, identities take no approvals and the domain is fixed.
 */
import { ponder } from "ponder:registry";
import { agent, agentEoa, binding, operatorGrant } from "ponder:schema";
import { idsOf, momentOf, storable } from "./event.ts";
import { readProfile } from "./profile.ts";
import { countMarket } from "./rollups.ts";
import { addToTotals } from "./totals.ts";

ponder.on("AgentRegistry:Registered", async ({ event, context: { db, chain } }) => {
  const { agentURI, owner } = event.args;
  const chainId = chain.id;
  const id = idsOf(chainId).agent(event.args.agentId);
  const at = event.block.timestamp;
  await db.insert(agent).values({
    id,
    chainId,
    eoa: owner,
    epoch: 0,
    agentUri: storable(agentURI),
    ...readProfile(agentURI),
    listed: 0,
    sold: 0,
    bought: 0,
    validated: 0,
    validatorScore: 0,
    pointsBalance: 0n,
    pointsLifetime: 0n,
    joinedAt: at,
  });
  await db.insert(agentEoa).values({ agentId: id, epoch: 0, chainId, eoa: owner, since: at });
  // No row can exist: the registry refuses an EOA that ever belonged to an agent.
  await db.insert(binding).values({ chainId, eoa: owner, agentId: id });
  await addToTotals(db, chainId, { agents: 1 });
  await countMarket(db, momentOf(chainId, event), { agents: 1 });
});

ponder.on("AgentRegistry:AgentRotated", async ({ event, context: { db, chain } }) => {
  const { agentId, to, epoch, by } = event.args;
  const chainId = chain.id;
  const id = idsOf(chainId).agent(agentId);
  const at = event.block.timestamp;
  // Both rows exist because the agent registered, or rotated, into the epoch that ends here.
  await db.update(agent, { id }).set({ eoa: to, epoch });
  await db.update(agentEoa, { agentId: id, epoch: epoch - 1 }).set({ until: at });
  await db.insert(agentEoa).values({ agentId: id, epoch, chainId, eoa: to, since: at, by });
  // The row exists when the agent returns to an EOA that it had before.
  await db.insert(binding).values({ chainId, eoa: to, agentId: id }).onConflictDoNothing();
});

ponder.on("AgentRegistry:URIUpdated", async ({ event, context: { db, chain } }) => {
  const { agentId, newURI } = event.args;
  // The row exists because only a registered agent has a URI to set.
  await db
    .update(agent, { id: idsOf(chain.id).agent(agentId) })
    .set({ agentUri: storable(newURI), ...readProfile(newURI) });
});

ponder.on("AgentRegistry:OperatorGranted", async ({ event, context: { db, chain } }) => {
  const { agentId, operator, actions, expiry, epoch, by } = event.args;
  const state = { actions: Number(actions), expiry, epoch, by, updatedAt: event.block.timestamp };
  // The row exists when the agent granted this operator something before.
  await db
    .insert(operatorGrant)
    .values({ agentId: idsOf(chain.id).agent(agentId), operator, chainId: chain.id, ...state })
    .onConflictDoUpdate(state);
});
