/** What parties and courts do about disputes, each call with what it needs drawn at random; for `replay.test.ts`. */
import { type PrivateKeyAccount, zeroAddress } from "viem";
import type { Market } from "./market.ts";
import type { createRandom } from "./random.ts";

const Status = { Opened: 1, Submitted: 3, Closed: 4 } as const;
const Phase = { Waiting: 1, Appealable: 2, Appealed: 3 } as const;
const HELD = 1;
/** How many keys are looked at for one that can be disputed. */
const SAMPLE = 8;
/** The buyer is ruling 1's winner. */
const BUYER_WINS = 1n;

type Party = { account: PrivateKeyAccount; agentId: bigint };

/** `agents` and `keyIds` grow while the calls are made. Throws a RangeError where there is nothing to call for. */
export function createDisputeCalls(
  market: Market,
  random: ReturnType<typeof createRandom>,
  agents: Party[],
  keyIds: bigint[],
) {
  const { client, send } = market;
  const { disputes: desk, exchange, house } = market.contracts;
  const disputed: bigint[] = [];

  const accountOf = (agentId: bigint) => {
    const agent = agents.find((one) => one.agentId === agentId);
    if (!agent) throw new RangeError(`Agent ${agentId} is a contract.`);
    return agent.account;
  };
  const cost = () => client.readContract({ ...desk, functionName: "arbitrationCost" });
  const disputeOf = (keyId: bigint) =>
    client.readContract({ ...desk, functionName: "disputeOf", args: [keyId] });

  /** The first of a few keys whose money waits, else the last: that one is refused. */
  async function anyHeld() {
    for (let left = SAMPLE; ; left--) {
      const keyId = random.pick(keyIds);
      const order = await client.readContract({ ...exchange, functionName: "orderOf", args: [keyId] });
      if (order.status === HELD || left === 0) return { keyId, order };
    }
  }
  /** Any dispute that is in one of these statuses. */
  async function any(...statuses: number[]) {
    const all = await Promise.all(disputed.map(async (keyId) => ({ keyId, ...(await disputeOf(keyId)) })));
    return random.pick(all.filter(({ status }) => statuses.includes(status)));
  }
  /** Any dispute whose case at the house is in this phase; that runs still, where the desk is asked. */
  async function anyCase(phase: number, atDesk = false) {
    const all = await Promise.all(disputed.map(async (keyId) => ({ keyId, ...(await disputeOf(keyId)) })));
    const cases = await Promise.all(
      all
        .filter(({ submitted, status }) => submitted && !(atDesk && status === Status.Closed))
        .map(async (dispute) => ({
          ...dispute,
          court: await client.readContract({ ...house, functionName: "caseOf", args: [dispute.disputeID] }),
        })),
    );
    return random.pick(cases.filter(({ court }) => court.phase === phase));
  }
  const sometimes = () => {
    if (random.chance(0.7)) throw new RangeError("Disputes are to live a while.");
  };

  return {
    async openDispute() {
      const { keyId, order } = await anyHeld();
      const value = (await cost()) + BigInt(random.int(3));
      const args = [keyId, random.int(5), random.pick(["", "ipfs://why"])] as const;
      await send(accountOf(order.buyerId), desk, "open", args, value);
      disputed.push(keyId);
    },
    async answerDispute() {
      const { keyId, sellerId } = await any(Status.Opened);
      const value = (await cost()) + BigInt(random.int(3));
      await send(accountOf(sellerId), desk, "answer", [keyId, "ipfs://answer"], value);
    },
    async submitEvidence() {
      const { keyId, buyerId, sellerId } = await any(Status.Opened, Status.Submitted);
      const party = accountOf(random.pick([buyerId, sellerId]));
      await send(party, desk, "submitEvidence", [keyId, "ipfs://more"]);
    },
    async concede() {
      sometimes();
      const { keyId, sellerId } = await any(Status.Opened, Status.Submitted);
      await send(accountOf(sellerId), desk, "concede", [keyId]);
    },
    async withdrawDispute() {
      sometimes();
      const { keyId, buyerId } = await any(Status.Opened, Status.Submitted);
      await send(accountOf(buyerId), desk, "withdrawDispute", [keyId]);
    },
    async ruleOnOrder() {
      const { disputeID } = await anyCase(Phase.Waiting);
      await send(market.arbiter, house, "giveRuling", [disputeID, BigInt(random.int(3))]);
    },
    async appealRuling() {
      const { keyId, buyerId, sellerId, court, disputeID } = await anyCase(Phase.Appealable, true);
      const loser = accountOf(court.ruling === BUYER_WINS ? sellerId : buyerId);
      const value = await client.readContract({
        ...{ ...house, functionName: "appealCost", args: [disputeID, "0x"] },
      });
      await send(loser, desk, "appeal", [keyId], value);
    },
    async ruleFinally() {
      const { disputeID } = await anyCase(Phase.Appealed);
      await send(market.appealJudge, house, "giveFinalRuling", [disputeID, BigInt(random.int(3))]);
      await send(random.pick(agents).account, house, "execute", [disputeID]);
    },
    async withdrawDisputeFees() {
      const { agentId } = random.pick(agents);
      await send(random.pick(agents).account, desk, "withdraw", [agentId, zeroAddress]);
    },
  };
}
