/** The fixture of nearly every test: MOA with four agents, three listings and money in the wallets. */
import { type Address, encodeAbiParameters, type Hex, keccak256, toHex } from "viem";
import { curves } from "../../../sdk/curves.ts";
import { joinTokenId } from "../../../sdk/ids.ts";
import { networkHelpers, now } from "./chain.ts";
import { by, deployMoa, deployMoaWith, type Moa, type Person, people } from "./deploy.ts";

export const ZERO = "0x0000000000000000000000000000000000000000";
export const NO_HASH = `0x${"00".repeat(32)}` as const;

/** Ids of the agents that {@link deployMarket} registers, in this order. */
export const SELLER = 1n;
export const BUYER = 2n;
export const VALIDATOR = 3n;
export const UNIT = 4n;

/** Ids of the listings that it creates, all of them the seller's. */
export const FIXED = 1n;
export const LINEAR = 2n;
export const FREE = 3n;

/** Price of the first listing: 5 USDC. */
export const PRICE = 5_000_000n;
/** The second listing's curve: 1 USDC, then a quarter more for each key, at most 2. */
export const SLOPE = { base: 1_000_000n, slope: 250_000n, max: 2_000_000n } as const;
/** What everybody's wallet holds. */
export const FUNDS = 1_000_000_000n;

export const Status = { None: 0, Active: 1, Paused: 2, Archived: 3 } as const;
export const Actions = { LIST: 1n, LABEL: 2n, CLAIM: 4n, SPEND_POINTS: 8n, ANCHOR: 16n, ALL: 31n } as const;
export const Scopes = { READ: 1, DOWNLOAD: 2, EXECUTE: 4, QUOTE: 8, DERIVE: 16, ALL: 31 } as const;
export const Flags = { TRANSFERABLE: 1, RESTRICTED_VALIDATORS: 2, LENDABLE: 4 } as const;

export const RefundTerms = { None: 0, UntilAccess: 1, Full: 2 } as const;
export const OrderStatus = { None: 0, Held: 1, Disputed: 2, Released: 3, Refunded: 4 } as const;
export const Share = { Seller: 0, Fee: 1, Royalty: 2, Referral: 3, Bounty: 4, Refund: 5 } as const;

export const DAY = 86_400;

export type Royalty = { ekId: bigint; bps: number };
export type Terms = {
  token: Address;
  curve: Address;
  curveParams: Hex;
  supplyCap: number;
  startTime: number;
  endTime: number;
  keyTtl: number;
  scopes: number;
  flags: number;
  refundWindow: number;
  refundTerms: number;
  bountyBps: number;
  referralBps: number;
  resaleBps: number;
  pointsPrice: number;
  requestsPerMinute: number;
  requestsPerDay: number;
  royalties: Royalty[];
};

/** Terms under which the buyer may have its money back for a day. */
export const REFUNDABLE = { refundWindow: DAY, refundTerms: RefundTerms.Full } as const;

/** Terms of a listing at the fixed price, unless told otherwise. */
export function termsOf(moa: Moa, fields: Partial<Terms> = {}): Terms {
  return {
    token: moa.usdc.address,
    curve: moa.fixed.address,
    curveParams: curves.fixed.encode({ price: PRICE }),
    supplyCap: 0,
    startTime: 0,
    endTime: 0,
    keyTtl: 0,
    scopes: Scopes.READ | Scopes.DOWNLOAD,
    flags: 0,
    refundWindow: 0,
    refundTerms: RefundTerms.None,
    bountyBps: 0,
    referralBps: 0,
    resaleBps: 0,
    pointsPrice: 0,
    requestsPerMinute: 0,
    requestsPerDay: 0,
    royalties: [],
    ...fields,
  };
}

/** Curve and parameters of a listing at `price`. */
export function at(price: bigint): { curveParams: Hex } {
  return { curveParams: curves.fixed.encode({ price }) };
}

export type Content = { manifestHash: Hex; summary: string; uri: string; summaryHash: Hex };

/** A listing's content; another `name` is another manifest and summary. */
export function contentOf(name = "cars", fields: Partial<Content> = {}): Content {
  const summary = `{"title":"${name}"}`;
  const summaryHash = keccak256(toHex(summary));
  return { manifestHash: keccak256(toHex(`manifest of ${name}`)), summary, uri: "", summaryHash, ...fields };
}

/** What a listing stores of its content. */
export function contentHashOf({ manifestHash, summaryHash }: Content): Hex {
  return keccak256(
    encodeAbiParameters([{ type: "bytes32" }, { type: "bytes32" }], [manifestHash, summaryHash]),
  );
}

export type Purchase = {
  ekId: bigint;
  version: number;
  recipient: Address;
  maxPrice: bigint;
  deadline: bigint;
  referrerId: bigint;
};

/** An order of the first listing's first version for `recipient`, good for an hour. */
export async function purchaseOf(
  recipient: { address: Address },
  fields: Partial<Purchase> = {},
): Promise<Purchase> {
  const deadline = (await now()) + 3600n;
  const order = { ekId: FIXED, version: 1, recipient: recipient.address, maxPrice: PRICE, referrerId: 0n };
  return { ...order, deadline, ...fields };
}

export type Quote = {
  ekId: bigint;
  version: number;
  buyer: Address;
  token: Address;
  maxPrice: bigint;
  deadline: bigint;
  salt: Hex;
};

let lastSalt = 0n;

/** A quote of the first listing for `buyer`, good for an hour, with a salt never used before. */
export async function quoteOf(
  moa: Moa,
  buyer: { address: Address },
  fields: Partial<Quote> = {},
): Promise<Quote> {
  lastSalt += 1n;
  return {
    ekId: FIXED,
    version: 1,
    buyer: buyer.address,
    token: moa.usdc.address,
    maxPrice: PRICE,
    deadline: (await now()) + 3600n,
    salt: toHex(lastSalt, { size: 32 }),
    ...fields,
  };
}

/** The key that `firstBuyer` got with its purchase number `n`, from 0. */
export function keyOf(ekId: bigint, firstBuyer: bigint, n = 0n): bigint {
  return joinTokenId({ ekId, firstBuyer, n });
}

/** MOA with agents 1 to 4, three listings of the seller's, and wallets that hold and allow enough. */
export async function deployMarket(): Promise<Moa> {
  return populate(await deployMoa());
}

/** The same with its disputes at this address. */
export async function deployMarketWith(disputes: Address): Promise<Moa> {
  return populate(await deployMoaWith(disputes));
}

/** Brings the agents, the listings and the money. */
export async function populate(moa: Moa): Promise<Moa> {
  for (const agent of [people.seller, people.buyer, people.validator, people.unit]) {
    await moa.registry.write.register(by(agent));
  }
  const linear = { curve: moa.linear.address, curveParams: curves.linear.encode(SLOPE) };
  for (const terms of [{}, linear, at(0n)]) {
    await moa.catalog.write.list([SELLER, termsOf(moa, terms), contentOf()], by(people.seller));
  }
  for (const payer of [people.buyer, people.newcomer, people.sponsor, people.rival]) {
    await moa.usdc.write.mint([payer.address, FUNDS]);
    await moa.usdc.write.approve([moa.exchange.address, FUNDS], by(payer));
  }
  return moa;
}

/** Puts the money for a quote into its till, as anybody can. */
export async function fund(moa: Moa, quote: Quote, amount: bigint, payer: Person): Promise<Address> {
  const till = await moa.tills.read.tillOf([quote]);
  await moa.usdc.write.transfer([till, amount], by(payer));
  return till;
}

/** The token balances of these accounts, in this order. */
export function balances(moa: Moa, ...accounts: { address: Address }[]): Promise<bigint[]> {
  return Promise.all(accounts.map(({ address }) => moa.usdc.read.balanceOf([address])));
}

/** Moves an agent to another EOA, by consent and ERC-721 transfer. */
export async function rotate(moa: Moa, agentId: bigint, from: Person, to: Person): Promise<void> {
  await moa.registry.write.consentToRotation([agentId, 2n ** 63n], by(to));
  await moa.registry.write.transferFrom([from.address, to.address, agentId], by(from));
}

/** Lets the tests send transactions as a contract, for what only it may call. */
export async function impersonate({ address }: { address: Address }): Promise<void> {
  await networkHelpers.impersonateAccount(address);
  await networkHelpers.setBalance(address, 10n ** 18n);
}

export function impersonateExchange(moa: Moa): Promise<void> {
  return impersonate(moa.exchange);
}

/** Creates a listing with these terms, the seller's unless told otherwise. */
export async function list(
  moa: Moa,
  fields: Partial<Terms> = {},
  sellerId = SELLER,
  seller: Person = people.seller,
): Promise<bigint> {
  await moa.catalog.write.list([sellerId, termsOf(moa, fields), contentOf()], by(seller));
  return moa.catalog.read.listingCount();
}

/** The buyer buys one key of a listing with these terms, which the seller lists. Returns the listing and the key. */
export async function sell(
  moa: Moa,
  fields: Partial<Terms>,
  buyer: Person = people.buyer,
): Promise<{ ekId: bigint; keyId: bigint }> {
  const ekId = await list(moa, fields);
  await moa.exchange.write.buy([await purchaseOf(buyer, { ekId, maxPrice: FUNDS })], by(buyer));
  return { ekId, keyId: keyOf(ekId, await moa.registry.read.agentOf([buyer.address])) };
}

/** What the agent can withdraw in the test token. */
export function creditOf(moa: Moa, agentId: bigint): Promise<bigint> {
  return moa.exchange.read.creditOf([agentId, moa.usdc.address]);
}

/** How many keys of the listing are sold and not refunded. */
export async function soldOf(moa: Moa, ekId: bigint): Promise<number> {
  return (await moa.catalog.read.listingOf([ekId])).sold;
}

/** The order's status. */
export async function statusOf(moa: Moa, keyId: bigint): Promise<number> {
  return (await moa.exchange.read.orderOf([keyId])).status;
}
