import { join } from "node:path";
import type { FacilitatorClient } from "@x402/core/server";
import { expect } from "chai";
import { createExecutor, executionSchema } from "../../gateway/execution.ts";
import { findJail } from "../../gateway/sandbox/jail.ts";
import { createToll } from "../../gateway/toll.ts";
import { createDpopKey } from "../../sdk/dpop.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { executeExperience } from "../../sdk/execution.ts";
import { receiptOf } from "../api/support/x402.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import { startWholeGateway, type WholeGateway } from "./support/fetching.ts";
import { temporary } from "./support/gateway.ts";
import { startTill, type Till } from "./support/paying.ts";
import { publish } from "./support/store.ts";

/*
a run with a price        402 with what it costs; the stock x402 client pays it to the seller
├── by the SDK            each call is paid and run once, and its receipt kept
├── drained between verify and settle, or cancelled   nothing runs (T15, T13)
├── sent again            the same answer, one payment, one run, also in parallel
├── for another call      refused
├── a lying facilitator   is not believed: the token's log decides
├── a silent one          the same payment goes on later; nobody pays twice
├── settled by others     is paid all the same
└── no token, no quota    no payment is taken
*/
describe("gateway: pay per run", function () {
  this.timeout(60_000);
  const dir = temporary();
  const EK = "ek_31337_1";
  const PRICE = 5_000n;
  let exchange: TestExchange;
  let gateway: WholeGateway;
  let till: Till;
  let hash: `0x${string}`;
  /** What the facilitator does instead; undefined for its own work. */
  let instead: FacilitatorClient["settle"] | undefined;
  let settles = 0;

  before(async () => {
    exchange = await startExchange();
    till = await startTill();
    ({ hash } = publish(join(dir.path, "store"), { "a.txt": "x" }));
    const facilitator: FacilitatorClient = {
      ...till.facilitator,
      settle: (payload, requirements) => {
        settles += 1;
        return (instead ?? till.facilitator.settle)(payload, requirements);
      },
    };
    const execution = executionSchema.parse({
      // Its output is another one at each run.
      run: {
        [EK]: {
          kind: "command",
          command: ["/bin/bash", "--norc", "-c", "echo $RANDOM$RANDOM$$"],
          price_units: String(PRICE),
        },
      },
      toll: till.settings,
    });
    gateway = await startWholeGateway(
      { exchangeUrl: exchange.url, storeDir: join(dir.path, "store"), stateDir: dir.path },
      {
        executor: createExecutor({ execution, jail: await findJail() }),
        toll: await createToll(till.settings, facilitator),
      },
    );
  });
  after(async () => {
    await gateway.stop();
    await till.stop();
    await exchange.goDown();
    dir.remove();
  });
  beforeEach(() => {
    instead = undefined;
    settles = 0;
  });

  const url = () => `${gateway.url}/exp/${EK}/execute`;
  const tokenOf = (over: Parameters<TestExchange["claims"]>[0] = {}) =>
    exchange.token({
      manifest_hash: hash,
      scopes: ["execute"],
      rate_limit_key: crypto.randomUUID(),
      ...over,
    });
  const requestBy = (token: string, headers: Record<string, string> = {}, inputs: unknown = 1) => ({
    method: "POST",
    headers: { authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ inputs }),
  });
  const paid = async (token: string, headers: Record<string, string>, inputs?: unknown) => {
    const response = await fetch(url(), requestBy(token, headers, inputs));
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
  };
  type Buyer = Awaited<ReturnType<Till["buyer"]>>;
  /** A signed payment that was not sent. */
  const sign = async (buyer: Buyer, token: string) => {
    const { headers } = await fetch(url(), requestBy(token));
    const required = JSON.parse(Buffer.from(headers.get("payment-required") ?? "", "base64").toString());
    return buyer.sign(required);
  };

  it("the SDK pays per call, proves anew with each request, and keeps the receipt", async () => {
    const buyer = await till.buyer(2n * PRICE);
    const dpop = await createDpopKey();
    const access = {
      ...{ ekId: EK, dpop, gatewayKey: gateway.key.x, pay: buyer.pay },
      gateway: { url: gateway.url, fetch: globalThis.fetch, unreachable: "GATEWAY_UNREACHABLE" as const },
      token: await tokenOf({ cnf: { jkt: dpop.jkt } }),
    };
    const before = await till.balanceOf(till.seller);
    const runs = [
      await executeExperience(access, { inputs: 1 }),
      await executeExperience(access, { inputs: 1 }),
    ];
    expect(runs[0]?.output, "two calls are two runs").not.to.equal(runs[1]?.output);
    expect(runs.map(({ receipt }) => receipt?.countersigned)).to.deep.equal([true, true]);
    expect((await till.balanceOf(till.seller)) - before, "and two payments").to.equal(2n * PRICE);
    const broke = await executeExperience(access, { inputs: 1 }).catch((error: unknown) => error);
    expect(broke, "the money is spent").to.be.instanceOf(ExchangeError);
    const { pay: _, ...unpaid } = access;
    const refused = await executeExperience(unpaid, { inputs: 1 }).catch(
      (error: ExchangeError) => error.code,
    );
    expect(refused).to.equal("PAYMENT_REQUIRED");
    expect((await till.balanceOf(till.seller)) - before).to.equal(2n * PRICE);
  });

  it("the stock x402 client pays the seller, and has its answer", async () => {
    const buyer = await till.buyer();
    const before = await till.balanceOf(till.seller);
    const response = await buyer.fetch(url(), requestBy(await tokenOf()));
    expect(response.status, await response.clone().text()).to.equal(200);
    expect(receiptOf(response.headers)).to.include({ success: true });
    expect((await till.balanceOf(till.seller)) - before).to.equal(PRICE);
    const stored = await gateway.receipts.find(response.headers.get("receipt-id") ?? "");
    expect(stored?.jws).to.be.a("string");
  });

  it("T15 drained between verify and settle: nothing runs, nothing is delivered", async () => {
    const buyer = await till.buyer();
    const token = await tokenOf();
    const payment = await sign(buyer, token);
    instead = async (...args) => {
      await buyer.drain();
      return till.facilitator.settle(...args);
    };
    const answer = await paid(token, payment.headers);
    expect([answer.status, answer.body.code]).to.deep.equal([402, "PAYMENT_FAILED"]);
    expect(answer.body).not.to.have.property("output");
    expect(await gateway.ledger.query("select * from paid_calls where state <> 'done'")).to.deep.equal([]);
  });

  it("T16 one payment is one run, however often it is sent, also all at once", async () => {
    const buyer = await till.buyer();
    const token = await tokenOf();
    const { headers } = await sign(buyer, token);
    const answers = await Promise.all(Array.from({ length: 8 }, () => paid(token, headers)));
    const good = answers.filter(({ status }) => status === 200);
    expect(answers.every(({ status }) => status === 200 || status === 202)).to.equal(true);
    const again = await paid(token, headers);
    expect(again.status).to.equal(200);
    expect(new Set([...good, again].map(({ body }) => body.output)).size, "one output").to.equal(1);
    expect(settles).to.equal(1);
    expect(1_000_000n - (await till.balanceOf(buyer.address))).to.equal(PRICE);
    const other = await paid(token, headers, 2);
    expect([other.status, other.body.code]).to.deep.equal([409, "PAYMENT_FAILED"]);
    const stranger = await paid(await tokenOf({ sub: "agt_31337_99" }), headers);
    expect(stranger.status, "another buyer's answer").to.equal(409);
  });

  it("T15 a facilitator that lies is not believed", async () => {
    const buyer = await till.buyer();
    const token = await tokenOf();
    const { headers } = await sign(buyer, token);
    instead = async () => ({
      success: true,
      transaction: `0x${"11".repeat(32)}`,
      network: "eip155:31337",
      payer: buyer.address,
    });
    const answer = await paid(token, headers);
    expect([answer.status, answer.body.code]).to.deep.equal([202, "PAYMENT_PENDING"]);
    instead = undefined;
    const later = await paid(token, headers);
    expect(later.status, "the same payment goes on").to.equal(200);
    expect(1_000_000n - (await till.balanceOf(buyer.address))).to.equal(PRICE);
  });

  it("T18 a facilitator whose answer is lost: the same payment has its answer later, and is paid once", async () => {
    const buyer = await till.buyer();
    const token = await tokenOf();
    const { headers } = await sign(buyer, token);
    instead = async (...args) => {
      await till.facilitator.settle(...args);
      throw new Error("The connection broke.");
    };
    const answer = await paid(token, headers);
    expect(answer.status, "the token's log says that it was paid").to.equal(200);
    instead = async () => {
      throw new Error("The connection broke.");
    };
    const other = await till.buyer();
    const second = await sign(other, token);
    expect((await paid(token, second.headers)).status).to.equal(202);
    instead = undefined;
    expect((await paid(token, second.headers)).status).to.equal(200);
    expect(1_000_000n - (await till.balanceOf(other.address))).to.equal(PRICE);
  });

  it("takes no payment without a token, past the quota, or for less than the price", async () => {
    const buyer = await till.buyer();
    const token = await tokenOf({ quota: { daily_quota: 1 } });
    const { headers, payload } = await sign(buyer, token);
    expect((await fetch(url(), { ...requestBy("junk", headers) })).status).to.equal(401);
    const accepted = { ...payload.accepted, amount: "1" };
    const cheap = await paid(token, buyer.headerOf({ ...payload, accepted }));
    expect([cheap.status, cheap.body.code]).to.deep.equal([402, "PAYMENT_REQUIRED"]);
    expect(cheap.headers.get("payment-required")).to.be.a("string");
    expect((await paid(token, { "payment-signature": "junk" })).status).to.equal(402);
    expect((await paid(token, headers)).status).to.equal(200);
    const next = await sign(buyer, token);
    const past = await paid(token, next.headers);
    expect([past.status, past.body.code]).to.deep.equal([429, "QUOTA_EXCEEDED"]);
    expect(1_000_000n - (await till.balanceOf(buyer.address))).to.equal(PRICE);
  });
});
