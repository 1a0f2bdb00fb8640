/**
 * The house arbitrator's cases. Ignored: DisputeCreation, AppealPossible and AppealDecision, which the standard asks for and which say
 * less than the arbitrator's own events; AuthorityUpdated, which changes no case.
 */
import { ponder } from "ponder:registry";
import { courtCase, courtCredit, courtSetting } from "ponder:schema";
import { type Db, idsOf } from "./event.ts";

/** Settings before their first event: the constructor sets both. */
const nobody = { arbitrationCost: 0n, appealCost: 0n, payeeId: "" };

ponder.on("HouseArbitrator:CaseOpened", async ({ event, context: { db, chain } }) => {
  const { disputeID, arbitrable, choices, fee, ruleBy } = event.args;
  // No row can exist: the arbitrator counts its cases.
  await db.insert(courtCase).values({
    chainId: chain.id,
    number: disputeID,
    arbitrable,
    phase: "waiting",
    deadline: ruleBy,
    fee,
    choices: choices.toString(),
    ruling: "0",
    expired: false,
    openedAt: event.block.timestamp,
  });
});

/** Of a case's row: it exists because the arbitrator opened the case before it says anything of it. */
const caseOf = (db: Db, chainId: number, number: bigint) => db.update(courtCase, { chainId, number });

ponder.on("HouseArbitrator:RulingGiven", async ({ event, context: { db, chain } }) => {
  const { disputeID, ruling, appealBy } = event.args;
  await caseOf(db, chain.id, disputeID).set({
    phase: "appealable",
    ruling: ruling.toString(),
    deadline: appealBy,
  });
});

ponder.on("HouseArbitrator:CaseAppealed", async ({ event, context: { db, chain } }) => {
  const { disputeID, fee, ruleBy } = event.args;
  await caseOf(db, chain.id, disputeID).set({ phase: "appealed", fee, deadline: ruleBy });
});

ponder.on("HouseArbitrator:RulingFinal", async ({ event, context: { db, chain } }) => {
  const { disputeID, ruling, expired } = event.args;
  await caseOf(db, chain.id, disputeID).set({ phase: "final", ruling: ruling.toString(), expired });
});

ponder.on("HouseArbitrator:RulingExecuted", async ({ event, context: { db, chain } }) => {
  await caseOf(db, chain.id, event.args.disputeID).set({ phase: "executed" });
});

ponder.on("HouseArbitrator:FeeEarned", async ({ event, context: { db, chain } }) => {
  const { disputeID, agentId, creditAfter } = event.args;
  await caseOf(db, chain.id, disputeID).set({ fee: 0n });
  await setCredit(db, chain.id, agentId, creditAfter);
});

ponder.on("HouseArbitrator:FeeReturned", async ({ event, context: { db, chain } }) => {
  await caseOf(db, chain.id, event.args.disputeID).set({ fee: 0n });
});

/** All of an agent's credit is paid out at once. */
ponder.on("HouseArbitrator:Withdrawn", async ({ event, context: { db, chain } }) => {
  await setCredit(db, chain.id, event.args.agentId, 0n);
});

ponder.on("HouseArbitrator:CostsSet", async ({ event, context: { db, chain } }) => {
  const { arbitrationCost, appealCost } = event.args;
  const state = { arbitrationCost, appealCost, updatedAt: event.block.timestamp };
  // The row exists after the first of the two settings.
  await db
    .insert(courtSetting)
    .values({ chainId: chain.id, ...nobody, ...state })
    .onConflictDoUpdate(state);
});

ponder.on("HouseArbitrator:PayeeSet", async ({ event, context: { db, chain } }) => {
  const state = { payeeId: idsOf(chain.id).agent(event.args.agentId), updatedAt: event.block.timestamp };
  // The row exists after the first of the two settings.
  await db
    .insert(courtSetting)
    .values({ chainId: chain.id, ...nobody, ...state })
    .onConflictDoUpdate(state);
});

async function setCredit(db: Db, chainId: number, agent: bigint, amount: bigint) {
  const agentId = idsOf(chainId).agent(agent);
  // The row exists when the agent earned before.
  await db.insert(courtCredit).values({ agentId, chainId, amount }).onConflictDoUpdate({ amount });
}
