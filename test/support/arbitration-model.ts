/** The part of `storage-model.ts` that disputes and the house arbitrator store. Disputes are asked for by the keys' rows. */
import type { Address } from "viem";
import * as ids from "../../sdk/ids.ts";
import type { Market } from "./market.ts";
import { type Rows, shape } from "./rows-model.ts";

const statuses = ["none", "opened", "answered", "submitted", "closed"];
const outcomes = [null, "ruled", "lapsed", "conceded", "withdrawn", "timed_out"];
const categories = [
  "unfair_fee",
  "failed_service",
  "reputation_abuse",
  "contract_violation",
  "data_integrity",
];
const phases = ["none", "waiting", "appealable", "appealed", "final", "executed"];
const lower = (address: Address) => address.toLowerCase() as Address;

const agt = ({ deployment: { chainId } }: Market, agentId: bigint) =>
  ids.agentId.serialize({ chainId, agentId });

export async function arbitrationOf(market: Market, rows: Rows) {
  const { client, contracts } = market;
  const { disputes, house, registry } = contracts;
  const count = await client.readContract({ ...house, functionName: "caseCount" });
  const cases = await Promise.all(
    Array.from({ length: Number(count) }, (_, number) => caseOf(market, BigInt(number))),
  );
  const found = await Promise.all(rows.keys.map(({ id }) => disputeOf(market, id)));
  const agents = await client.readContract({ ...registry, functionName: "agentCount" });
  const credits = async (contract: typeof disputes | typeof house) => {
    const all = await Promise.all(
      Array.from({ length: Number(agents) }, async (_, i) => ({
        id: agt(market, BigInt(i + 1)),
        amount: await client.readContract({
          address: contract.address,
          abi: disputes.abi,
          functionName: "creditOf",
          args: [BigInt(i + 1)],
        }),
      })),
    );
    return shape(
      all.filter(({ amount }) => amount !== 0n),
      ({ id, amount }) => [id, { amount }],
    );
  };
  const court = {
    arbitrationCost: await client.readContract({ ...house, functionName: "arbitrationCost", args: ["0x"] }),
    appealCost: await appealCostOf(market, count),
    payeeId: agt(market, await client.readContract({ ...house, functionName: "payeeId" })),
  };
  return {
    disputes: shape(
      found.filter(({ dispute }) => dispute.status !== "none"),
      ({ id, dispute }) => [id, dispute],
    ),
    disputeCredits: await credits(disputes),
    courtCases: shape(cases, ({ name, ...fields }) => [name, fields]),
    courtCredits: await credits(house),
    courts: { court },
  };
}

async function disputeOf(market: Market, id: string) {
  const { client } = market;
  const { disputes } = market.contracts;
  const keyId = ids.joinTokenId(ids.keyId.parse(id));
  const c = await client.readContract({ ...disputes, functionName: "disputeOf", args: [keyId] });
  const waiting = await client.readContract({ ...disputes, functionName: "keyOf", args: [c.disputeID] });
  return {
    id,
    dispute: {
      ...{ buyerId: agt(market, c.buyerId), sellerId: agt(market, c.sellerId) },
      ...{ category: categories[c.category], status: statuses[c.status], outcome: outcomes[c.outcome] },
      ...{ ruling: c.ruling, deadline: BigInt(c.deadline) },
      ...{ buyerFee: c.buyerFee, sellerFee: c.sellerFee, spent: c.spent, appeals: c.appeals },
      appellantId: c.appellantId === 0n ? null : agt(market, c.appellantId),
      disputeNumber: c.submitted ? c.disputeID : null,
      awaitsRuling: c.submitted && waiting === keyId,
    },
  };
}

async function caseOf({ client, contracts: { house } }: Market, number: bigint) {
  const c = await client.readContract({ ...house, functionName: "caseOf", args: [number] });
  return {
    name: `case ${number}`,
    ...{ arbitrable: lower(c.arbitrable), phase: phases[c.phase], deadline: BigInt(c.deadline) },
    ...{ fee: c.fee, choices: c.choices.toString(), ruling: c.ruling.toString() },
  };
}

/** The standard tells an appeal's cost for a case only; without one, the constructor's event did. */
async function appealCostOf({ client, contracts: { house } }: Market, cases: bigint) {
  if (cases > 0n) return client.readContract({ ...house, functionName: "appealCost", args: [0n, "0x"] });
  const events = await client.getContractEvents({ ...house, eventName: "CostsSet", fromBlock: 0n });
  return events.at(-1)?.args.appealCost;
}
