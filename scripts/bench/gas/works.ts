/**
 * The works that are measured, one function each, in the state that the goals name: the seller has sold and has credit, the exchange holds
 * tokens, and a repeat buyer is an agent that has bought from the seller before, though not this listing.
 */
import { type Account, type Hex, keccak256, stringToHex, type TransactionReceipt, toHex } from "viem";
import { curves } from "../../../sdk/curves.ts";
import type { Quote } from "../../../sdk/till.ts";
import { contentOf, FAR, summaryText } from "../../../test/support/market.ts";
import { contractWith, hasFunction, type World } from "./world.ts";

/** Undefined: the contracts do not have it yet. */
export type Work = (world: World) => Promise<TransactionReceipt | undefined>;

const PRICE = 250_000n;
/** An order of a listing's first version at its price; nobody brought the buyer. */
const purchaseOf = (ekId: bigint, buyer: Account) => ({
  ...{ ekId, version: 1, recipient: buyer.address, maxPrice: PRICE, deadline: FAR, referrerId: 0n },
});
const free = { curveParams: curves.fixed.encode({ price: 0n }) };

/** The first purchases open the counters of buyer and pair; from then on all are alike. */
const BOUGHT_BEFORE = 2;

/** A listing that somebody has bought from, and a buyer who has bought another one of its seller's. */
async function soldListing(world: World, changes: Record<string, unknown> = {}) {
  const seller = await world.newcomer();
  await world.market.send(seller, world.market.contracts.registry, "register", [""]);
  const earlier = await world.market.list(seller, changes);
  const ekId = await world.market.list(seller, changes);
  const buyer = await world.newcomer();
  for (let i = 0; i < BOUGHT_BEFORE; i++) await world.market.buy(buyer as never, earlier);
  await world.market.buy((await world.newcomer()) as never, ekId);
  return { seller, ekId, buyer };
}

const agentOf = ({ market }: World, { address }: Account) =>
  market.client.readContract({ ...market.contracts.registry, functionName: "agentOf", args: [address] });

const buy = async (world: World, buyer: Account, ekId: bigint) =>
  (await world.market.buy(buyer as never, ekId)).receipt;

function takesTerm({ deployment }: World, term: string): boolean {
  const { abi } = contractWith(deployment, "list");
  const list = abi.find((item) => item.type === "function" && item.name === "list");
  return JSON.stringify(list ?? {}).includes(`"name":"${term}"`);
}

type Primary = "TransferWithAuthorization" | "ReceiveWithAuthorization";

async function signPayment(
  world: World,
  {
    from,
    to,
    nonce,
    primaryType,
    validBefore,
  }: {
    from: Account;
    to: Hex;
    nonce: Hex;
    primaryType: Primary;
    validBefore: bigint;
  },
) {
  const { market, deployment } = world;
  const token = deployment.tokens[0];
  if (!token || !from.signTypedData) throw new Error("There is no token, or the payer cannot sign.");
  const authorization = { from: from.address, value: PRICE, validAfter: 0n, validBefore, nonce };
  const fields = ["from address", "to address", "value uint256", "validAfter uint256", "validBefore uint256"];
  const signature = await from.signTypedData({
    domain: { name: token.name, version: token.version, chainId: 31337, verifyingContract: market.token },
    types: {
      [primaryType]: [...fields, "nonce bytes32"].map((field) => {
        const [name = "", type = ""] = field.split(" ");
        return { name, type };
      }),
    },
    primaryType,
    message: { ...authorization, to },
  });
  return { authorization, signature };
}

export const works = {
  "buy repeat": async (world) => {
    const { ekId, buyer } = await soldListing(world);
    return buy(world, buyer, ekId);
  },
  "buy new": async (world) => {
    const { ekId } = await soldListing(world);
    return buy(world, await world.newcomer(), ekId);
  },
  "buy escrow repeat": async (world) => {
    if (!takesTerm(world, "refundWindow")) return undefined;
    const { ekId, buyer } = await soldListing(world, { refundWindow: 7 * 86_400 });
    return buy(world, buyer, ekId);
  },
  "claim repeat": async (world) => {
    const { ekId, buyer } = await soldListing(world, free);
    const claim = contractWith(world.deployment, "claim");
    return world.call(buyer, claim, "claim", [ekId, 1, await agentOf(world, buyer)]);
  },
  till: async (world) => {
    const { ekId, buyer } = await soldListing(world);
    const { market } = world;
    const salt = keccak256(stringToHex("till"));
    const quote: Quote = {
      ...{
        ekId,
        version: 1,
        buyer: buyer.address,
        token: market.token,
        maxPrice: PRICE,
        deadline: FAR,
        salt,
      },
    };
    const exchange = contractWith(world.deployment, "buyViaTill");
    const till = (await market.client.readContract({
      ...{ ...exchange, functionName: "tillOf", args: [quote] },
    })) as Hex;
    const { authorization, signature } = await signPayment(world, {
      ...{ from: buyer, to: till, nonce: toHex(7n, { size: 32 }), validBefore: FAR },
      primaryType: "TransferWithAuthorization",
    });
    return world.call(await world.newcomer(), exchange, "buyViaTill", [quote, authorization, signature]);
  },
  "authorization repeat": async (world) => {
    if (!hasFunction(world, "buyWithAuthorization")) return undefined;
    const { ekId, buyer } = await soldListing(world);
    const exchange = contractWith(world.deployment, "buyWithAuthorization");
    const purchase = purchaseOf(ekId, buyer);
    const salt = keccak256(stringToHex("authorization"));
    const nonce = (await world.market.client.readContract({
      ...{ ...exchange, functionName: "authorizationNonce", args: [purchase, salt] },
    })) as Hex;
    const { signature } = await signPayment(world, {
      ...{ from: buyer, to: exchange.address, nonce, validBefore: FAR + 1n },
      primaryType: "ReceiveWithAuthorization",
    });
    const args = [purchase, buyer.address, salt, signature];
    return world.call(await world.newcomer(), exchange, "buyWithAuthorization", args);
  },
  label: async (world) => {
    const { ekId } = await soldListing(world);
    const { labels, registry } = world.market.contracts;
    // Nothing but the scores and a hash of the evidence: what fits the two words of the peers.
    const changes = { tags: [], summary: "", evidenceKind: 1, evidence: keccak256("0x01") };
    let receipt: TransactionReceipt | undefined;
    for (let i = 0; i < 2; i++) {
      const validator = await world.newcomer();
      await world.market.send(validator, registry, "register", [""]);
      const input = world.market.labelInput(ekId, changes);
      receipt = await world.call(validator, labels, "label", [await agentOf(world, validator), input]);
    }
    return receipt;
  },
  list: async (world) => {
    const { seller } = await soldListing(world);
    const args = [0n, world.market.terms(), contentOf(summaryText())];
    return world.call(seller, contractWith(world.deployment, "list"), "list", args);
  },
} as const satisfies Record<string, Work>;

/** What the bytes of the listing's summary cost by themselves: calldata, log data and the hash that binds them. */
export function summaryGas(): number {
  const bytes = Buffer.from(summaryText());
  const calldata = bytes.reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 0);
  return calldata + 8 * bytes.length + 6 * Math.ceil(bytes.length / 32);
}

/** The gas of the purchases with these numbers, all by one agent from one listing, on one day each. */
export async function nthPurchases(world: World, numbers: readonly number[]): Promise<Map<number, number>> {
  const { ekId } = await soldListing(world);
  const buyer = await world.newcomer();
  const gas = new Map<number, number>();
  for (let n = 1; n <= Math.max(...numbers); n++) {
    // One a day: the points ledger's caps per day would make the later ones of a day cheaper.
    await world.provider.request({ method: "evm_increaseTime", params: [86_400] });
    const { gasUsed } = await buy(world, buyer, ekId);
    if (numbers.includes(n)) gas.set(n, Number(gasUsed));
  }
  return gas;
}

/** What one key more in a batch costs: of one listing, and of as many listings as keys. Undefined: there are no batches yet. */
export async function batchMargins(world: World): Promise<{ same: number; distinct: number } | undefined> {
  if (!hasFunction(world, "buyBatch")) return undefined;
  const exchange = contractWith(world.deployment, "buyBatch");
  const { seller, ekId, buyer } = await soldListing(world);
  const ekIds = [ekId];
  for (let i = 1; i < BATCH; i++) {
    ekIds.push(await world.market.list(seller));
  }
  const gasOf = async (ids: bigint[]) => {
    const purchases = ids.map((id) => purchaseOf(id, buyer));
    return Number((await world.call(buyer, exchange, "buyBatch", [purchases])).gasUsed);
  };
  const one = await gasOf([ekId]);
  const margin = async (ids: bigint[]) => Math.round(((await gasOf(ids)) - one) / (BATCH - 1));
  return { same: await margin(ekIds.map(() => ekId)), distinct: await margin(ekIds) };
}

const BATCH = 11;

/** A purchase from a listing with this curve, by somebody who has bought from it. */
export async function buyAlong(
  world: World,
  curve: string,
  curveParams: Hex,
): Promise<TransactionReceipt | undefined> {
  const address = (world.deployment.curves as Record<string, Hex>)[curve];
  if (!address) return undefined;
  const { ekId, buyer } = await soldListing(world, { curve: address, curveParams });
  return buy(world, buyer, ekId);
}
