import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Interception } from "../support/fake-stripe.ts";
import { createApi } from "./support/api.ts";
import { type LyingRpc, startLyingRpc } from "./support/copy.ts";
import { PRICE, startCardCopy, useCards } from "./support/use-cards.ts";

/*
An API that is killed (-9) while it works on a purchase by card, and another that finds it
├── after the intent was made, before its id was stored   the retry has the same intent
├── after the event was stored, before anything           one key, paid once
├── after the transaction was sent                        one key, paid once
├── after the key was issued, before the money was taken  one key, paid once
├── after the money was taken, before that was stored     one key, paid once
├── after the key was refused, before the money was free  no key, nothing taken
└── while a charge is refunded                            no key, all given back
Webhooks that never came                                  the provider's list brings them
*/
describe("api: card payments and crashes", () => {
  const shared = useCards();
  let rpc: LyingRpc;
  before(async () => {
    rpc = await startLyingRpc(shared.system.run.rpcUrl);
  });
  after(() => rpc.close());

  type Cards = typeof shared.cards;
  type Point = {
    name: string;
    /** Where the process dies: before or after the provider has answered this call, or the node the transaction. */
    at: { call: RegExp; when: "before" | "after" } | "sent";
    prepare?: (cards: Cards, ekId: bigint) => Promise<unknown>;
    end: "EKIssued" | "Failed";
  };
  const points: Point[] = [
    { name: "before it asks how things are", at: { call: /GET .*intents/, when: "before" }, end: "EKIssued" },
    { name: "after the transaction was sent", at: "sent", end: "EKIssued" },
    {
      ...{ name: "after the key was issued, before the money was taken", end: "EKIssued" },
      at: { call: /POST .*capture/, when: "before" },
    },
    {
      ...{ name: "after the money was taken, before that was stored", end: "EKIssued" },
      at: { call: /POST .*capture/, when: "after" },
    },
    {
      ...{ name: "after the key was refused, before the money was let go", end: "Failed" },
      at: { call: /POST .*cancel/, when: "before" },
      prepare: (cards, ekId) => cards.market.update(cards.seller, ekId, {}),
    },
  ];

  /** Starts an API, lets it hear of the confirmed card, and kills it at the point. */
  async function killAt({ at, prepare }: Point) {
    const { cards } = shared;
    const { fake } = cards;
    const buyer = await cards.buyer();
    const ekId = await cards.listing();
    const { id, intent } = await cards.ask(buyer, ekId);
    await prepare?.(cards, ekId);
    const victim = await startCardCopy(shared.system.run, fake, rpc.url);
    let died: Promise<unknown> | undefined;
    const kill = () => {
      died ??= victim.kill("SIGKILL");
      return died;
    };
    const stop: Interception = async ({ method, path }, answer) => {
      if (at === "sent" || died || !path.includes(intent) || !at.call.test(`${method} ${path}`))
        return answer();
      const result = at.when === "after" ? answer() : undefined;
      await kill();
      return result ?? Promise.reject(new Error("killed"));
    };
    fake.intercept(stop);
    rpc.lie(({ method }) => {
      if (at !== "sent" || method !== "eth_sendRawTransaction") return undefined;
      void kill();
      return null;
    });
    fake.confirm(intent);
    const [event] = fake.eventsOf(intent, "payment_intent.amount_capturable_updated");
    expect(event && (await fake.deliver(`${victim.apiUrl}/webhooks/stripe`, event))).to.equal(200);
    for (const end = Date.now() + 15_000; !died; ) {
      if (Date.now() > end) throw new Error("It was never at the point.");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await died;
    fake.intercept();
    rpc.lie(() => undefined);
    await cards.look(id);
    return { buyer, id, intent };
  }

  it("T30 invariant 5: killed at every point, one key and one charge, or neither", async function () {
    this.timeout(300_000); // five processes are started for it
    const { cards } = shared;
    const killed = [];
    for (const point of points) killed.push({ point, ...(await killAt(point)) });
    for (const { point, buyer, id, intent } of killed) {
      const { state } = await cards.until(buyer, id, "EKIssued", "Failed", "Refunded");
      expect(state, point.name).to.equal(point.end);
      const issued = state === "EKIssued";
      expect(await cards.keysOf(buyer.account.address), point.name).to.equal(issued ? 1n : 0n);
      const { amount_captured, amount_refunded } = cards.fake.chargeOf(intent);
      expect([amount_captured, amount_refunded], point.name).to.deep.equal(issued ? [251, 0] : [0, 0]);
      const states = (await cards.steps(intent)).map((step) => step.state);
      expect(new Set(states).size, point.name).to.equal(states.length);
    }
  });

  it("T51 killed after the intent was made: the retry has the same payment and the same intent", async function () {
    this.timeout(60_000);
    const { cards } = shared;
    const { fake } = cards;
    const victim = await startCardCopy(shared.system.run, fake);
    const buyer = await cards.buyer();
    const key = randomUUID();
    // A session is of the API that gave it, by its public address.
    const at = createApi({ ...shared.system.run, apiUrl: victim.apiUrl });
    const token = await at.signIn(buyer.account);
    let made = "";
    fake.intercept(async ({ method, path }, answer) => {
      const result = answer();
      if (method === "POST" && path === "/v1/payment_intents" && made === "") {
        made = String(result.body.id);
        await victim.kill("SIGKILL");
      }
      return result;
    });
    const lost = await cards.post({ token }, cards.number, key, at).catch(() => undefined);
    fake.intercept();
    expect(lost).to.equal(undefined);
    const { id, intent } = await cards.ask(buyer, cards.number, key);
    expect(intent).to.equal(made);
    await cards.confirm(intent);
    await cards.until(buyer, id, "EKIssued");
    expect(await cards.keysOf(buyer.account.address)).to.equal(1n);
  });

  it("T30 finds by the provider's list what no webhook brought", async function () {
    this.timeout(60_000);
    const { cards } = shared;
    const { fake, tables } = cards;
    const paid = await cards.buyer();
    const refunded = await cards.buyer();
    const before = await cards.balanceOf(cards.market.contracts.cards.address);
    const done = await cards.bought(refunded);
    const open = await cards.ask(paid);
    fake.confirm(open.intent);
    fake.refund(done.intent);
    await tables`update card_feed set read_at = to_timestamp(0)`;
    await cards.until(paid, open.id, "EKIssued");
    await cards.until(refunded, done.id, "Refunded");
    expect(await cards.balanceOf(cards.market.contracts.cards.address)).to.equal(before - PRICE);
    // Late webhooks of the same events change nothing.
    await cards.deliver(...fake.eventsOf(open.intent), ...fake.eventsOf(done.intent));
    expect(await cards.keysOf(paid.account.address)).to.equal(1n);
  });
});
