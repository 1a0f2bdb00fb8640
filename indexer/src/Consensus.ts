/** Seats, groups and policy of the consensus, and the bounties that it shares out. Ignored: AuthorityUpdated, which has no table yet. */
import { ponder } from "ponder:registry";
import { bountyShare, consensusPolicy, seat, validatorGroup } from "ponder:schema";
import { idsOf, momentOf, originOf } from "./event.ts";
import { countSeat } from "./validator-facts.ts";

ponder.on("Consensus:Seated", async ({ event, context: { db, chain } }) => {
  const ids = idsOf(chain.id);
  const sitter = { validatorId: ids.agent(event.args.validatorId), since: event.block.timestamp };
  const [ekId, index] = [ids.ek(event.args.ekId), Number(event.args.index)];
  // The row exists when somebody sat there before.
  await db
    .insert(seat)
    .values({ ekId, index, chainId: chain.id, ...sitter })
    .onConflictDoUpdate(sitter);
  await countSeat(db, momentOf(chain.id, event), { ekId, index, validatorId: sitter.validatorId });
});

ponder.on("Consensus:ValidatorLinked", async ({ event, context: { db, chain } }) => {
  const ids = idsOf(chain.id);
  const groupId = ids.agent(event.args.groupId);
  // The row exists when it was linked before.
  await db
    .insert(validatorGroup)
    .values({ validatorId: ids.agent(event.args.validatorId), chainId: chain.id, groupId })
    .onConflictDoUpdate({ groupId });
});

ponder.on("Consensus:PolicySet", async ({ event, context: { db, chain } }) => {
  const { policy } = event.args;
  // The row exists but for the first policy, which the constructor sets.
  await db
    .insert(consensusPolicy)
    .values({ chainId: chain.id, ...policy })
    .onConflictDoUpdate(policy);
});

ponder.on("Consensus:BountyShared", async ({ event, context: { db, chain } }) => {
  const { ekId, token, agentIds, each } = event.args;
  const ids = idsOf(chain.id);
  await db.insert(bountyShare).values({
    ...{ chainId: chain.id, ekId: ids.ek(ekId), token, agentIds: agentIds.map(ids.agent), each },
    ...originOf(event),
  });
});
