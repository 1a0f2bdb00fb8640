/** The storage behind bonds, challenges and seats, in the shape of `rows-model.ts`. */
import * as ids from "../../sdk/ids.ts";
import type { Market } from "./market.ts";
import { type Rows, shape } from "./rows-model.ts";
import { agentIdsOf, all, ekIdsOf, idsOf, range } from "./storage-reading.ts";

export async function bondsOf(market: Market, rows: Rows) {
  const { client, contracts } = market;
  const { bonds } = contracts;
  const { agt, lbl } = idsOf(market);
  const agentIds = await agentIdsOf(market);
  const bonded = await all(agentIds, async (agentId) => ({
    agentId,
    bond: await client.readContract({ ...bonds, functionName: "bondOf", args: [agentId] }),
    atStake: await client.readContract({ ...bonds, functionName: "atStakeOf", args: [agentId] }),
    amount: await client.readContract({ ...bonds, functionName: "creditOf", args: [agentId] }),
  }));
  const known = { bonds: new Set(rows.bonds.map((b) => b.validatorId)), credits: new Set<string>() };
  for (const { agentId } of rows.bondCredits) known.credits.add(agentId);
  const fees = await all(rows.feeCredits, async ({ account }) => ({
    account,
    amount: await client.readContract({ ...bonds, functionName: "feeCreditOf", args: [account] }),
  }));
  const count = await client.readContract({ ...bonds, functionName: "challengeCount" });
  const challenges = await all(range(count), async (challengeId) => ({
    challengeId,
    c: await client.readContract({ ...bonds, functionName: "challengeOf", args: [challengeId] }),
  }));
  return {
    bonds: shape(
      bonded.filter(
        ({ agentId, bond }) => known.bonds.has(agt(agentId)) || bond.bonded + bond.unbonding !== 0n,
      ),
      ({ agentId, bond, atStake }) => [
        agt(agentId),
        { ...bond, unbondedAt: BigInt(bond.unbondedAt), atStake },
      ],
    ),
    bondCredits: shape(
      bonded.filter(({ agentId, amount }) => known.credits.has(agt(agentId)) || amount !== 0n),
      ({ agentId, amount }) => [agt(agentId), { amount }],
    ),
    feeCredits: shape(fees, ({ account, amount }) => [account, { amount }]),
    challenges: shape(challenges, ({ challengeId, c }) => [
      `challenge ${challengeId}`,
      {
        ...{ labelId: lbl(c.ekId, c.validatorId), revision: c.revision, challengerId: agt(c.challengerId) },
        ...{ status: c.status, atStake: c.atStake, fee: c.fee, deadline: BigInt(c.deadline) },
        ...{ disputeId: c.disputeID, appeals: c.appeals },
      },
    ]),
  };
}

export async function seatsOf(market: Market, rows: Rows) {
  const { client } = market;
  const { consensus } = market.contracts;
  const { agt, ek } = idsOf(market);
  const benches = await all(await ekIdsOf(market), async (ekId) => ({
    ekId,
    seats: await client.readContract({ ...consensus, functionName: "seatsOf", args: [ekId] }),
  }));
  const taken = benches.flatMap(({ ekId, seats }) =>
    seats.flatMap(({ validatorId, since }, index) =>
      validatorId === 0n ? [] : [{ ekId, index, validatorId, since: BigInt(since) }],
    ),
  );
  const groups = await all(rows.groups, async ({ validatorId }) => {
    const args = [ids.agentId.parse(validatorId).agentId] as const;
    return {
      validatorId,
      groupId: await client.readContract({ ...consensus, functionName: "groupOf", args }),
    };
  });
  const policy = await client.readContract({ ...consensus, functionName: "policy" });
  return {
    seats: shape(taken, ({ ekId, index, validatorId, since }) => [
      `${ek(ekId)} seat ${index}`,
      { validatorId: agt(validatorId), since },
    ]),
    groups: shape(groups, ({ validatorId, groupId }) => [validatorId, { groupId: agt(groupId) }]),
    consensusPolicies: shape([policy], (p) => [`chain ${market.deployment.chainId}`, p]),
  };
}
