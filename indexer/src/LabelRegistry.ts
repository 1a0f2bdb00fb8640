/** Validators' labels. No event is ignored. */
import { ponder } from "ponder:registry";
import { activity, label, listing, validatorAllowance } from "ponder:schema";
import { idsOf, originOf, storable } from "./event.ts";
import { addToTotals, countDeed } from "./totals.ts";

/** `ILabelRegistry.EvidenceKind`. */
const evidenceKinds = { 0: "none", 1: "link", 2: "text", 3: "file" } as const;

ponder.on("LabelRegistry:Labelled", async ({ event, context: { db, chain } }) => {
  const { version, types, scores, tags, summary, evidenceKind, evidence, aggregate, by } = event.args;
  const chainId = chain.id;
  const ids = idsOf(chainId);
  const ekId = ids.ek(event.args.ekId);
  const validatorId = ids.agent(event.args.validatorId);
  const id = ids.label(event.args.ekId, event.args.validatorId);
  // No row can exist: a validator labels a listing once.
  await db.insert(label).values({
    id,
    chainId,
    ekId,
    validatorId,
    version,
    types,
    ...scores,
    tags: tags.map(storable),
    summary: storable(summary),
    evidenceKind: evidenceKinds[evidenceKind as keyof typeof evidenceKinds],
    evidence,
    by,
    ...originOf(event),
  });
  const { count: labelCount, ...sums } = aggregate;
  // The row exists because only a listing can be labelled.
  await db.update(listing, { id: ekId }).set((row) => ({
    labelCount,
    ...sums,
    labelTypeCounts: row.labelTypeCounts.map((n, bit) => n + ((types >> bit) & 1)),
  }));
  await countDeed(db, { chainId, agentId: validatorId, deed: "validated" });
  await addToTotals(db, chainId, { labels: 1 });
  await db.insert(activity).values({
    chainId,
    type: "validation",
    ekId,
    agentId: validatorId,
    refId: id,
    ...originOf(event),
  });
});

ponder.on("LabelRegistry:ValidatorAllowed", async ({ event, context: { db, chain } }) => {
  const { ekId, validatorId, allowed, by } = event.args;
  const ids = idsOf(chain.id);
  const state = { allowed, by, updatedAt: event.block.timestamp };
  // The row exists when the seller said something of this validator before.
  await db
    .insert(validatorAllowance)
    .values({ ekId: ids.ek(ekId), validatorId: ids.agent(validatorId), chainId: chain.id, ...state })
    .onConflictDoUpdate(state);
});
