/**
 * One story of everything that can happen to an exchange: random calls by seed, until each kind of call has succeeded once. What a call
 * refuses is no event.
 */
import { expect } from "chai";
import {
  type Address,
  BaseError,
  type Hash,
  keccak256,
  numberToHex,
  type PrivateKeyAccount,
  zeroAddress,
} from "viem";
import { curves } from "../../sdk/curves.ts";
import type { Quote } from "../../sdk/till.ts";
import { createDisputeCalls } from "./dispute-calls.ts";
import { labelCalls } from "./label-calls.ts";
import { FAR, type Market, summaryText } from "./market.ts";
import { createRandom } from "./random.ts";

export const SEED = 20_261_121;
export const CALLS = 560;
/** How often a kind of call is tried at most that none of these was. */
const TRIES = 200;

/** What most of the rare calls need. */
const CHAIN = [
  ...["labelBatch", "bond", "challenge", "answer", "refer", "giveRuling", "appeal", "giveFinalRuling"],
  ...[
    "list",
    "list",
    "buy",
    "buy",
    "buy",
    "buy",
    "buy",
    "buy",
    "openDispute",
    "answerDispute",
    "ruleOnOrder",
  ],
] as const;

type Agent = { account: PrivateKeyAccount; past: PrivateKeyAccount[]; agentId: bigint };

/** The calls that anybody may make, each with what it needs drawn at random. */
function createCalls(market: Market, seed: number) {
  const random = createRandom(seed);
  const { cards, catalog, exchange, keys, labels, registry, tills } = market.contracts;
  const agents: Agent[] = [];
  const listings: { ekId: bigint; seller: Agent }[] = [];
  const keyIds: bigint[] = [];
  const quotes: Quote[] = [];
  const charges: Hash[] = [];
  const send = market.send;

  const terms = () => {
    const isLinear = random.chance(0.5);
    const base = BigInt(random.pick([0, 0, 1, 250_000]));
    return {
      curve: market.deployment.curves[isLinear ? "linear" : "fixed"],
      curveParams: isLinear
        ? curves.linear.encode({ base, slope: BigInt(random.int(1000)), max: base + 5_000n })
        : curves.fixed.encode({ price: base }),
      supplyCap: random.pick([0, 0, 2, 4_294_967_295]),
      keyTtl: random.pick([0, 3600, 4_294_967_295]),
      scopes: 1 + random.int(31),
      flags: random.pick([0, 1, 2, 3, 4, 5, 5, 7]),
      ...shares(),
    };
  };
  const shares = () => {
    const refundWindow = random.pick([0, 0, 3600, 2_592_000]);
    return {
      refundWindow,
      refundTerms: refundWindow === 0 ? 0 : random.int(3),
      bountyBps: random.pick([0, 100]),
      referralBps: random.pick([0, 250]),
      resaleBps: random.pick([0, 1000]),
      pointsPrice: random.pick([0, 100, 4_294_967_295]),
      requestsPerMinute: random.pick([0, 4_294_967_295]),
      requestsPerDay: random.pick([0, 1]),
      // One of the first five, which are older than any listing with a royalty.
      royalties:
        listings.length < 5 || random.chance(0.5) ? [] : [{ ekId: firstId(), bps: 1 + random.int(500) }],
    };
  };
  const firstId = () => random.pick(listings.slice(0, 5)).ekId;
  const summary = () =>
    random.chance(0.2)
      ? random.pick(["{", "{}", summaryText({ title: "\0" })])
      : summaryText({ domain: random.pick(["rain", "snow"]), modality: [random.pick(["text", "table"])] });
  const holderOf = async (keyId: bigint) => {
    const info = await market.client.readContract({ ...keys, functionName: "keyInfo", args: [keyId] });
    const holder = agents.find(({ agentId }) => agentId === info.agentId);
    if (!holder) throw new Error(`Key ${keyId} is held by agent ${info.agentId}, whom nobody here is.`);
    return holder;
  };

  return {
    agents,
    random,
    calls: {
      async join() {
        agents.push({ ...(await market.join(random.pick(["", "https://a.example"]))), past: [] });
      },
      async setUri() {
        const { account, agentId } = random.pick(agents);
        await send(account, registry, "setAgentURI", [agentId, `https://a.example/${random.int(99)}`]);
      },
      async rotate() {
        const agent = random.pick(agents);
        const back = random.chance(0.4) ? agent.past.at(-1) : undefined;
        const { account } = await market.rotate(agent.account, agent.agentId, back);
        agent.past.push(agent.account);
        agent.account = account;
      },
      async grant() {
        const args = [random.pick(agents).account.address, BigInt(random.int(16)), FAR] as const;
        await send(random.pick(agents).account, registry, "grant", args);
      },
      async revoke() {
        await send(random.pick(agents).account, registry, "revoke", [random.pick(agents).account.address]);
      },
      async list() {
        const seller = random.pick(agents);
        listings.push({ ekId: await market.list(seller.account, terms(), summary()), seller });
      },
      async update() {
        const { ekId, seller } = random.pick(listings);
        await market.update(seller.account, ekId, terms(), summary());
      },
      async setStatus() {
        const { ekId, seller } = random.pick(listings);
        await send(seller.account, catalog, "setStatus", [ekId, random.pick([1, 1, 1, 2, 2, 3])]);
      },
      async buy() {
        const { account } = random.pick(agents);
        const changes = { referrerId: random.pick([0n, random.pick(agents).agentId]) };
        keyIds.push((await market.buy(account, random.pick(listings).ekId, changes)).keyId);
      },
      async give() {
        const recipient = random.pick(agents).account.address;
        const { account } = random.pick(agents);
        keyIds.push((await market.buy(account, random.pick(listings).ekId, { recipient })).keyId);
      },
      async buyWithPoints() {
        const { account, agentId } = random.pick(agents);
        const { ekId } = random.pick(listings);
        const args = [ekId, await market.versionOf(ekId), agentId] as const;
        keyIds.push((await send(account, exchange, "buyWithPoints", args)).result);
      },
      async renew() {
        const args = [random.pick(keyIds), 2n ** 128n, FAR] as const;
        await send(random.pick(agents).account, exchange, "renew", args);
      },
      async accept() {
        const keyId = random.pick(keyIds);
        const { buyerId } = await market.client.readContract({
          ...{ ...exchange, functionName: "orderOf", args: [keyId] },
        });
        const buyer = agents.find(({ agentId }) => agentId === buyerId);
        await send((buyer ?? random.pick(agents)).account, exchange, "accept", [keyId]);
      },
      async refund() {
        const keyId = random.pick(keyIds);
        const seller = listings.find(({ ekId }) => ekId === keyId >> 96n)?.seller;
        const { account } = random.pick([seller ?? random.pick(agents), random.pick(agents)]);
        await send(account, exchange, "refund", [keyId]);
      },
      async recordAccess() {
        await send(market.recorder, exchange, "recordAccess", [[random.pick(keyIds), random.pick(keyIds)]]);
      },
      async issueForCharge() {
        const { ekId } = random.pick(listings);
        const chargeId = keccak256(numberToHex(charges.length + 1, { size: 32 }));
        const recipient = random.pick(agents).account.address;
        const args = [ekId, await market.versionOf(ekId), recipient, 300_000n, FAR, chargeId] as const;
        keyIds.push((await send(market.admin, cards, "issueForCharge", args)).result);
        charges.push(chargeId);
      },
      async chargeback() {
        await send(market.admin, cards, "chargeback", [random.pick(charges)]);
      },
      async claim() {
        const { ekId } = random.pick(listings);
        const args = [ekId, await market.versionOf(ekId), 0n] as const;
        keyIds.push((await send(random.pick(agents).account, exchange, "claim", args)).result);
      },
      async fundTill() {
        const { ekId } = random.pick(listings);
        const { quote } = await market.fundTill(random.pick(agents).account, ekId, 300_000n);
        quotes.push(quote);
      },
      async finalizeTill() {
        const args = [random.pick(quotes)] as const;
        keyIds.push((await send(random.pick(agents).account, tills, "finalizeTill", args)).result);
      },
      async refundTill() {
        const quote = random.pick(quotes);
        const buyer = agents.find(({ account, past }) =>
          [account, ...past].some(({ address }) => address === quote.buyer),
        );
        if (!buyer) throw new Error("Quotes are made for agents only.");
        await send(buyer.account, tills, "refundTill", [quote, market.token]);
      },
      async withdraw() {
        const { account, agentId } = random.pick(agents);
        await send(account, exchange, "withdraw", [agentId, market.token, account.address]);
      },
      async transfer() {
        const keyId = random.pick(keyIds);
        const [from, to] = [(await holderOf(keyId)).account, random.pick(agents).account.address];
        await send(from, keys, "transferFrom", [from.address, to, keyId]);
      },
      async lend() {
        const keyId = random.pick(keyIds);
        const { account } = await holderOf(keyId);
        const until = (await market.client.getBlock()).timestamp + BigInt(1 + random.int(3000));
        await send(account, keys, "setUser", [keyId, random.pick(agents).account.address, until]);
      },
      async giveUp() {
        for (const keyId of keyIds) {
          const asked = market.client.readContract({ ...keys, functionName: "userOf", args: [keyId] });
          const user = await asked.catch(nobodyIfBurnt);
          const tenant = agents.find(({ account }) => account.address === user);
          if (tenant) {
            await send(tenant.account, keys, "setUser", [keyId, zeroAddress, 0n]);
            return;
          }
        }
        throw new RangeError("Nobody rents a key.");
      },
      async announce() {
        await send(random.pick(agents).account, keys, "announce", [keyIds.slice(-random.int(4))]);
      },
      async label() {
        const { account, agentId } = random.pick(agents);
        const changes = { types: 1 + random.int(255), tags: [`t${random.int(9)}`] };
        const input = market.labelInput(random.pick(listings).ekId, changes);
        await send(account, labels, "label", [agentId, input]);
      },
      async allowValidators() {
        const { ekId, seller } = random.pick(listings);
        const validators = [random.pick(agents), random.pick(agents)].map(({ agentId }) => agentId);
        await send(seller.account, labels, "allowValidators", [ekId, validators, random.chance(0.7)]);
      },
      ...labelCalls(market, { random, agents, listings }),
      async setFee() {
        await send(market.admin, exchange, "setFee", [random.int(501), random.pick(agents).agentId]);
      },
      ...createDisputeCalls(market, random, agents, keyIds),
    },
  };
}

const played = new WeakMap<Market["deployment"], Promise<void>>();

/** Plays it on the market's chain, once for all tests that share the chain. */
export function everythingPlayed(market: Market): Promise<void> {
  const known = played.get(market.deployment);
  if (known) return known;
  const playing = playEverything(market);
  played.set(market.deployment, playing);
  return playing;
}

async function playEverything(market: Market): Promise<void> {
  const { calls, agents, random } = createCalls(market, SEED);
  const done = new Map<string, number>();
  for (let i = 0; i < 6; i++) await calls.join();
  for (let i = 0; i < 5; i++) await calls.list();
  const { cards, usdc } = market.contracts;
  await market.send(market.admin, usdc, "mint", [cards.address, 10_000_000n]);
  await market.send(market.admin, cards, "setDailyCap", [market.token, 10_000_000n]);
  try {
    const names = Object.keys(calls) as (keyof typeof calls)[];
    for (let i = 0; i < CALLS; i++) {
      const name = random.pick(names);
      if (await succeeds(calls[name])) done.set(name, (done.get(name) ?? 0) + 1);
    }
    // What is seldom possible is tried until it was; what it needs may not have come up yet.
    for (const name of names) {
      for (let i = 0; !done.has(name) && i < TRIES; i++) {
        if (i % 10 === 0) for (const needed of CHAIN) await succeeds(calls[needed]);
        if (await succeeds(calls[name])) done.set(name, 1);
      }
    }
    expect([...done.keys()].sort(), "each kind of call succeeded once at least").to.deep.equal(names.sort());
  } finally {
    await market.send(market.admin, market.contracts.exchange, "setFee", [0, 1n]);
  }
  expect(agents.length).to.be.greaterThan(6);
}

/** A burnt key has no user, and can't be asked. */
function nobodyIfBurnt(error: unknown): Address {
  if (error instanceof BaseError) return zeroAddress;
  throw error;
}

/** False when a contract refused the call, or there is nothing yet to call it on. */
async function succeeds(call: () => Promise<void>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (error instanceof BaseError || error instanceof RangeError) return false;
    throw error;
  }
}
