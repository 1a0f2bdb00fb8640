/**
 * A market's log that nobody played: sales of a hundred thousand keys, as the contracts would have written them. Made word by word, since
 * encoding by an ABI would take longer than the audit. The audit asks every law of it, so it has to be right.
 */
import { encodeAbiParameters, encodeEventTopics, type Hex, keccak256, toEventSelector, toHex } from "viem";
import type { Constants } from "../../../audit/context.ts";
import type { RawLog } from "../../../audit/decode.ts";
import {
  agentRegistryAbi,
  catalogAbi,
  exchangeAbi,
  experienceKeyAbi,
  pointsLedgerAbi,
} from "../../../sdk/abis/index.ts";
import { curves } from "../../../sdk/curves.ts";
import { contractNames } from "../../../sdk/deployment.ts";

const SELLERS = 1000;
const BUYERS = 2000;
/** Sales per day: each seller has one, so that nobody reaches a day's cap of points. */
const PER_DAY = SELLERS;
const PER_BLOCK = 8;
const FEE_BPS = 250n;
const BOUNTY_BPS = 100;
const ROYALTY_BPS = 150;
const HANDFUL = 5;
const START = 1_800_000_000n;

const addressOf = (number: number) => `0x${number.toString(16).padStart(40, "0")}` as Hex;
const word = (value: bigint | number) => value.toString(16).padStart(64, "0");
const topic = (value: bigint | number): Hex => `0x${word(value)}`;
const TOKEN = 0xaa_01;
const CURVE = 0xaa_02;
const place = Object.fromEntries(contractNames.map((name, i) => [name, 0xbb_00 + i])) as Record<
  (typeof contractNames)[number],
  number
>;

export const constants: Constants = {
  chainId: 31337,
  contracts: Object.fromEntries(
    contractNames.map((name) => [name, addressOf(place[name])]),
  ) as Constants["contracts"],
  curves: new Map([[addressOf(CURVE), "exp"]]),
  challengeStake: 10n ** 7n,
  bondToken: addressOf(TOKEN),
  arbitrator: addressOf(place.HouseArbitrator),
  maxCost: 10n ** 18n,
};

const selectorOf = (abi: readonly { type: string; name?: string }[], name: string) =>
  toEventSelector(abi.find((item) => item.type === "event" && item.name === name) as never);
const selector = {
  transfer: selectorOf(experienceKeyAbi, "Transfer"),
  locked: selectorOf(experienceKeyAbi, "Locked"),
  sold: selectorOf(exchangeAbi, "KeySold"),
  credited: selectorOf(exchangeAbi, "Credited"),
  funded: selectorOf(exchangeAbi, "BountyFunded"),
  awarded: selectorOf(pointsLedgerAbi, "PointsAwarded"),
};

const params = curves.exp.encode({ base: 250_000n, k: 10n ** 16n, max: 5_000_000n });
const eoaOf = (agentId: number) => 0xe0a_0000 + agentId;

type Draft = { from: number; topics: Hex[]; data: Hex };

/** Agents, allowances, fee, policy and listings. Agent 1 is the house; then the sellers, then the buyers. */
function* opening(): Generator<Draft[]> {
  for (let id = 1; id <= 1 + SELLERS + BUYERS; id++) {
    const data = `0x${word(32)}${word(0)}` as const;
    const registered = [selectorOf(agentRegistryAbi, "Registered"), topic(id), topic(eoaOf(id))];
    yield [
      {
        from: place.AgentRegistry,
        topics: [selector.transfer, topic(0), topic(eoaOf(id)), topic(id)],
        data: "0x",
      },
      { from: place.AgentRegistry, topics: registered, data },
    ];
  }
  yield [
    { from: place.Catalog, topics: [selectorOf(catalogAbi, "TokenAllowed"), topic(TOKEN)], data: topic(1) },
    { from: place.Catalog, topics: [selectorOf(catalogAbi, "CurveAllowed"), topic(CURVE)], data: topic(1) },
    { from: place.Exchange, topics: [selectorOf(exchangeAbi, "FeeSet"), topic(1)], data: topic(FEE_BPS) },
    {
      from: place.PointsLedger,
      topics: [selectorOf(pointsLedgerAbi, "PolicySet")],
      data: `0x${[2, 1, 5, 100, HANDFUL, 50].map(word).join("")}`,
    },
  ];
  for (let ekId = 1; ekId <= SELLERS; ekId++) yield [listing(ekId)];
}

/** Every listing but the first pays a royalty to the one before it. */
function listing(ekId: number): Draft {
  const summary = JSON.stringify({ title: `Experience ${ekId}` });
  const terms = {
    ...{
      token: addressOf(TOKEN),
      curve: addressOf(CURVE),
      curveParams: params,
      supplyCap: 0,
      startTime: 0,
      endTime: 0,
    },
    ...{
      keyTtl: 0,
      scopes: 1,
      flags: 0,
      refundWindow: 0,
      refundTerms: 0,
      bountyBps: BOUNTY_BPS,
      referralBps: 0,
    },
    ...{ resaleBps: 0, pointsPrice: 0, requestsPerMinute: 0, requestsPerDay: 0 },
    royalties: ekId === 1 ? [] : [{ ekId: BigInt(ekId - 1), bps: ROYALTY_BPS }],
  };
  const content = {
    manifestHash: keccak256("0x01"),
    summary,
    uri: "",
    summaryHash: keccak256(toHex(summary)),
  };
  const item = catalogAbi.find((entry) => entry.type === "event" && entry.name === "ListingVersion") as never;
  const args = { ekId: BigInt(ekId), sellerId: BigInt(1 + ekId), version: 1 };
  const topics = encodeEventTopics({ abi: [item], eventName: "ListingVersion", args } as never) as Hex[];
  const inputs = (item as { inputs: { indexed: boolean }[] }).inputs.filter(({ indexed }) => !indexed);
  const data = encodeAbiParameters(
    inputs as never,
    [terms, content, addressOf(0xcc), addressOf(eoaOf(1 + ekId))] as never,
  );
  return { from: place.Catalog, topics, data };
}

/** One sale after the other; credits, points and pots go on from sale to sale. */
function* sales(count: number): Generator<Draft[]> {
  const credits = new Map<number, bigint>();
  const pots = new Map<number, bigint>();
  const points = new Map<number, bigint>();
  const grow = (sums: Map<number, bigint>, key: number, amount: bigint) => {
    const sum = (sums.get(key) ?? 0n) + amount;
    sums.set(key, sum);
    return sum;
  };
  const prices: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const ekId = (i % SELLERS) + 1;
    const sold = Math.floor(i / SELLERS);
    prices[sold] ??= curves.exp.cost(
      { sold: BigInt(sold), count: 1n, time: START },
      curves.exp.decode(params),
    );
    const price = prices[sold] as bigint;
    const [sellerId, buyerId] = [1 + ekId, 2 + SELLERS + (i % BUYERS)];
    // A buyer comes back to a seller after as many sales as there are buyers.
    const keyId = (BigInt(ekId) << 96n) | (BigInt(buyerId) << 32n) | BigInt(Math.floor(i / BUYERS));
    const credit = (agentId: number, share: number, amount: bigint): Draft => ({
      from: place.Exchange,
      topics: [selector.credited, topic(agentId), topic(TOKEN), topic(keyId)],
      data: `0x${word(share)}${word(amount)}${word(grow(credits, agentId, amount))}`,
    });
    const of = (bps: bigint | number) => (price * BigInt(bps)) / 10_000n;
    const parts = { fee: of(FEE_BPS), bounty: of(BOUNTY_BPS), royalty: ekId === 1 ? 0n : of(ROYALTY_BPS) };
    const isReduced = sold + 1 > HANDFUL;
    const [toSeller, toBuyer] = isReduced ? [100n, 50n] : [200n, 100n];
    const sale = [
      sellerId,
      1,
      sold + 1,
      0,
      eoaOf(buyerId),
      buyerId,
      TOKEN,
      price,
      0,
      FEE_BPS,
      0,
      0,
      eoaOf(buyerId),
    ];
    const award = [
      keyId,
      toSeller,
      toBuyer,
      grow(points, sellerId, toSeller),
      grow(points, buyerId, toBuyer),
      isReduced ? 64 : 0,
    ];
    yield [
      {
        from: place.ExperienceKey,
        topics: [selector.transfer, topic(0), topic(eoaOf(buyerId)), topic(keyId)],
        data: "0x",
      },
      { from: place.ExperienceKey, topics: [selector.locked], data: topic(keyId) },
      {
        from: place.Exchange,
        topics: [selector.sold, topic(ekId), topic(buyerId), topic(keyId)],
        data: `0x${sale.map(word).join("")}`,
      },
      credit(1, 1, parts.fee),
      {
        ...{ from: place.Exchange, topics: [selector.funded, topic(ekId), topic(TOKEN), topic(keyId)] },
        data: `0x${word(parts.bounty)}${word(grow(pots, ekId, parts.bounty))}`,
      },
      ...(ekId === 1 ? [] : [credit(sellerId - 1, 2, parts.royalty)]),
      credit(sellerId, 0, price - parts.fee - parts.bounty - parts.royalty),
      {
        from: place.PointsLedger,
        topics: [selector.awarded, topic(ekId), topic(sellerId), topic(buyerId)],
        data: `0x${award.map(word).join("")}`,
      },
      {
        from: TOKEN,
        topics: [selector.transfer, topic(eoaOf(buyerId)), topic(place.Exchange)],
        data: topic(price),
      },
    ];
  }
}

/** All logs, by transactions, some to a block. The first sale begins a new day. */
export function* stream(count: number): Generator<RawLog[]> {
  let [block, inBlock, logIndex] = [1, 0, 0];
  const finished = (drafts: Draft[], time: bigint, tx: number): RawLog[] => {
    if (inBlock === PER_BLOCK) [block, inBlock, logIndex] = [block + 1, 0, 0];
    inBlock++;
    return drafts.map(({ from, topics, data }) => ({
      ...{ address: addressOf(from), topics, data, block, blockHash: topic(block), time, tx: topic(tx) },
      ...{ txIndex: inBlock - 1, logIndex: logIndex++ },
    }));
  };
  let tx = 1;
  for (const drafts of opening()) yield finished(drafts, START - 86_400n, tx++);
  inBlock = PER_BLOCK;
  let i = 0;
  for (const drafts of sales(count)) {
    // The time of a block is that of its first sale.
    const first = i - (inBlock === PER_BLOCK ? 0 : inBlock);
    yield finished(drafts, START + (86_400n * BigInt(first)) / BigInt(PER_DAY), tx++);
    i++;
  }
}
