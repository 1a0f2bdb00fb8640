/** Random calls around labels, for the replay: each with what it needs drawn at random. */
import { keccak256, stringToHex } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import type { Market } from "./market.ts";
import type { createRandom } from "./random.ts";

type Agent = { account: PrivateKeyAccount; agentId: bigint };
type Drawn = {
  random: ReturnType<typeof createRandom>;
  agents: Agent[];
  listings: { ekId: bigint }[];
};

const BOND = 50_000_000n;

export function labelCalls(market: Market, { random, agents, listings }: Drawn) {
  const { client, send } = market;
  const { labels, bonds, consensus, house, usdc } = market.contracts;
  const labelled: { ekId: bigint; agent: Agent }[] = [];
  const bonded: Agent[] = [];
  const challenged: bigint[] = [];
  const payers: Agent[] = [];

  const input = () =>
    market.labelInput(random.pick(listings).ekId, {
      types: 1 + random.int(255),
      tags: [`t${random.int(9)}`],
    });
  const challengeOf = (challengeId: bigint) =>
    client.readContract({ ...bonds, functionName: "challengeOf", args: [challengeId] });
  /** Any challenge in that state; none is a RangeError, as of an empty list. */
  const challengeIn = async (status: number) => {
    const all = await Promise.all(challenged.map(async (id) => ({ id, ...(await challengeOf(id)) })));
    return random.pick(all.filter((c) => c.status === status));
  };
  const fee = () => client.readContract({ ...house, functionName: "arbitrationCost", args: ["0x"] });
  /** A challenge that the house's court has in that phase, by its number there. */
  const caseIn = async (phase: number) => {
    const all = await Promise.all(
      challenged.map(async (id) => {
        const { status, disputeID } = await challengeOf(id);
        if (status !== 3) return { id, disputeID, phase: 0 };
        const heard = await client.readContract({ ...house, functionName: "caseOf", args: [disputeID] });
        return { id, disputeID, phase: heard.phase };
      }),
    );
    return random.pick(all.filter((c) => c.phase === phase));
  };

  return {
    async labelBatch() {
      const agent = random.pick(agents);
      const inputs = random.chance(0.5) ? [input()] : [input(), input()];
      await send(agent.account, labels, "labelBatch", [agent.agentId, inputs]);
      for (const { ekId } of inputs) labelled.push({ ekId, agent });
    },
    async revise() {
      const { ekId, agent } = random.pick(labelled);
      await send(agent.account, labels, "revise", [agent.agentId, { ...input(), ekId }]);
    },
    async withdrawLabel() {
      const { ekId, agent } = random.pick(labelled);
      await send(agent.account, labels, "withdraw", [agent.agentId, ekId]);
    },
    async bond() {
      const agent = labelled.length > 0 ? random.pick(labelled).agent : random.pick(agents);
      await send(agent.account, usdc, "approve", [bonds.address, 2n ** 255n]);
      await send(agent.account, bonds, "bond", [agent.agentId, BOND]);
      bonded.push(agent);
    },
    async unbond() {
      const { account, agentId } = random.pick(bonded);
      await send(account, bonds, "unbond", [agentId, BigInt(1 + random.int(9_000_000))]);
    },
    async seat() {
      const { ekId, agent } = random.pick(labelled);
      await send(random.pick(agents).account, consensus, "seat", [ekId, agent.agentId]);
    },
    async link() {
      const ids = [random.pick(agents), random.pick(agents)].map(({ agentId }) => agentId);
      await send(market.admin, consensus, "link", [ids, random.chance(0.3) ? 0n : (ids[0] ?? 0n)]);
    },
    async challenge() {
      const { ekId, agent } = random.pick(labelled.filter(({ agent }) => bonded.includes(agent)));
      const challenger = random.pick(agents);
      await send(challenger.account, usdc, "approve", [bonds.address, 2n ** 255n]);
      const args = [challenger.agentId, ekId, agent.agentId, 1 + random.int(3), "ipfs://e"] as const;
      const call = [...args, keccak256(stringToHex("e"))] as const;
      const value = (await fee()) + BigInt(random.int(2));
      challenged.push((await send(challenger.account, bonds, "challenge", call, value)).result);
    },
    async answer() {
      const { id, fee: value } = await challengeIn(1);
      const payer = random.pick(agents);
      await send(payer.account, bonds, "answer", [id], value + 1n);
      payers.push(payer);
    },
    async refer() {
      await send(random.pick(agents).account, bonds, "refer", [(await challengeIn(2)).id]);
    },
    async appeal() {
      const { id, disputeID } = await caseIn(2);
      const value = await client.readContract({
        ...{ ...house, functionName: "appealCost", args: [disputeID, "0x"] },
      });
      await send(random.pick(agents).account, bonds, "appeal", [id], value + BigInt(random.int(2)));
    },
    async giveRuling() {
      const { disputeID } = await caseIn(1);
      await send(market.arbiter, house, "giveRuling", [disputeID, BigInt(random.int(3))]);
    },
    async giveFinalRuling() {
      const { disputeID } = await caseIn(3);
      await send(market.appealJudge, house, "giveFinalRuling", [disputeID, BigInt(random.int(3))]);
    },
    async execute() {
      await send(random.pick(agents).account, house, "execute", [(await caseIn(4)).disputeID]);
    },
    async withdrawCredit() {
      const { account, agentId } = random.pick(agents);
      await send(account, bonds, "withdraw", [agentId, account.address]);
    },
    async withdrawFees() {
      const { account } = random.pick(payers);
      await send(account, bonds, "withdrawFees", [account.address]);
    },
  };
}
