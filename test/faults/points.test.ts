/**
 * kill -9 at every marked point of a purchase on every rail, on the API's own wires
 * ├── before and after each statement that changes a row   no payment without its key or its refund, no key without its payment,
 * ├── before and after the transaction leaves              the same answer on retry
 * ├── before and after each call to the card provider
 * └── after the answer has left, which nobody hears        (also the webhook's acknowledgement)
 *
 * Some of them here; `npm run faults` has them all.
 */
import { expect } from "chai";
import { createApi } from "../api/support/api.ts";
import { useSystem } from "../support/system.ts";
import { type Arena, openArena } from "./support/arena.ts";
import { disturb } from "./support/disturb.ts";
import { createSeller, type RailName, railNames, rails, type Seller } from "./support/journeys.ts";
import type { Crossing } from "./support/taps.ts";

/** The crossings that come by one after the other, the last of them in this way: there the process dies. */
type Point = { name: string; on: readonly string[]; way: Crossing["way"] };

const both = (name: string, ...on: string[]): Point[] => [
  { name: `before ${name}`, on, way: "out" },
  { name: `after ${name}`, on, way: "back" },
];
const twice = (crossing: string) => [crossing, crossing];

const broadcast = both("the broadcast", "rpc eth_sendRawTransaction");
const receipt: Point[] = [{ name: "after the receipt", on: ["rpc eth_getTransactionReceipt"], way: "back" }];
/** The transaction is noted by the first update, the two steps are the others. */
const commit = [
  ...both("the step to the key", ...twice("sql update payments"), "sql update payments"),
  ...both("the commit of the key", ...twice("sql update payments"), "sql update payments", "sql commit"),
];
const token = [
  // The statement that stores it is named by its first part.
  ...both("the token", "sql insert watermarks"),
  { name: "after the token's answer", on: ["http POST /me/buy/token"], way: "back" } as const,
];
const reserve = both("the reservation", "sql insert payments");
const taken = both("the commit of the reservation", "sql insert payments", "sql commit");

/** By a quote. */
const paid: Point[] = [
  ...both("the quote", "sql insert quotes"),
  ...reserve,
  ...taken,
  { name: "while it verifies", on: ["sql insert quotes", ...Array(6).fill("rpc eth_call")], way: "back" },
  ...broadcast,
  ...receipt,
  ...commit,
  // The first request asks for the 402.
  { name: "after the answer", on: twice("http POST /quotes/:id/pay"), way: "back" },
  ...token,
];
const ordered: Point[] = [
  ...reserve,
  ...taken,
  ...broadcast,
  ...receipt,
  ...commit,
  { name: "after the answer", on: ["http POST /me/buy/purchase"], way: "back" },
  ...token,
];

const points: Record<RailName, readonly Point[]> = {
  x402: paid,
  bound: paid,
  upto: paid,
  mpp: paid,
  oneStep: [
    ...reserve,
    ...broadcast,
    ...receipt,
    ...commit,
    { name: "after the answer", on: twice("http POST /x402/:id"), way: "back" },
    ...token,
  ],
  card: [
    ...both("the purchase is stored", "sql insert card_purchases"),
    ...both("the intent", "stripe POST /v1/payment_intents"),
    ...both("the intent is noted", "stripe POST /v1/payment_intents", "sql update card_purchases"),
    ...both("the event is stored", "sql insert card_events"),
    ...both("the commit of the event", "sql insert card_events", "sql commit"),
    { name: "after the webhook is acknowledged", on: ["http POST /webhooks/stripe"], way: "back" },
    ...reserve,
    ...broadcast,
    ...receipt,
    ...both("the capture", "stripe POST /v1/payment_intents/:id/capture"),
    ...both(
      "the commit of the key",
      "stripe POST /v1/payment_intents/:id/capture",
      ...twice("sql update payments"),
      "sql commit",
    ),
    ...token,
  ],
  free: ordered,
  points: ordered,
};

/** In every run the first rail; `npm run faults` has them all. */
const isWhole = process.env.FAULT_POINTS === "all";
/** Journeys that go on at a time: the oldest of more is waited for. */
const UNDER_WAY = 30;

describe("faults: marked points", () => {
  const shared = useSystem();
  let arena: Arena;
  let seller: Seller;
  before(async function () {
    this.timeout(240_000);
    arena = await openArena(shared.system.run);
    seller = await createSeller(createApi(shared.system.run));
  });
  after(() => arena?.close());

  const chosen = railNames.flatMap((rail, i) =>
    points[rail].filter(() => isWhole || i === 0).map((point) => ({ rail, point })),
  );
  it(`T51 killed at ${chosen.length} points of ${railNames.length} rails, each purchase ends with one key for one payment`, async function () {
    this.timeout(chosen.length * 30_000 + 240_000);
    const faults: Promise<string | undefined>[] = [];
    for (const { rail, point } of chosen) {
      const { on, way, name } = point;
      let seen = 0;
      const journey = await rails[rail](seller);
      const { fault, isHit } = await disturb(arena, journey, (crossing) => {
        if (crossing.name !== on[seen]) return false;
        if (seen === on.length - 1) return crossing.way === way;
        if (crossing.way === "out") seen++;
        return false;
      });
      faults.push(fault.then((said) => said && `${rail}, ${name}: ${said}`));
      if (!isHit) faults.push(Promise.resolve(`${rail}, ${name}: not on the way of ${list(arena)}`));
      if (faults.length % 20 === 0) console.log(`      … ${faults.length} kills`);
      await faults[faults.length - UNDER_WAY];
    }
    expect((await Promise.all(faults)).filter(Boolean)).to.deep.equal([]);
  });
});

const list = (arena: Arena) =>
  arena
    .crossings()
    .map(({ name, way }) => `${name} ${way}`)
    .join(", ");
