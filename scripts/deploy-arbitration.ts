/** The arbitration part of a deployment: the house arbitrator, the disputes' desk, and the courts' roles. */
import type { Address, Hex } from "viem";
import { parseEther, toFunctionSelector } from "viem";
import { mnemonicToAccount } from "viem/accounts";

/** Roles in `Authority`, by number. 0 is AccessManager's own administrator. */
export const courtRoles = {
  /** Gives first rulings at the house arbitrator. */
  ARBITER: 20n,
  /** Gives rulings on appeal. Nobody may have both. */
  APPEAL: 21n,
} as const;

/** What a court of the house costs, in the chain's coin, and the most that it may ever cost. */
const COSTS = { max: parseEther("0.05"), arbitration: parseEther("0.005"), appeal: parseEther("0.015") };

/** The rules of a dispute (ERC-1497 MetaEvidence), as the arbitrator's front end shows them. */
const RULES = {
  title: "A disputed MOA order",
  description:
    "A buyer disputes an order of an Experience Key whose money is still held. Compare the listing's manifest and terms with what was delivered, by the evidence of both sides.",
  question: "Who is right?",
  rulingOptions: {
    type: "single-select",
    titles: ["The buyer", "The seller"],
    descriptions: [
      "The buyer gets its money back and loses the key.",
      "The seller gets the money and the buyer keeps the key.",
    ],
  },
};

type Chain = {
  create(name: string, args?: unknown[]): Promise<{ address: Address }>;
  call(name: string, address: Address, functionName: string, args: unknown[]): Promise<void>;
};
/** Who may rule; a court without a judge is silent, and anybody ends its cases after its time. */
export type Judges = { arbiter?: Address | undefined; appeal?: Address | undefined };

/** The fifth and the sixth of the well-known test accounts. */
export function localJudges(): Judges {
  const judge = (addressIndex: number) =>
    mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex })
      .address;
  return { arbiter: judge(4), appeal: judge(5) };
}

/** Deploys the house arbitrator: its fees are the agent's `payeeId`, which must be registered before. */
export async function deployHouse(
  chain: Chain,
  {
    authority,
    registry,
    payeeId,
    judges,
  }: { authority: Address; registry: Address; payeeId: bigint; judges: Judges },
): Promise<Address> {
  const { arbiter, appeal } = judges;
  if (arbiter && appeal && arbiter === appeal) {
    throw new Error(`${arbiter} can't be the judge of both courts: name two.`);
  }
  const args = [authority, registry, payeeId, COSTS.max, COSTS.arbitration, COSTS.appeal];
  const { address } = await chain.create("HouseArbitrator", args);
  const courts: [signature: string, role: bigint, judge: Address | undefined][] = [
    ["function giveRuling(uint256,uint256)", courtRoles.ARBITER, arbiter],
    ["function giveFinalRuling(uint256,uint256)", courtRoles.APPEAL, appeal],
  ];
  for (const [signature, role, judge] of courts) {
    const selectors: Hex[] = [toFunctionSelector(signature)];
    await chain.call("Authority", authority, "setTargetFunctionRole", [address, selectors, role]);
    if (judge) await chain.call("Authority", authority, "grantRole", [role, judge, 0]);
  }
  return address;
}

/** Deploys the disputes' desk of the orders at `exchange`, with this arbitrator for ever. */
export async function deployDisputes(
  chain: Chain,
  { registry, exchange, arbitrator }: { registry: Address; exchange: Address; arbitrator: Address },
): Promise<Address> {
  const rules = `data:application/json,${encodeURIComponent(JSON.stringify(RULES))}`;
  return (await chain.create("Disputes", [registry, exchange, arbitrator, "0x", rules])).address;
}
