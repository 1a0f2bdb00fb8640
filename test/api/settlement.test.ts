import { expect } from "chai";
import type { Sql } from "postgres";
import { type Address, type Hash, type PrivateKeyAccount, zeroAddress } from "viem";
import { referenceOf, saveAuthorization } from "../../api/store/authorizations.ts";
import { markFailed } from "../../api/store/payment-moves.ts";
import { keepLease, takePayment } from "../../api/store/payments.ts";
import { findQuote, type StoredQuote, saveQuote } from "../../api/store/quotes.ts";
import { quoteHash, tillAddress } from "../../sdk/till.ts";
import type { PurchaseResponse, QuoteState } from "../../sdk/wire/purchase.ts";
import { type Api, createApi, expectError } from "./support/api.ts";
import { type Copy, startCopy, startLyingRpc } from "./support/copy.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";
import { createPayer, requiredOf, type SignedTransfer } from "./support/x402.ts";

const PRICE = 250_000n;

/*
settling, when things go wrong in between
├── the block does not come        202, never a fresh 402; the same request gives the key when it came
├── two copies and a kill -9       one key
├── a process dies, nobody asks    another one settles it, also when somebody else paid the newcomer's till meanwhile
├── the quote is over              410; money in the till goes back to the buyer
│   └── for a day, and was never paid   it is deleted; what money may have come for stays
└── the chain is another one       no quote, no payment, no token; health is down
*/
describe("api: settlement", () => {
  const shared = useApi();
  let seller: PrivateKeyAccount;
  let ekId: string;
  let number: bigint;
  let sql: Sql;

  before(async () => {
    ({ account: seller } = await shared.api.market.join());
    number = await shared.api.market.list(seller);
    ekId = shared.api.ekIdOf(number);
    sql = openTables(shared.api.run);
  });
  after(() => sql?.end());

  const payPath = (id: string) => `/quotes/${id}/pay`;
  const post = (api: Api, id: string, headers: Record<string, string> = {}) =>
    api.ask<PurchaseResponse>(payPath(id), { method: "POST", headers });
  const through = (copy: Copy) => createApi({ ...shared.api.run, apiUrl: copy.apiUrl });

  async function signed(api = shared.api) {
    const buyer = await api.market.newcomer();
    const quote = await api.quote(ekId, buyer.address);
    const payer = createPayer(buyer, api.chainId);
    return { buyer, quote, payer, ...(await payer.prepare(quote.pay_url)) };
  }

  async function holdings(buyer: Address) {
    const { client, contracts } = shared.api.market;
    const read = (contract: typeof contracts.keys | typeof contracts.usdc) =>
      client.readContract({
        ...contract,
        functionName: "balanceOf",
        args: [buyer],
      } as never) as Promise<bigint>;
    return { keys: await read(contracts.keys), paid: 1_000_000_000n - (await read(contracts.usdc)) };
  }

  const transitionsOf = async (quoteId: string) =>
    (
      await sql<{ state: string }[]>`
        select t.state from payment_transitions t join payments p on p.id = t.payment_id
        where p.quote_id = ${quoteId} order by t.id`
    ).map(({ state }) => state);

  it("T18 answers 202 while the block does not come, never a second 402, and the key when it came", async function () {
    this.timeout(90_000);
    const { buyer, quote, headers } = await signed();
    const { client } = shared.api.market;
    await client.request({ method: "evm_setAutomine", params: [false] } as never);
    try {
      const pending = await post(shared.api, quote.quote_id, headers);
      expectError(pending, "PAYMENT_PENDING", 202);
      expect(pending.headers.get("retry-after")).to.match(/^[0-9]+$/);
      const [again, unpaid] = await Promise.all([
        post(shared.api, quote.quote_id, headers),
        post(shared.api, quote.quote_id),
      ]);
      for (const answer of [again, unpaid]) {
        expectError(answer, "PAYMENT_PENDING", 202);
        expect(requiredOf(answer.headers)).to.equal(undefined);
      }
      expect((await shared.api.get<QuoteState>(`/quotes/${quote.quote_id}`)).state).to.equal("pending");
    } finally {
      await client.request({ method: "evm_setAutomine", params: [true] } as never);
      await client.request({ method: "evm_mine", params: [] } as never);
    }
    const { status, body } = await post(shared.api, quote.quote_id, headers);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(await holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: PRICE });
    expect(await transitionsOf(quote.quote_id)).to.deep.equal([
      "PaymentAuthorized",
      "Unknown",
      "PaymentConfirmed",
      "EKIssued",
    ]);
  });

  it("stores every step, with its evidence", async () => {
    const { buyer, quote, headers } = await signed();
    const { body } = await post(shared.api, quote.quote_id, headers);
    const token = await shared.api.signIn(buyer);
    await shared.api.get("/me/buy/token", { token, body: { ek_id: ekId } });
    await shared.api.get("/me/buy/token", { token, body: { ek_id: ekId } });
    const steps = ["PaymentAuthorized", "PaymentConfirmed", "EKIssued", "AccessGranted"];
    expect(await transitionsOf(quote.quote_id)).to.deep.equal(steps);
    const [row] = await sql`select tx, key_id, state from payments where quote_id = ${quote.quote_id}`;
    expect(row).to.deep.equal({ tx: body.tx, key_id: body.key_id, state: "AccessGranted" });
  });

  it("T14 makes one key of one payment sent 200 times to two copies, one of which is killed", async function () {
    this.timeout(120_000);
    const copy = await startCopy(shared.api.run);
    const { buyer, quote, headers } = await signed();
    const other = through(copy);
    const sent = Array.from({ length: 200 }, (_, i) =>
      post(i % 2 === 0 ? shared.api : other, quote.quote_id, headers).catch(() => undefined),
    );
    await new Promise((resolve) => setTimeout(resolve, 150));
    await copy.kill("SIGKILL");
    const answers = (await Promise.all(sent)).filter((answer) => answer !== undefined);
    for (const { status, body } of answers) expect(status, JSON.stringify(body)).to.be.oneOf([200, 202]);
    let last = await post(shared.api, quote.quote_id, headers);
    for (let i = 0; last.status === 202 && i < 3; i++) last = await post(shared.api, quote.quote_id, headers);
    expect(last.status, JSON.stringify(last.body)).to.equal(200);
    expect(await holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: PRICE });
  });

  it("settles what a process left behind when it died, without being asked", async function () {
    this.timeout(60_000);
    const { buyer, quote, transfer } = await signed();
    await abandon(quote.quote_id, transfer);
    await keyComes(buyer.address);
    const { status, body } = await post(shared.api, quote.quote_id);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(await holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: PRICE });
  });

  it("T12 settles a newcomer's payment that somebody else submitted meanwhile, without being asked", async function () {
    this.timeout(60_000);
    const { market } = shared.api;
    const { buyer, quote, transfer: t } = await signed();
    await market.send(await market.newcomer(), market.contracts.usdc, "transferWithAuthorization", [
      ...([t.from, t.to, t.value, t.validAfter, t.validBefore, t.nonce, t.signature] as const),
    ]);
    expect(await market.client.readContract(agentOf(buyer.address))).to.equal(0n);
    await abandon(quote.quote_id, t);
    await keyComes(buyer.address);
    expect(await holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: PRICE });
    expect(await transitionsOf(quote.quote_id)).to.deep.equal([
      "PaymentAuthorized",
      "PaymentConfirmed",
      "EKIssued",
    ]);
  });

  it("T12 finishes a newcomer's till with what it signed for a payment that failed", async () => {
    const { market } = shared.api;
    const { buyer, quote, headers, transfer: t } = await signed();
    const { usdc } = market.contracts;
    const rich = await market.newcomer();
    await market.send(buyer, usdc, "transfer", [rich.address, 1_000_000_000n]);
    expectError(await post(shared.api, quote.quote_id, headers), "PAYMENT_FAILED", 402);
    const id = await abandon(quote.quote_id, t);
    await markFailed(sql, id, "not_sent");
    await market.send(rich, usdc, "transfer", [quote.till as Address, PRICE]);
    expect((await shared.api.get<QuoteState>(`/quotes/${quote.quote_id}`)).state).to.equal("funded");
    const { status, body } = await post(shared.api, quote.quote_id);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect((await holdings(buyer.address)).keys).to.equal(1n);
  });

  const agentOf = (account: Address) => ({
    ...shared.api.market.contracts.registry,
    ...({ functionName: "agentOf", args: [account] } as const),
  });

  /** Leaves a payment as it stands between taking it and sending it, a while ago. */
  async function abandon(quoteId: string, transfer: SignedTransfer): Promise<string> {
    const a = { scheme: "exact", ...transfer } as const;
    const quote = await findQuote(sql, quoteId);
    if (!quote) throw new Error("The quote is not stored.");
    const where = { chainId: shared.api.chainId, token: quote.token };
    const { payment } = await takePayment(
      sql,
      {
        ...{ rail: "x402", reference: referenceOf(where, a), quoteId: quote.id, buyer: quote.buyer },
        ...{ ekId: quote.ekId, version: quote.version, amount: a.value, currency: quote.token.toLowerCase() },
        evidence: { payer: a.from },
      },
      (tx, id) => saveAuthorization(tx, id, where, a),
    );
    await keepLease(sql, payment.id, -1);
    return payment.id;
  }

  async function keyComes(buyer: Address): Promise<void> {
    for (const deadline = Date.now() + 30_000; ; ) {
      if ((await holdings(buyer)).keys === 1n) return;
      if (Date.now() > deadline) throw new Error("Nobody settled it.");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  it("answers 410 to an expired quote, and sends back what is in its till", async () => {
    const { market } = shared.api;
    const buyer = await market.newcomer();
    const quote = await shared.api.quote(ekId, buyer.address);
    const stored = await findQuote(sql, quote.quote_id as Hash);
    if (!stored) throw new Error("The quote is not stored.");
    const overdue = () => over(stored, 120);
    const empty = await overdue();
    const gone = expectError(await post(shared.api, empty.id), "PAYMENT_FAILED", 410);
    expect(gone.details.reason).to.equal("quote_expired");
    expect((await shared.api.get<QuoteState>(`/quotes/${empty.id}`)).state).to.equal("expired");

    const funded = await overdue();
    await market.send(buyer, market.contracts.usdc, "transfer", [funded.till, PRICE]);
    const { details } = expectError(await post(shared.api, funded.id), "PAYMENT_FAILED", 410);
    expect(details.refund).to.deep.include({ amount: String(PRICE), to: buyer.address });
    expect((details.refund as { tx: string }).tx).to.match(/^0x/);
    expect(await holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
    const refunded = expectError(await post(shared.api, funded.id), "PAYMENT_FAILED", 410);
    expect(refunded.details.reason).to.equal("quote_refunded");
    expect((await shared.api.get<QuoteState>(`/quotes/${funded.id}`)).state).to.equal("refunded");
  });

  /** A quote with these terms that has been over for so many seconds. */
  async function over(
    { id: _id, till: _till, ...terms }: StoredQuote,
    seconds: number,
  ): Promise<StoredQuote> {
    const { chainId, market } = shared.api;
    const at = { chainId, tills: market.contracts.tills.address };
    const { blockNumber, ...rest } = terms;
    const late = { ...rest, deadline: BigInt(Math.floor(Date.now() / 1000) - seconds), salt: randomSalt() };
    const quote = { ...late, id: quoteHash(at, late), till: tillAddress(at, late), blockNumber };
    await saveQuote(sql, quote);
    return quote;
  }

  it("T12 deletes quotes that nobody paid a day after their end, and none that money may have come for", async function () {
    this.timeout(40_000);
    const { market } = shared.api;
    const buyer = await market.newcomer();
    const given = await findQuote(sql, (await shared.api.quote(ekId, buyer.address)).quote_id);
    if (!given) throw new Error("The quote is not stored.");
    const DAYS = 2 * 86_400;
    const young = await over(given, 80_000);
    const withPayment = await over(given, DAYS);
    const { payment } = await takePayment(sql, {
      ...{ rail: "x402", reference: `test/${withPayment.id}`, quoteId: withPayment.id, buyer: buyer.address },
      ...{ ekId: given.ekId, version: given.version, amount: PRICE, currency: given.token.toLowerCase() },
      evidence: {},
    });
    await markFailed(sql, payment.id, "not_sent");
    const challenged = await over(given, DAYS);
    await sql`
      insert into tempo_challenges (challenge_id, quote_id, memo_nonce, amount)
      values (${challenged.id}, ${challenged.id}, '0x00', 1)`;
    const put = ({ till }: StoredQuote) =>
      market.send(buyer, market.contracts.usdc, "transfer", [till, PRICE]);
    const [funded, open, refunded] = [
      await over(given, DAYS),
      await over({ ...given, buyer: zeroAddress }, DAYS),
      await over(given, DAYS),
    ];
    // Not in the sweeper's sight until the money is there, and back from one of them.
    await sql`update quotes set kept = true where quote_id in ${sql([funded.id, open.id, refunded.id])}`;
    for (const quote of [funded, open, refunded]) await put(quote);
    const { id: _id, till: _till, blockNumber: _block, ...struct } = refunded;
    await market.send(buyer, market.contracts.tills, "refundTill", [struct, refunded.token]);
    await sql`update quotes set kept = false where quote_id in ${sql([funded.id, open.id, refunded.id])}`;
    const empty = await over(given, DAYS);
    await sql`
      insert into x402_payment_ids (payer, payment_id, fingerprint, quote_id)
      values (${buyer.address.toLowerCase()}, 'a name that came to nothing', '', ${empty.id})`;

    for (const end = Date.now() + 30_000; await findQuote(sql, empty.id); ) {
      if (Date.now() > end) throw new Error("It was never deleted.");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    for (const kept of [young, withPayment, challenged, funded, open, refunded])
      expect((await findQuote(sql, kept.id))?.id).to.equal(kept.id);
    expect(await sql`select from x402_payment_ids where quote_id = ${empty.id}`).to.have.length(0);
    // What lies in a till goes back to its quote's buyer; of an open one the log tells whose it is.
    for (const end = Date.now() + 20_000; (await holdings(buyer.address)).paid !== PRICE; ) {
      if (Date.now() > end) throw new Error("The money did not come back.");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });

  it("T55 gives nothing on another chain with the same id, and its health says so", async function () {
    this.timeout(60_000);
    const rpc = await startLyingRpc(shared.api.run.rpcUrl);
    const copy = await startCopy(shared.api.run, { rpcUrl: rpc.url });
    try {
      const api = through(copy);
      const buyer = await api.market.newcomer();
      const token = await api.signIn(buyer);
      const { quote, headers } = await signed(api);
      expect((await api.ask<{ status: string }>("/health")).body.status).to.equal("ok");
      const lies: Record<string, (method: string, result: unknown) => unknown> = {
        "another block": (method, result) =>
          method === "eth_getBlockByNumber"
            ? { ...(result as object), hash: `0x${"ee".repeat(32)}` }
            : undefined,
        "another chain id": (method) => (method === "eth_chainId" ? "0x1" : undefined),
        silence: () => null,
      };
      for (const [name, lie] of Object.entries(lies)) {
        rpc.lie(({ method }, result) => lie(method, result));
        await new Promise((resolve) => setTimeout(resolve, 2_100)); // for so long a good answer counts
        const refused = await Promise.all([
          api.ask(`/listings/${ekId}/quote`, { body: { buyer: buyer.address } }),
          post(api, quote.quote_id, headers),
          api.ask("/me/buy/token", { token, body: { ek_id: ekId } }),
        ]);
        for (const answer of refused) {
          expect(answer.status, `${name}: ${JSON.stringify(answer.body)}`).to.equal(503);
          expectError(answer, "SERVICE_UNAVAILABLE", 503);
        }
      }
      await becomes(api, "down");
      rpc.lie(() => undefined);
      await becomes(api, "ok");
    } finally {
      await copy.kill("SIGTERM");
      await rpc.close();
    }
  });

  /** Waits until the health is so; 15 s is what it may take. */
  async function becomes(api: Api, status: string): Promise<void> {
    for (const deadline = Date.now() + 15_000; ; ) {
      const { body } = await api.ask<{ status: string }>("/health");
      if (body.status === status) return;
      if (Date.now() > deadline) throw new Error(`Health is ${JSON.stringify(body)}.`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
});

function randomSalt(): Hash {
  return `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex")}`;
}
