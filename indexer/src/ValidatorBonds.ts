/**
 * Bonds and challenges. Ignored: MetaEvidence, Evidence, Dispute and Ruling, which ERC-1497 and ERC-792 want for the arbitrators' front
 * ends; Challenged, Referred and ChallengeClosed say the same; FeeReclaimed, whose credits have events of their own.
 */
import { ponder } from "ponder:registry";
import { bondCredit, challenge, feeCredit, validatorBond } from "ponder:schema";
import { type Db, existing, idsOf, originOf, storable } from "./event.ts";

/** `IValidatorBonds.ChallengeStatus`, from Struck on. */
const ends = { 4: "struck", 5: "upheld", 6: "tied" } as const;

const NO_BOND = { bonded: 0n, unbonding: 0n, unbondedAt: 0n, atStake: 0n };

/** What an agent can withdraw from now on. */
async function setCredit(db: Db, chainId: number, agentId: string, amount: bigint) {
  // The row exists when it was credited before.
  await db.insert(bondCredit).values({ agentId, chainId, amount }).onConflictDoUpdate({ amount });
}

async function setFeeCredit(db: Db, chainId: number, account: `0x${string}`, amount: bigint) {
  // The row exists when it was credited before.
  await db.insert(feeCredit).values({ chainId, account, amount }).onConflictDoUpdate({ amount });
}

ponder.on("ValidatorBonds:BondChanged", async ({ event, context: { db, chain } }) => {
  const { bonded, unbonding } = event.args;
  const state = {
    ...{ bonded, unbonding, unbondedAt: BigInt(event.args.unbondedAt) },
    changedIn: event.block.number,
  };
  const validatorId = idsOf(chain.id).agent(event.args.validatorId);
  // The row exists when it bonded before.
  await db
    .insert(validatorBond)
    .values({ validatorId, chainId: chain.id, ...NO_BOND, ...state })
    .onConflictDoUpdate(state);
});

ponder.on("ValidatorBonds:BondReleased", async ({ event, context: { db, chain } }) => {
  await setCredit(db, chain.id, idsOf(chain.id).agent(event.args.validatorId), event.args.credit);
});

ponder.on("ValidatorBonds:CreditWithdrawn", async ({ event, context: { db, chain } }) => {
  await setCredit(db, chain.id, idsOf(chain.id).agent(event.args.agentId), 0n);
});

ponder.on("ValidatorBonds:FeesCredited", async ({ event, context: { db, chain } }) => {
  await setFeeCredit(db, chain.id, event.args.account, event.args.credit);
});

ponder.on("ValidatorBonds:FeesWithdrawn", async ({ event, context: { db, chain } }) => {
  await setFeeCredit(db, chain.id, event.args.account, 0n);
});

ponder.on("ValidatorBonds:Challenged", async ({ event, context: { db, chain } }) => {
  const { challengeId, ekId, revision, atStake, fee, deadline, evidence, evidenceHash } = event.args;
  const ids = idsOf(chain.id);
  const validatorId = ids.agent(event.args.validatorId);
  // No row can exist: challenges are numbered.
  await db.insert(challenge).values({
    ...{ chainId: chain.id, challengeId, labelId: ids.label(ekId, event.args.validatorId), revision },
    ...{ validatorId, challengerId: ids.agent(event.args.challengerId), status: "open" },
    ...{ atStake, fee, deadline: BigInt(deadline), evidence: storable(evidence), evidenceHash },
    ...{ appeals: 0, slashed: 0n, reward: 0n },
    ...originOf(event),
  });
  // The row exists because only who bonds can be challenged.
  await db.update(validatorBond, { validatorId }).set((row) => ({ atStake: row.atStake + atStake }));
});

// From here on the challenge's row exists because it was made before it went on.

ponder.on("ValidatorBonds:Answered", async ({ event, context: { db, chain } }) => {
  const { challengeId, deadline } = event.args;
  await db
    .update(challenge, { chainId: chain.id, challengeId })
    .set({ status: "answered", deadline: BigInt(deadline) });
});

ponder.on("ValidatorBonds:Referred", async ({ event, context: { db, chain } }) => {
  const { challengeId, disputeID: disputeId, deadline } = event.args;
  await db
    .update(challenge, { chainId: chain.id, challengeId })
    .set({ status: "ruling", disputeId, deadline: BigInt(deadline) });
});

ponder.on("ValidatorBonds:Appealed", async ({ event, context: { db, chain } }) => {
  const { challengeId, deadline } = event.args;
  await db
    .update(challenge, { chainId: chain.id, challengeId })
    .set((row) => ({ appeals: row.appeals + 1, deadline: BigInt(deadline) }));
});

ponder.on("ValidatorBonds:ChallengeClosed", async ({ event, context: { db, chain } }) => {
  const { challengeId, status, slashed, reward, challengerCredit, validatorCredit } = event.args;
  const pk = { chainId: chain.id, challengeId };
  const row = await existing(db.find(challenge, pk), `Challenge ${challengeId}`);
  await db.update(challenge, pk).set({ status: ends[status as keyof typeof ends], slashed, reward });
  // The row exists because only who bonds can be challenged.
  await db
    .update(validatorBond, { validatorId: row.validatorId })
    .set((bond) => ({ atStake: bond.atStake - row.atStake }));
  await setCredit(db, chain.id, row.challengerId, challengerCredit);
  await setCredit(db, chain.id, row.validatorId, validatorCredit);
});
