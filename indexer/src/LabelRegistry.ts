/** Validators' labels. Ignored: LabelNonceInvalidated and EIP712DomainChanged, as no table keeps what is signed. */
import { type Context, type Event, type EventNames, ponder } from "ponder:registry";
import { activity, endorsement, formerLabel, label, listing, validatorAllowance } from "ponder:schema";
import { type Db, existing, idsOf, momentOf, originOf, storable } from "./event.ts";
import { countDay, countMarket } from "./rollups.ts";
import { addToTotals, countDeed } from "./totals.ts";
import { addValidator, changeStance, changeValidator, reviewListing } from "./validator-facts.ts";

type LabelRow = typeof label.$inferSelect;
type Aggregate = Record<
  "count" | "authenticity" | "utility" | "reproducibility" | "freshness" | "safety",
  number
>;

/** `ILabelRegistry.EvidenceKind`. */
const evidenceKinds = { 0: "none", 1: "link", 2: "text", 3: "file" } as const;

/** The listing's sums as the event has them, and its counts of types without one label's and with another's. */
async function tally(
  db: Db,
  ekId: string,
  { aggregate, changedIn, ...types }: { aggregate: Aggregate; changedIn: bigint; lost: number; won: number },
) {
  const { count: labelCount, ...sums } = aggregate;
  // The row exists because only a listing can be labelled.
  await db.update(listing, { id: ekId }).set((row) => ({
    labelCount,
    ...sums,
    changedIn,
    labelTypeCounts: row.labelTypeCounts.map(
      (n, bit) => n + ((types.won >> bit) & 1) - ((types.lost >> bit) & 1),
    ),
  }));
}

/** Keeps what the live revision said. */
function retire(db: Db, row: LabelRow, endedAt: bigint | null) {
  const { id: labelId, chainId, revision, version, types } = row;
  const { authenticity, utility, reproducibility, freshness, safety } = row;
  // No row can exist: a revision ends once while it is live.
  return db.insert(formerLabel).values({
    ...{ labelId, chainId, revision, version, types, endedAt },
    ...{ authenticity, utility, reproducibility, freshness, safety },
  });
}

ponder.on("LabelRegistry:Labelled", async ({ event, context: { db, chain } }) => {
  const { revision, input, aggregate, by } = event.args;
  const { scores, version, types, evidence, evidenceHash } = input;
  const chainId = chain.id;
  const ids = idsOf(chainId);
  const ekId = ids.ek(event.args.ekId);
  const validatorId = ids.agent(event.args.validatorId);
  const id = ids.label(event.args.ekId, event.args.validatorId);
  // The row exists when the validator said something of the listing before.
  const former = await db.find(label, { id });
  const live = former?.status === "live" ? former : undefined;
  if (live) await retire(db, live, event.block.timestamp);
  const said = {
    ...{ revision, version, types, ...scores, evidence, evidenceHash, by },
    status: "live" as const,
    createdAt: live?.createdAt ?? event.block.timestamp,
    tags: input.tags.map(storable),
    summary: storable(input.summary),
    evidenceKind: evidenceKinds[input.evidenceKind as keyof typeof evidenceKinds],
    ...originOf(event),
  };
  await db
    .insert(label)
    .values({ id, chainId, ekId, validatorId, disputed: false, ...said })
    .onConflictDoUpdate(said);
  await tally(db, ekId, { aggregate, changedIn: event.block.number, lost: live?.types ?? 0, won: types });
  if (!live) await addToTotals(db, chainId, { labels: 1 });
  const moment = momentOf(chainId, event);
  await changeStance(db, moment, id, types);
  await reviewListing(db, moment, ekId);
  if (former) return;
  const isFirst = await countDeed(db, { chainId, agentId: validatorId, deed: "validated" });
  if (isFirst) await addValidator(db, moment, validatorId);
  await countMarket(db, moment, { labels: 1 });
  await countDay(db, moment, validatorId, "labelled");
  await db.insert(activity).values({
    chainId,
    type: "validation",
    ekId,
    agentId: validatorId,
    refId: id,
    ...originOf(event),
  });
});

ponder.on("LabelRegistry:LabelWithdrawn", async ({ event, context: { db, chain } }) => {
  const { ekId, validatorId, aggregate } = event.args;
  const id = idsOf(chain.id).label(ekId, validatorId);
  const row = await existing(db.find(label, { id }), id);
  await retire(db, row, event.block.timestamp);
  await db.update(label, { id }).set({ status: "withdrawn" });
  await tally(db, row.ekId, { aggregate, changedIn: event.block.number, lost: row.types, won: 0 });
  await addToTotals(db, chain.id, { labels: -1 });
  await reviewListing(db, momentOf(chain.id, event), row.ekId);
});

ponder.on("LabelRegistry:LabelDisputed", async ({ event, context }) => {
  await setDisputed(context, event, true);
});

ponder.on("LabelRegistry:LabelUpheld", async ({ event, context }) => {
  await setDisputed(context, event, false);
});

/** Marks the label, when it is its live revision that is challenged. */
async function setDisputed(
  { db, chain }: Context<EventNames>,
  event: Event<"LabelRegistry:LabelDisputed" | "LabelRegistry:LabelUpheld">,
  disputed: boolean,
) {
  const { ekId, validatorId, revision } = event.args;
  const id = idsOf(chain.id).label(ekId, validatorId);
  const row = await existing(db.find(label, { id }), id);
  if (row.status !== "live" || row.revision !== revision) return;
  await db.update(label, { id }).set({ disputed });
  // The row exists because only a listing can be labelled.
  await db.update(listing, { id: row.ekId }).set({ changedIn: event.block.number });
  await reviewListing(db, momentOf(chain.id, event), row.ekId);
}

ponder.on("LabelRegistry:LabelStruck", async ({ event, context: { db, chain } }) => {
  const { revision, aggregate } = event.args;
  const id = idsOf(chain.id).label(event.args.ekId, event.args.validatorId);
  const row = await existing(db.find(label, { id }), id);
  const moment = momentOf(chain.id, event);
  await changeValidator(db, moment, row.validatorId, { struck: 1 });
  if (row.status === "live" && row.revision === revision) {
    await retire(db, row, null);
    await db.update(label, { id }).set({ status: "struck", disputed: false });
    await tally(db, row.ekId, { aggregate, changedIn: event.block.number, lost: row.types, won: 0 });
    await addToTotals(db, chain.id, { labels: -1 });
    return reviewListing(db, moment, row.ekId);
  }
  // The row exists because a revision that is not live has ended.
  await db.update(formerLabel, { labelId: id, revision }).set({ endedAt: null });
});

ponder.on("LabelRegistry:Endorsed", async ({ event, context: { db, chain } }) => {
  const ids = idsOf(chain.id);
  const validatorId = ids.agent(event.args.validatorId);
  // The row exists when another label endorsed the listing before.
  await db
    .insert(endorsement)
    .values({ ekId: ids.ek(event.args.ekId), chainId: chain.id, validatorId })
    .onConflictDoUpdate({ validatorId });
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
