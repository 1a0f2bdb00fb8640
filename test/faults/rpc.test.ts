/**
 * An API whose way to the chain is bad, beside another one that has a good way, on one database
 * ├── down, another chain, stands still      nothing is granted, its health says so; goes on when it is back
 * ├── slow, some answers after the timeout   ┐
 * ├── a pool of which one node is behind     │ one key for one payment, and the same answer on retry
 * ├── an answer that was lost                │
 * ├── logs that are not found                │
 * └── receipts that are not there            ┘ for a while, or for ever
 *
 * The quick ones here; `npm run faults` has them all.
 */
import { expect } from "chai";
import { createApi } from "../api/support/api.ts";
import { type Copy, startCopy } from "../api/support/copy.ts";
import { type FakeStripe, startFakeStripe } from "../support/fake-stripe.ts";
import { useSystem } from "../support/system.ts";
import { createShop, railEnv, type Shop } from "./support/arena.ts";
import {
  anotherChain,
  type BadChain,
  type Badness,
  behind,
  down,
  flapping,
  lostAnswer,
  slow,
  startBadChain,
  withoutLogs,
  withoutReceipts,
} from "./support/bad-chains.ts";
import { createSeller, type RailName, railNames, rails, type Seller } from "./support/journeys.ts";

type Mode = {
  name: string;
  /** At this head. */
  bad: (head: bigint) => Badness;
  rails: readonly RailName[];
  /** Milliseconds after which the chain is good again; the journeys end as it is where it never is. */
  heals?: number;
  /** What the health must say meanwhile. */
  health?: "down";
  often?: true;
};

const isWhole = process.env.FAULT_POINTS === "all";
const some = ["x402", "bound", "free"] as const;
const SLOW_MS = 3_000;
/** With the answer's own time it is more than the API waits. */
const LATE_MS = 9_000;

const modes: Mode[] = [
  { name: "down", bad: () => down, rails: railNames, heals: 12_000, health: "down" },
  { name: "another chain", bad: () => anotherChain, rails: railNames, heals: 12_000, health: "down" },
  { name: "stands still", bad: behind, rails: railNames, heals: 20_000, health: "down" },
  {
    name: "slow",
    bad: () => slow(SLOW_MS, { by: LATE_MS, isLate: (_, count) => count % 9 === 0 }),
    rails: ["x402", "free", "points"],
  },
  { name: "a pool with a node that is 2 behind", bad: () => flapping(2n), rails: some },
  { name: "an answer that was lost, in such a pool", bad: () => lostAnswer(2n), rails: some, heals: 9_000 },
  { name: "logs that are not found", bad: () => withoutLogs(() => true), rails: railNames, heals: 8_000 },
  { name: "no receipt for a while", bad: () => withoutReceipts(4_000), rails: railNames, often: true },
  { name: "no receipt at all", bad: () => withoutReceipts(Number.POSITIVE_INFINITY), rails: railNames },
];

describe("faults: ways to the chain", () => {
  const shared = useSystem();
  let rpc: BadChain;
  let cards: FakeStripe;
  let copy: Copy;
  let shop: Shop;
  let seller: Seller;

  before(async function () {
    this.timeout(240_000);
    const { run } = shared.system;
    rpc = await startBadChain(run.rpcUrl);
    cards = await startFakeStripe();
    copy = await startCopy(run, { rpcUrl: rpc.url, env: railEnv(run, cards) });
    shop = createShop(run, cards, () => copy.apiUrl);
    seller = await createSeller(createApi(run));
  });
  afterEach(() => rpc.become());
  after(async () => {
    await copy?.kill("SIGKILL");
    await rpc?.close();
    await cards?.close();
  });

  const at = () => createApi({ ...shared.system.run, apiUrl: copy.apiUrl });
  const healthIs = async (status: string): Promise<void> => {
    for (const end = Date.now() + 20_000; ; ) {
      const { body } = await at().ask<{ status: string }>("/health");
      if (body.status === status) return;
      if (Date.now() > end) throw new Error(`The health is not ${status}: ${JSON.stringify(body)}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  /** Blocks that only the good nodes have. */
  const goOn = (blocks = 5) =>
    seller.api.market.client.request({
      method: "hardhat_mine",
      params: [`0x${blocks.toString(16)}`],
    } as never);
  /** Until what the other API has seen is known here, too. */
  const heardOf = () => new Promise((resolve) => setTimeout(resolve, 6_000));

  for (const { name, bad, rails: chosen, heals, health } of modes.filter((m) => isWhole || m.often)) {
    it(`T18 T51 T55 ${name}: one key for one payment, and the same answer`, async function () {
      this.timeout(400_000);
      const journeys = [];
      for (const rail of chosen) journeys.push({ rail, journey: await rails[rail](seller) });
      await goOn(3); // what they have must be known to who is a little behind, too
      const { client } = seller.api.market;
      rpc.become(bad(await client.getBlockNumber()));
      if (health) {
        await goOn();
        await healthIs(health);
      }
      const faults = journeys.map(({ rail, journey }) =>
        journey
          .travel(shop)
          .then(() => journey.judge(shop))
          .then(
            () => undefined,
            (error: unknown) => `${rail}: ${error}`,
          ),
      );
      if (heals !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, heals));
        expect(rpc.lies(), "it was asked").to.be.greaterThan(0);
        rpc.become();
      }
      expect((await Promise.all(faults)).filter(Boolean)).to.deep.equal([]);
      await healthIs("ok");
    });
  }

  it("T22 T55 gives no token by the word of a node that is behind: agent rotated, key given away", async function () {
    this.timeout(120_000);
    const { market } = seller.api;
    const ekId = seller.api.ekIdOf(seller.paid);
    const holder = await market.join();
    await market.buy(holder.account, seller.paid);
    const token = await at().signIn(holder.account);
    const ask = () => at().ask("/me/buy/token", { token, body: { ek_id: ekId } });
    expect((await ask()).status).to.equal(200);
    const head = await market.client.getBlockNumber();
    await market.rotate(holder.account, holder.agentId);
    await heardOf();
    // One block behind at least: the old account still holds the key there.
    rpc.become(behind(head));
    for (let i = 0; i < 2; i++) expect((await ask()).status).to.equal(503);
    let count = 0;
    const old = behind(head);
    rpc.become((call, node) => (++count % 2 === 0 ? old(call, node) : node(call)));
    const answers = await Promise.all(Array.from({ length: 12 }, ask));
    for (const { status, body } of answers)
      expect(status, JSON.stringify(body)).to.be.oneOf([401, 403, 409, 503]);
    await goOn();
    rpc.become(behind(head));
    await healthIs("down");
    rpc.become();
    await healthIs("ok");
    expect((await ask()).status, "the session is over").to.equal(401);
  });
});
