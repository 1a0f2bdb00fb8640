import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Challenge, Credential, Receipt } from "mppx";
import { type Address, type Hex, type PrivateKeyAccount, zeroAddress } from "viem";
import { findQuote, saveQuote } from "../../api/store/quotes.ts";
import { gather, list } from "../../scripts/demo/steps.ts";
import { localKey } from "../../scripts/system/chain.ts";
import { mppSecretOf } from "../../scripts/system/services.ts";
import { createExchange } from "../../sdk/client.ts";
import { curves } from "../../sdk/curves.ts";
import { quoteHash, tillAddress } from "../../sdk/till.ts";
import { type PurchaseResponse, purchaseResponseSchema } from "../../sdk/wire/purchase.ts";
import { oneStepResponseSchema } from "../../sdk/wire/x402.ts";
import { challengeIdOf, createMppxPayer } from "../support/mppx.ts";
import { useSystem } from "../support/system.ts";
import { type Answer, expectError } from "./support/api.ts";
import { startCopy } from "./support/copy.ts";
import { createPaying, type Paying, PRICE } from "./support/paying.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";
import { receiptOf, requiredOf } from "./support/x402.ts";

/*
POST /quotes/{id}/pay by the Machine Payments Protocol, on the exchange's own chain
├── nothing in the request        one 402 with both protocols' offers; the same challenge every time, by every process
├── paid by the stock mppx client money and key in one transaction, and Payment-Receipt; the stock x402 client still pays
├── the same credential again     the same answer, one key; by another process too
├── the transfer was submitted first  the key all the same
├── in one step                  the same at POST /x402/{ek_id}, for its own listing and buyer alone
├── a free key of somebody's     by that one's own credential alone
├── a credential for another quote    402, and that quote stays good
└── forged, altered, expired, without money   402 with the reason and the same challenge; no transaction
*/
describe("api: paying by the Machine Payments Protocol", () => {
  const shared = useApi();
  const system = useSystem();
  let paying: Paying;

  before(async () => {
    paying = await createPaying(shared.api);
  });

  const payerOf = (account: PrivateKeyAccount) => createMppxPayer(shared.api.run, account);

  const challengeOf = (headers: Headers) => Challenge.fromHeaders(headers);

  /** Asks for the 402 and makes the credential that the stock client would send. */
  async function prepare(payUrl: string, account: PrivateKeyAccount) {
    const response = await fetch(payUrl, { method: "POST" });
    expect(response.status).to.equal(402);
    const authorization = await payerOf(account).createCredential(response);
    await response.arrayBuffer(); // the client looked at a copy: cancelling this one would wait for that one
    return { authorization, credential: Credential.deserialize(authorization) };
  }

  /** The transfer that a credential authorizes. */
  function transferIn({ payload }: Credential.Credential) {
    const p = payload as Record<string, string>;
    return {
      ...{ from: p.from as Address, to: p.to as Address, value: BigInt(p.value ?? 0) },
      ...{ validAfter: BigInt(p.validAfter ?? 0), validBefore: BigInt(p.validBefore ?? 0) },
      ...{ nonce: p.nonce as Hex, signature: p.signature as Hex },
    };
  }

  /** How many payments were taken on for the quote: before each transaction there is one. */
  async function paymentsOf({ quote_id: id }: { quote_id: string }): Promise<number> {
    const tables = openTables(shared.api.run);
    const rows = await tables`select id from payments where quote_id = ${id}`;
    await tables.end();
    return rows.length;
  }

  const pay = (path: string, authorization: string): Promise<Answer<PurchaseResponse>> =>
    paying.post(path, { authorization });

  it("offers both rails in one 402, with a challenge that is the quote's own", async () => {
    const { quote } = await paying.quoted();
    const first = await paying.post(quote.pay_url);
    expectError(first, "PAYMENT_REQUIRED", 402);
    expect(requiredOf(first.headers)?.accepts).to.have.length(2); // exact and ek-purchase
    const challenges = Challenge.fromHeadersList(first.headers);
    expect(challenges).to.have.length(1);
    expect(challenges[0]).to.deep.include({
      ...{ method: "evm", intent: "charge", realm: new URL(shared.api.run.apiUrl).host },
      expires: quote.expires_at,
    });
    expect(challenges[0]?.request).to.deep.include({
      ...{ amount: String(PRICE), currency: shared.api.market.token, recipient: quote.till },
      externalId: quote.quote_id,
    });
    const second = await paying.post(quote.pay_url);
    expect(second.headers.get("www-authenticate")).to.equal(first.headers.get("www-authenticate"));
  });

  it("sells a key to the stock mppx client: money and key in one transaction", async () => {
    const { buyer, quote } = await paying.quoted();
    const response = await payerOf(buyer).fetch(quote.pay_url, { method: "POST" });
    expect(response.status).to.equal(200);
    const purchase = purchaseResponseSchema.parse(await response.json());
    expect(purchase.buyer.eoa).to.equal(buyer.address);
    const receipt = Receipt.fromResponse(response);
    expect(receipt).to.deep.include({
      ...{ method: "evm", status: "success", reference: purchase.tx, externalId: quote.quote_id },
    });
    await paying.expectOneKey(buyer.address);
    const tables = openTables(shared.api.run);
    const steps = await tables`
      select p.rail, p.reference, t.state from payments p join payment_transitions t on t.payment_id = p.id
      where p.quote_id = ${quote.quote_id} order by t.id`;
    await tables.end();
    expect(steps.map(({ rail, state }) => `${rail} ${state}`)).to.deep.equal([
      "mpp PaymentAuthorized",
      "mpp PaymentConfirmed",
      "mpp EKIssued",
    ]);
    expect(steps[0]?.reference).to.equal(challengeIdOf(receipt));
  });

  it("ends with bytes whose hash matches", async function () {
    this.timeout(120_000);
    const { run } = shared.system;
    const { ekId } = await list(run, await gather(run, system.seller));
    const buyer = await shared.api.market.newcomer();
    const quote = await shared.api.quote(ekId, buyer.address);
    expect((await payerOf(buyer).fetch(quote.pay_url, { method: "POST" })).status).to.equal(200);
    // Throws HASH_MISMATCH for other bytes than the manifest's.
    const { items } = await createExchange({ url: run.apiUrl, wallet: buyer }).fetch(ekId);
    expect(items).to.have.length(6);
  });

  it("sells to the stock x402 client at the same address", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const response = await payer.fetch(quote.pay_url, { method: "POST" });
    expect(response.status).to.equal(200);
    expect(receiptOf(response.headers)?.success).to.equal(true);
    expect(response.headers.get("payment-receipt")).to.equal(null);
    await paying.expectOneKey(buyer.address);
  });

  it("T14 invariant 5: one credential makes one key, however often and wherever it is sent", async function () {
    this.timeout(120_000);
    const { buyer, quote } = await paying.quoted();
    const { authorization } = await prepare(quote.pay_url, buyer);
    const env = { PUBLIC_URL: shared.api.run.apiUrl, MPP_SECRET: mppSecretOf(localKey(1)) };
    const copy = await startCopy(shared.api.run, { env });
    try {
      const urls = [quote.pay_url, quote.pay_url.replace(shared.api.run.apiUrl, copy.apiUrl)];
      const answers = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const response = await fetch(urls[i % 2] as string, { method: "POST", headers: { authorization } });
          return { status: response.status, body: await response.text(), headers: response.headers };
        }),
      );
      expect(answers.map(({ status, body }) => (status === 200 ? 200 : body))).to.deep.equal(
        Array(20).fill(200),
      );
      expect(new Set(answers.map(({ body }) => body)).size, "one answer").to.equal(1);
      expect(new Set(answers.map(({ headers }) => headers.get("payment-receipt"))).size).to.equal(1);
      expect(await paymentsOf(quote), "one payment").to.equal(1);
      const again = await pay(quote.pay_url, authorization);
      expect(JSON.stringify(again.body)).to.equal(answers[0]?.body);
      await paying.expectOneKey(buyer.address);
      // A process that was not there when the challenge was given knows it for its own.
      const next = await paying.quoted();
      const other = await prepare(next.quote.pay_url, next.buyer);
      const response = await fetch(next.quote.pay_url.replace(shared.api.run.apiUrl, copy.apiUrl), {
        method: "POST",
        headers: { authorization: other.authorization },
      });
      expect(response.status, await response.text()).to.equal(200);
      await paying.expectOneKey(next.buyer.address);
    } finally {
      await copy.kill("SIGTERM");
    }
  });

  it("T12 T18 issues the key though somebody submitted the payer's transfer first", async () => {
    const { buyer, quote } = await paying.quoted();
    const { authorization, credential } = await prepare(quote.pay_url, buyer);
    await paying.submitTransfer(transferIn(credential));
    const { status, body } = await pay(quote.pay_url, authorization);
    expect(status, JSON.stringify(body)).to.equal(200);
    await paying.expectOneKey(buyer.address);
  });

  it("T17 takes a credential for its own quote alone: of five by five, the diagonal", async function () {
    this.timeout(120_000);
    const { market } = shared.api;
    const buyer = await market.newcomer();
    const prices = [100_000n, 250_000n, 250_000n, 400_000n, 900_000n];
    const quotes = [];
    for (const price of prices) {
      const number = await market.list(paying.seller, { curveParams: curves.fixed.encode({ price }) });
      quotes.push(await shared.api.quote(shared.api.ekIdOf(number), buyer.address));
    }
    const prepared = await Promise.all(quotes.map(({ pay_url }) => prepare(pay_url, buyer)));
    for (const [i, { pay_url }] of quotes.entries()) {
      for (const [j, { authorization }] of prepared.entries()) {
        if (i === j) continue;
        const answer = await pay(pay_url, authorization);
        const { details } = expectError(answer, "PAYMENT_FAILED", 402);
        expect(details.reason).to.equal("invalid-challenge");
        expect(challengeOf(answer.headers).request.externalId).to.equal(quotes[i]?.quote_id);
      }
    }
    for (const quote of quotes) expect(await paymentsOf(quote), "nothing was sent").to.equal(0);
    for (const [i, { pay_url }] of quotes.entries()) {
      const { status, body } = await pay(pay_url, prepared[i]?.authorization ?? "");
      expect(status, JSON.stringify(body)).to.equal(200);
    }
    expect(await paying.keysOf(buyer.address)).to.equal(5n);
  });

  it("T17 T20 names what is wrong with a credential, sends nothing, and takes a better one afterwards", async () => {
    const { buyer, quote } = await paying.quoted();
    const { authorization, credential } = await prepare(quote.pay_url, buyer);
    const payload = credential.payload as Record<string, string>;
    const withPayload = (changes: Record<string, string>) =>
      Credential.serialize({ ...credential, payload: { ...payload, ...changes } });
    const withRequest = (changes: Record<string, unknown>) =>
      Credential.serialize({
        ...credential,
        challenge: {
          ...credential.challenge,
          request: { ...credential.challenge.request, ...changes },
        },
      });
    const { methodDetails } = credential.challenge.request as { methodDetails: Record<string, unknown> };
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const stranger = await shared.api.market.newcomer();
    const wrong: [what: string, reason: string, authorization: string][] = [
      ["nonsense", "malformed-credential", "Payment nonsense"],
      ["a cheaper challenge", "invalid-challenge", withRequest({ amount: "1" })],
      ["another recipient", "invalid-challenge", withRequest({ recipient: stranger.address })],
      ["another currency", "invalid-challenge", withRequest({ currency: stranger.address })],
      [
        "another chain",
        "invalid-challenge",
        withRequest({ methodDetails: { ...methodDetails, chainId: 1 } }),
      ],
      [
        "a longer life",
        "invalid-challenge",
        Credential.serialize({ ...credential, challenge: { ...credential.challenge, expires: later } }),
      ],
      ["a smaller sum", "verification-failed", withPayload({ value: "1" })],
      ["another payee", "verification-failed", withPayload({ to: stranger.address })],
      ["another payer", "verification-failed", withPayload({ from: stranger.address })],
      ["another nonce", "verification-failed", withPayload({ nonce: `0x${"12".repeat(32)}` })],
      ["no payload", "invalid-payload", Credential.serialize({ ...credential, payload: {} })],
    ];
    for (const [what, reason, bad] of wrong) {
      const answer = await pay(quote.pay_url, bad);
      expect(expectError(answer, "PAYMENT_FAILED", 402).details.reason, what).to.equal(reason);
      expect(challengeOf(answer.headers).id, what).to.equal(credential.challenge.id);
    }
    expect(await paymentsOf(quote), "T20 bad credentials are not taken on, and cost no transaction").to.equal(
      0,
    );
    expect(await paying.holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
    const { status, body } = await pay(quote.pay_url, authorization);
    expect(status, JSON.stringify(body)).to.equal(200);
  });

  it("T23 refuses a stranger's gift to somebody who is no agent, and one without money: nothing is paid", async () => {
    const { quote } = await paying.quoted();
    const giver = await shared.api.market.newcomer();
    const gift = await prepare(quote.pay_url, giver);
    const refused = expectError(await pay(quote.pay_url, gift.authorization), "PAYMENT_FAILED", 402);
    expect(refused.details.reason).to.equal("buyer_not_agent");
    expect(await paying.holdings(giver.address)).to.deep.equal({ keys: 0n, paid: 0n });
    const { market } = shared.api;
    const next = await paying.quoted();
    await market.send(next.buyer, market.contracts.usdc, "transfer", [giver.address, 1_000_000_000n]);
    const poor = await prepare(next.quote.pay_url, next.buyer);
    const { details } = expectError(await pay(next.quote.pay_url, poor.authorization), "PAYMENT_FAILED", 402);
    expect(details.reason).to.equal("invalid_exact_evm_insufficient_balance");
  });

  it("sells in one step, to the named buyer and to whoever pays", async () => {
    const path = `/x402/${paying.ekId}`;
    const url = `${shared.api.run.apiUrl}${path}`;
    for (const named of [true, false]) {
      const payer = await shared.api.market.newcomer();
      const at = named ? `${url}?buyer=${payer.address}` : url;
      const asked = await fetch(at, { method: "POST" });
      const { id } = challengeOf(asked.headers);
      expect(requiredOf(asked.headers)?.accepts, "x402 is offered beside it").to.have.length(2);
      const authorization = await payerOf(payer).createCredential(asked);
      await asked.arrayBuffer();
      const [response, again] = await Promise.all(
        [1, 2].map(() => fetch(at, { method: "POST", headers: { authorization } })),
      );
      expect(response?.status).to.equal(200);
      const body = oneStepResponseSchema.parse(await response?.json());
      expect(body.buyer.eoa).to.equal(payer.address);
      expect(body.access, "a payment is public: it opens nothing").to.equal(undefined);
      expect(await again?.json(), "once").to.deep.equal(body);
      const receipt = Receipt.fromResponse(response as Response);
      expect(receipt).to.include({ method: "evm", status: "success", reference: body.purchase?.tx });
      expect(challengeIdOf(receipt)).to.equal(id);
      await paying.expectOneKey(payer.address);
    }
    // As it comes: the client asks, pays and asks again by itself.
    const payer = await shared.api.market.newcomer();
    expect((await payerOf(payer).fetch(url, { method: "POST" })).status).to.equal(200);
    await paying.expectOneKey(payer.address);
  });

  it("T17 takes a credential in one step for its own listing and buyer alone", async () => {
    const { market } = shared.api;
    const other = await market.list(paying.seller, { curveParams: curves.fixed.encode({ price: PRICE }) });
    const payer = await market.newcomer();
    const path = `/x402/${paying.ekId}`;
    const send = (to: string, authorization: string) =>
      shared.api.ask(to, { method: "POST", headers: { authorization } });
    const { authorization } = await prepare(`${shared.api.run.apiUrl}${path}`, payer);
    for (const [to, word] of [
      [`/x402/${shared.api.ekIdOf(other)}`, authorization],
      [`${path}?buyer=${payer.address}`, authorization],
      [`${path}?buyer=${paying.seller.address}`, authorization],
      [path, "Payment nonsense"],
    ] as const) {
      const { details } = expectError(await send(to, word), "PAYMENT_FAILED", 402);
      expect(details.reason, to).to.equal("invalid-challenge");
    }
    expect(await paying.holdings(payer.address)).to.deep.equal({ keys: 0n, paid: 0n });
    expect((await send(path, authorization)).status).to.equal(200);
    // A holder's further payment is not taken.
    const more = await prepare(`${shared.api.run.apiUrl}${path}`, payer);
    expect((await send(path, more.authorization)).status).to.equal(200);
    await paying.expectOneKey(payer.address);
  });

  /** A quote that ends in so many seconds: for whoever pays, unless it names a buyer. */
  async function ending(seconds: number, buyer: Address = zeroAddress) {
    const { market, chainId } = shared.api;
    const sql = openTables(shared.api.run);
    try {
      const given = await shared.api.quote(paying.ekId, paying.seller.address);
      const stored = await findQuote(sql, given.quote_id);
      if (!stored) throw new Error("The quote is not stored.");
      const { id: _id, till: _till, blockNumber, ...rest } = stored;
      const deadline = BigInt(Math.floor(Date.now() / 1000) + seconds);
      const terms = { ...rest, buyer, deadline };
      const at = { chainId, tills: market.contracts.tills.address };
      const quote = { ...terms, id: quoteHash(at, terms), till: tillAddress(at, terms), blockNumber };
      await saveQuote(sql, quote);
      const payUrl = `${shared.api.run.apiUrl}/quotes/${quote.id}/pay`;
      /** By this machine's clock and by the chain's, which may be a little behind. */
      const isOver = async () => {
        await sleep(Math.max(0, Number(deadline) * 1000 + 1_100 - Date.now()));
        for (;;) {
          await market.client.request({ method: "evm_mine", params: [] } as never);
          if ((await market.client.getBlock()).timestamp > deadline) return;
          await sleep(100);
        }
      };
      return { quote_id: quote.id, payUrl, isOver };
    } finally {
      await sql.end();
    }
  }

  it("T9 T18 takes no credential after its challenge's end; what was taken before it gives the same answer after it", async function () {
    this.timeout(40_000);
    const { market } = shared.api;
    /** A payer with its credential for a quote that ends soon. */
    const ready = async (open = false) => {
      const { address, ...payer } = await market.newcomer();
      const quote = await ending(6, open ? zeroAddress : address);
      const { authorization, credential } = await prepare(quote.payUrl, { ...payer, address });
      const twice = () => Promise.all([1, 2].map(() => pay(quote.payUrl, authorization)));
      return { ...quote, address, credential, twice };
    };
    const [early, late, open, robbed] = await Promise.all([ready(), ready(), ready(true), ready(true)]);
    const inTime = await early.twice();
    for (const { status, body } of inTime) expect(status, JSON.stringify(body)).to.equal(200);
    await paying.submitTransfer(transferIn(robbed.credential));
    await Promise.all([early, late, open, robbed].map(({ isOver }) => isOver()));

    for (const { status, body } of await early.twice()) {
      expect(status).to.equal(200);
      expect(body).to.deep.equal(inTime[0]?.body);
    }
    await paying.expectOneKey(early.address);
    for (const { twice, address } of [late, open]) {
      for (const answer of await twice()) {
        const { details } = expectError(answer, "PAYMENT_FAILED", 410);
        expect(details.reason).to.equal("quote_expired");
        expect(answer.headers.get("www-authenticate"), "no fresh challenge").to.equal(null);
      }
      expect(await paying.holdings(address)).to.deep.equal({ keys: 0n, paid: 0n });
    }
    // T12: somebody else had submitted it, and nobody knew whose it was until now: it goes back.
    for (const end = Date.now() + 20_000; (await paying.holdings(robbed.address)).paid !== 0n; ) {
      if (Date.now() > end) throw new Error("The money did not come back.");
      for (const { status } of await robbed.twice()) expect(status).to.be.oneOf([202, 409, 410]);
    }
    expect(await paying.keysOf(robbed.address)).to.equal(0n);
  });

  it("T44 gives a free key that is quoted to somebody for that one's own credential alone", async () => {
    const { market } = shared.api;
    const free = await market.list(paying.seller, { curveParams: curves.fixed.encode({ price: 0n }) });
    const { account: buyer } = await market.join();
    const asked = await shared.api.ask(`/x402/${shared.api.ekIdOf(free)}?buyer=${buyer.address}`, {
      method: "POST",
    });
    const { details } = expectError(asked, "PAYMENT_REQUIRED", 402);
    const quote = { quote_id: String(details.quote_id) };
    const payUrl = `${shared.api.run.apiUrl}/quotes/${quote.quote_id}/pay`;
    const stranger = await prepare(payUrl, await market.newcomer());
    const refused = expectError(await pay(payUrl, stranger.authorization), "PAYMENT_FAILED", 402);
    expect(refused.details.reason).to.equal("buyer_not_payer");
    expect(await paymentsOf(quote), "T20 it costs no transaction").to.equal(0);
    expect(await paying.keysOf(buyer.address)).to.equal(0n);
    const own = await prepare(payUrl, buyer);
    const { status, body } = await pay(payUrl, own.authorization);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(await paying.holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: 0n });
  });

  it("offers x402 alone where no secret is set", async function () {
    this.timeout(120_000);
    const copy = await startCopy(shared.api.run);
    try {
      const { quote, buyer } = await paying.quoted();
      const { authorization } = await prepare(quote.pay_url, buyer);
      const url = quote.pay_url.replace(shared.api.run.apiUrl, copy.apiUrl);
      for (const headers of [{}, { authorization }]) {
        const response = await fetch(url, { method: "POST", headers });
        expect(response.status).to.equal(402);
        expect(response.headers.get("www-authenticate")).to.equal(null);
        expect(requiredOf(response.headers)?.accepts).to.have.length(2); // exact and ek-purchase
        await response.body?.cancel();
      }
    } finally {
      await copy.kill("SIGTERM");
    }
  });
});
