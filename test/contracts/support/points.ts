/** A ledger of its own for the tests of points: its exchange is one of the people, and it asks an endorser that obeys. */
import { type Address, getContract, parseAbi } from "viem";
import { pointsLedgerAbi } from "../../../sdk/abis/index.ts";
import { by, client, create, type Moa, people } from "./deploy.ts";
import { deployMarket } from "./market.ts";

const endorserAbi = parseAbi(["function endorse(uint256 ekId, bool endorsed)", "function fail(bool broken)"]);

/** The policy that every ledger starts with. */
export const FIRST_POLICY = {
  sellerAward: 2,
  buyerAward: 1,
  pairTradesPerDay: 5,
  agentPointsPerDay: 100,
  handful: 5,
  unendorsedPercent: 50,
} as const;

/** Units per point. */
export const POINT = 100n;

export const Reasons = {
  SELF_TRADE: 1,
  PAID_BY_SELLER: 2,
  LINKED: 4,
  PAIR_CAP: 8,
  SELLER_CAP: 16,
  BUYER_CAP: 32,
  UNENDORSED: 64,
} as const;

/** Noon of a day that the tests' chain has not come to yet, so that a test can begin at the beginning of its own day. */
export const NOON = 1_900_000_000n - (1_900_000_000n % 86_400n) + 43_200n;

export const EXCHANGE = people.unit;

/** The market's agents, and beside its ledger one whose exchange is {@link EXCHANGE}. */
export async function deployLedger() {
  const market = await deployMarket();
  const endorser = getContract({ address: await create("Endorser"), abi: endorserAbi, client });
  const address = await create("PointsLedger", [
    market.authority,
    EXCHANGE.address,
    market.registry.address,
    endorser.address,
  ]);
  const points = getContract({ address, abi: pointsLedgerAbi, client });
  const moa: Moa = { ...market, points };
  return { moa, points, endorser };
}

export type Ledger = Awaited<ReturnType<typeof deployLedger>>;

export type Order = {
  ekId: bigint;
  keyId: bigint;
  sellerId: bigint;
  buyerId: bigint;
  payer: Address;
  sales: bigint;
};

/** Has the ledger award the order, as its exchange. */
export function award({ points }: Ledger, order: Order, sender: { address: Address } = EXCHANGE) {
  const { ekId, keyId, sellerId, buyerId, payer, sales } = order;
  return points.write.award([ekId, keyId, sellerId, buyerId, payer, sales], by(sender));
}

/** What the agent has and ever had, in units. */
export async function pointsOf({ points }: Pick<Ledger, "points">, agentId: bigint) {
  return [await points.read.balanceOf([agentId]), await points.read.lifetimeOf([agentId])];
}
