/** A copy of the API that takes cards, by a fake of the provider's servers, over the shared system. */
import { expect } from "chai";
import { createPublicClient, erc20Abi, http } from "viem";
import { localKey } from "../../../scripts/system/chain.ts";
import type { RunInfo } from "../../../scripts/system/run-info.ts";
import { curves } from "../../../sdk/curves.ts";
import { type CardPayment, cardPaymentSchema } from "../../../sdk/wire/card.ts";
import { type FakeStripe, startFakeStripe } from "../../support/fake-stripe.ts";
import type { FakeEvent } from "../../support/fake-stripe-account.ts";
import { type Api, createApi } from "./api.ts";
import { type Copy, startCopy } from "./copy.ts";
import { openTables } from "./tables.ts";
import { useApi } from "./use-api.ts";

/** What the listing costs, in smallest units of the token and in cents. */
export const PRICE = 2_500_001n;
export const CENTS = 251;
const FLOAT = 10_000_000_000n;
const PATIENCE_MS = 20_000;

export type Cards = Awaited<ReturnType<typeof start>>;
export type Buyer = Awaited<ReturnType<Cards["buyer"]>>;

let started: Promise<Cards> | undefined;
after("stop the copy that takes cards", async function () {
  this.timeout(10_000);
  await (await started?.catch(() => undefined))?.stop();
});

/** Call it in a `describe`. All tests of a run share the copy and the fake. */
export function useCards() {
  const shared = useApi();
  let cards: Cards | undefined;
  before(async function () {
    this.timeout(60_000);
    started ??= start(shared.api.run);
    cards = await started;
    await cards.fund();
    cards.fake.intercept();
  });
  return {
    get cards(): Cards {
      if (!cards) throw new Error("Cards are only taken while tests run: use it in `it` or `before`.");
      return cards;
    },
    get system() {
      return shared.system;
    },
  };
}

async function start(run: RunInfo) {
  const fake = await startFakeStripe();
  const copy = await startCardCopy(run, fake);
  const api = createApi({ ...run, apiUrl: copy.apiUrl });
  const tables = openTables(run);
  const { market } = api;
  const { account: seller } = await market.join();
  const listing = (price = PRICE) => market.list(seller, { curveParams: curves.fixed.encode({ price }) });
  const number = await listing();

  /** The float and the day's cap, far above what tests spend. */
  async function fund(float = FLOAT, cap = FLOAT): Promise<void> {
    const { cards, usdc } = market.contracts;
    const held = await balanceOf(cards.address);
    if (held < float) await market.send(market.admin, usdc, "mint", [cards.address, float - held]);
    await market.send(market.admin, cards, "setDailyCap", [market.token, cap]);
  }

  const client = createPublicClient({ transport: http(run.rpcUrl) });
  const balanceOf = (owner: `0x${string}`) =>
    client.readContract({
      ...{ address: market.token, abi: erc20Abi, functionName: "balanceOf", args: [owner] },
    });

  /** An agent that signed in. */
  async function buyer() {
    const { account, agentId } = await market.join();
    return { account, agentId, token: await api.signIn(account) };
  }

  const post = (by: { token: string }, ekId = number, key?: string, at: Api = api) =>
    at.ask<CardPayment>("/me/buy/purchase", {
      ...{ token: by.token, body: { ek_id: api.ekIdOf(ekId), payment_method: { type: "card" } } },
      headers: key === undefined ? {} : { "Idempotency-Key": key },
    });

  /** Asks to buy by card; answers the payment and the provider's id of it. */
  async function ask(by: { token: string }, ekId = number, key?: string) {
    const { status, body } = await post(by, ekId, key);
    expect(status, JSON.stringify(body)).to.equal(201);
    const payment = cardPaymentSchema.parse(body);
    return { payment, id: payment.payment_id, intent: payment.charge.intent_id ?? "" };
  }

  const state = async (by: { token: string }, id: string) =>
    cardPaymentSchema.parse(await api.get(`/me/payments/${id}`, { token: by.token }));

  /** Waits until the payment is in one of these states. */
  async function until(by: { token: string }, id: string, ...states: CardPayment["state"][]) {
    for (const deadline = Date.now() + PATIENCE_MS; ; ) {
      const now = await state(by, id);
      if (states.includes(now.state)) return now;
      if (Date.now() > deadline) throw new Error(`${id} is ${now.state} (${now.reason}), not ${states}.`);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  const webhook = `${copy.apiUrl}/webhooks/stripe`;
  async function deliver(...events: FakeEvent[]): Promise<void> {
    for (const event of events) expect(await fake.deliver(webhook, event)).to.equal(200);
  }

  /** The holder confirms, and the provider says so. */
  async function confirm(intent: string): Promise<void> {
    fake.confirm(intent);
    await deliver(...fake.eventsOf(intent, "payment_intent.amount_capturable_updated"));
  }

  /** A purchase that went well. */
  async function bought(by: { token: string }, ekId = number) {
    const { id, intent } = await ask(by, ekId);
    await confirm(intent);
    const { purchase } = await until(by, id, "EKIssued");
    if (!purchase) throw new Error(`${id} has no purchase.`);
    return { id, intent, purchase };
  }

  /** Lets the sweep look at a purchase now, also where the process that had it has died. */
  const look = (id: string) =>
    tables`update card_purchases set look_at = now(), lease_until = now() where id = ${id}`;

  const keysOf = (account: `0x${string}`) =>
    market.client.readContract({ ...market.contracts.keys, functionName: "balanceOf", args: [account] });

  /** The payment's steps, with what shows them. */
  const steps = (intent: string) => tables<{ state: string; evidence: Record<string, unknown> }[]>`
    select t.state, t.evidence from payment_transitions t join payments p on p.id = t.payment_id
    where p.rail = 'card' and p.reference = ${intent} order by t.id`;

  return {
    ...{ fake, copy, api, tables, market, seller, number, listing, webhook },
    ...{ fund, balanceOf, buyer, post, ask, state, until, deliver, confirm, bought, keysOf, look, steps },
    async stop() {
      await Promise.all([copy.kill("SIGTERM"), tables.end()]);
      await fake.close();
    },
  };
}

/** Another API that takes cards; the deployer holds the role ISSUER on local chains. */
export function startCardCopy(run: RunInfo, fake: FakeStripe, rpcUrl = run.rpcUrl): Promise<Copy> {
  return startCopy(run, {
    rpcUrl,
    env: { ...fake.env, STRIPE_PUBLISHABLE_KEY: "pk_test_fake", CARD_ISSUER_KEY: localKey(0) },
  });
}
