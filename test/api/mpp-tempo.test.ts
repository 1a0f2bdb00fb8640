import { expect } from "chai";
import { Challenge, Credential, Receipt } from "mppx";
import { concat, type Hex, keccak256, type PrivateKeyAccount, slice, stringToBytes } from "viem";
import { prepareTransactionRequest, sendTransactionSync, signTransaction } from "viem/actions";
import { Abis, Actions } from "viem/tempo";
import { sweep } from "../../api/actions/sweep.ts";
import { refundMemoOf } from "../../api/mpp/refund.ts";
import { gather, list } from "../../scripts/demo/steps.ts";
import { createExchange } from "../../sdk/client.ts";
import { curves } from "../../sdk/curves.ts";
import * as ids from "../../sdk/ids.ts";
import type { QuoteResponse } from "../../sdk/wire/listing.ts";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import { challengeIdOf, createTempoPayer } from "../support/mppx.ts";
import { useSystem } from "../support/system.ts";
import {
  balanceOnTempo,
  PATH_USD,
  sendWithMemo,
  startTempo,
  type TempoChain,
  tempoAccount,
  tempoClientOf,
  tempoPayer,
} from "../support/tempo-chain.ts";
import { expectError } from "./support/api.ts";
import { createPaying, type Paying, PRICE } from "./support/paying.ts";
import { HOUSE, startTempoApi, type TempoApi } from "./support/tempo-api.ts";
import { useApi } from "./support/use-api.ts";

/*
POST /quotes/{id}/pay by a payment on Tempo
├── given an agent as buyer        both challenges; to nobody else, and not where the float or the cap would not do
├── paid by the stock client       pulled or pushed: the key, by an agent of the house's; Payment-Receipt names the transfer
├── the same again                 the same answer, one payment, one key
├── paid, and never told           found by the challenge in the memo
├── several transfers in one tx    each is its own challenge's payment
├── a hash that proves nothing     refused, or not known yet; never a key
├── paid twice, wrongly, too late, or for what can't be had any more
│                                  goes back to its payer, once; state Refunded
├── given back on chain            its money goes back on Tempo, once
└── died anywhere                  carried on from the row
*/
describe("api: paying on Tempo", () => {
  const shared = useApi();
  const system = useSystem();
  let paying: Paying;
  let chain: TempoChain & { stop(): Promise<void> };
  let api: TempoApi;
  const house = tempoAccount(HOUSE).address;
  const CAP = 1_000_000_000n;

  before(async function () {
    this.timeout(120_000);
    [chain, paying] = await Promise.all([startTempo(), createPaying(shared.api)]);
    api = await startTempoApi(shared.api.run, chain);
    await fund(CAP);
    await sweep(api.deps); // the log is read from here on
  });
  after(async function () {
    this.timeout(120_000);
    await api?.stop();
    await chain?.stop();
  });

  /** The float that keys are bought out of, and what of it may be spent today. */
  async function fund(cap: bigint) {
    const { market } = shared.api;
    const cards = market.deployment.contracts.CardIssuer;
    await market.send(market.admin, market.contracts.usdc, "mint", [cards, CAP]);
    await setCap(cap);
  }

  const setCap = (cap: bigint) => {
    const { market } = shared.api;
    return market.send(market.admin, market.contracts.cards, "setDailyCap", [market.token, cap]);
  };

  const here = (payUrl: string) => payUrl.replace(shared.api.run.apiUrl, api.apiUrl);

  async function quoted(number = paying.number) {
    const { account: buyer } = await shared.api.market.join();
    const quote = await shared.api.quote(shared.api.ekIdOf(number), buyer.address);
    return { buyer, quote, url: here(quote.pay_url) };
  }

  const post = async (url: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url, { method: "POST", headers });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };

  /** The quote's challenge on Tempo. */
  async function challengeOf(url: string) {
    const { headers, status } = await post(url);
    expect(status).to.equal(402);
    const challenge = Challenge.fromHeadersList(headers).find(({ method }) => method === "tempo");
    if (!challenge) throw new Error("Tempo is not offered.");
    return challenge;
  }

  /** What the stock client would send. */
  async function prepare(url: string, mode: "pull" | "push" = "pull") {
    const payer = await tempoPayer(chain);
    const response = await fetch(url, { method: "POST" });
    const authorization = await createTempoPayer(chain, payer, mode).createCredential(response);
    await response.arrayBuffer(); // the client looked at a copy: cancelling this one would wait for that one
    return authorization;
  }

  const memoFor = ({ id, realm }: Challenge.Challenge): Hex => {
    const hash = (text: string) => keccak256(stringToBytes(text));
    return concat([
      slice(hash("mpp"), 0, 4),
      ...(["0x01", slice(hash(realm), 0, 10), `0x${"00".repeat(10)}`, slice(hash(id), 0, 7)] as Hex[]),
    ]);
  };

  const byHash = (challenge: Challenge.Challenge, hash: Hex) =>
    Credential.serialize({ challenge, payload: { type: "hash", hash } });

  const paymentsOf = ({ quote_id }: QuoteResponse) =>
    api.deps.sql<
      { rail: string; reference: string; state: string; reason: string | null }[]
    >`select rail, reference, state, reason from payments where quote_id = ${quote_id} order by id`;

  const stepsOf = async ({ quote_id }: QuoteResponse): Promise<string[]> => {
    const rows = await api.deps.sql<{ state: string }[]>`
      select t.state from payment_transitions t join payments p on p.id = t.payment_id
      where p.quote_id = ${quote_id} order by t.id`;
    return rows.map(({ state }) => state);
  };

  /** Lets everybody let go of the payments, and sweeps. */
  async function sweepAll() {
    await api.deps.sql`update payments set lease_until = now() - interval '1 second' where rail = 'mpp'`;
    await api.deps.sql`update tempo_refunds set retry_at = now() where done_at is null`;
    await sweep(api.deps);
  }

  const keysOf = (buyer: PrivateKeyAccount) => paying.keysOf(buyer.address);

  for (const mode of ["pull", "push"] as const) {
    it(`sells a key to the stock mppx client that pays on Tempo (${mode})`, async function () {
      this.timeout(120_000);
      const { buyer, quote, url } = await quoted();
      const before = await balanceOnTempo(chain, house);
      const payer = await tempoPayer(chain);
      const response = await createTempoPayer(chain, payer, mode).fetch(url, { method: "POST" });
      const purchase = (await response.json()) as { tx: string; buyer: { eoa: string } };
      expect(response.status, JSON.stringify(purchase)).to.equal(200);
      expect(purchase.buyer.eoa).to.equal(buyer.address);
      expect((await balanceOnTempo(chain, house)) - before).to.equal(PRICE);
      expect(await keysOf(buyer)).to.equal(1n);
      const receipt = Receipt.fromResponse(response);
      expect(receipt).to.include({ method: "tempo", externalId: quote.quote_id });
      const { from } = await tempoClientOf(chain).getTransactionReceipt({ hash: receipt.reference as Hex });
      expect(from.toLowerCase()).to.equal(payer.address.toLowerCase());
      const [payment] = await paymentsOf(quote);
      expect(payment).to.include({ rail: "mpp", reference: challengeIdOf(receipt), state: "EKIssued" });
      expect(await stepsOf(quote)).to.deep.equal(["PaymentAuthorized", "PaymentConfirmed", "EKIssued"]);
    });
  }

  it("ends with bytes whose hash matches, for a buyer that paid on Tempo", async function () {
    this.timeout(120_000);
    const { run } = shared.system;
    const { ekId } = await list(run, await gather(run, system.seller));
    const { account: buyer } = await shared.api.market.join();
    const quote = await shared.api.quote(ekId, buyer.address);
    const payer = createTempoPayer(chain, await tempoPayer(chain));
    const response = await payer.fetch(here(quote.pay_url), { method: "POST" });
    expect(response.status, await response.clone().text()).to.equal(200);
    const exchange = createExchange({ url: run.apiUrl, wallet: buyer });
    const { items } = await exchange.fetch(ekId); // throws HASH_MISMATCH for other bytes than the manifest's
    expect(items).to.have.length(6);
  });

  it("T14 T18 invariant 5: one credential is one payment and one key, however often it is sent", async function () {
    this.timeout(120_000);
    for (const mode of ["pull", "push"] as const) {
      const { buyer, quote, url } = await quoted();
      const authorization = await prepare(url, mode);
      const before = await balanceOnTempo(chain, house);
      const answers = await Promise.all(Array.from({ length: 10 }, () => post(url, { authorization })));
      for (const { status, body } of answers) expect([200, 202], JSON.stringify(body)).to.include(status);
      await sweepAll();
      const first = await post(url, { authorization });
      expect(first.status, JSON.stringify(first.body)).to.equal(200);
      for (const headers of [{ authorization }, {}]) {
        const again = await post(url, headers);
        expect(again.body).to.deep.equal(first.body);
        expect(again.headers.get("payment-receipt")).to.equal(first.headers.get("payment-receipt"));
      }
      expect(await paymentsOf(quote)).to.have.length(1);
      expect(await keysOf(buyer)).to.equal(1n);
      const received = mode === "pull" ? PRICE : 0n; // the pushed one was there before
      expect((await balanceOnTempo(chain, house)) - before).to.equal(received);
    }
  });

  it("finds a payment whose payer never told of it, by the challenge in its memo", async function () {
    this.timeout(120_000);
    const { buyer, quote, url } = await quoted();
    const challenge = await challengeOf(url);
    await sendWithMemo(chain, tempoAccount(3), { to: house, amount: PRICE, memo: memoFor(challenge) });
    await sweepAll();
    await sweepAll();
    expect(await stepsOf(quote)).to.deep.equal(["PaymentAuthorized", "PaymentConfirmed", "EKIssued"]);
    expect(await keysOf(buyer)).to.equal(1n);
    const answer = await post(url);
    expect(answer.status).to.equal(200);
    expect(answer.headers.get("payment-receipt")).to.be.a("string");
  });

  it("T21 counts each transfer in a transaction for its own challenge: four in one are four keys", async function () {
    this.timeout(120_000);
    const four = await Promise.all([quoted(), quoted(), quoted(), quoted()]);
    const challenges = await Promise.all(four.map(({ url }) => challengeOf(url)));
    const client = tempoClientOf(chain);
    const calls = challenges.map((challenge) =>
      Actions.token.transfer.call(client, {
        ...{ amount: PRICE, to: house, token: PATH_USD, memo: memoFor(challenge) },
      }),
    );
    const { transactionHash: hash } = await sendTransactionSync(client, {
      account: tempoAccount(4),
      calls,
      gas: 3_000_000n,
    } as never);
    for (const [i, { url, buyer }] of four.entries()) {
      const answer = await post(url, {
        authorization: byHash(challenges[i] as Challenge.Challenge, hash),
      });
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      expect(await keysOf(buyer)).to.equal(1n);
    }
    const charges = await api.deps.sql`
      select distinct key_id from payments p join tempo_transfers t on t.payment_id = p.id where t.tx = ${hash}`;
    expect(charges).to.have.length(4);
  });

  it("T17 T21 believes no hash: not another's, of another sum, token, payee, memo, nor one that nobody knows", async function () {
    this.timeout(120_000);
    const { buyer, quote, url } = await quoted();
    const challenge = await challengeOf(url);
    const other = await quoted();
    const theirs = await challengeOf(other.url);
    const memo = memoFor(challenge);
    const payer = tempoAccount(5);
    const ALPHA = "0x20c0000000000000000000000000000000000001";
    const sent = {
      "another challenge's": await sendWithMemo(chain, payer, {
        ...{ to: house, amount: PRICE, memo: memoFor(theirs) },
      }),
      "another payee": await sendWithMemo(chain, payer, { to: buyer.address, amount: PRICE, memo }),
      "another token": await sendWithMemo(chain, payer, { to: house, amount: PRICE, memo, token: ALPHA }),
      "no memo of ours": await sendWithMemo(chain, payer, {
        ...{ to: house, amount: PRICE, memo: keccak256(memo) },
      }),
    };
    for (const [what, hash] of Object.entries(sent)) {
      const answer = await post(url, { authorization: byHash(challenge, hash) });
      expect(expectError(answer, "PAYMENT_FAILED", 402).details.reason, what).to.equal("verification-failed");
    }
    const unknown = await post(url, { authorization: byHash(challenge, keccak256("0x01")) });
    expectError(unknown, "PAYMENT_PENDING", 202);
    expect(unknown.headers.get("www-authenticate"), "T18 no fresh challenge").to.equal(null);
    const forged = byHash({ ...challenge, id: theirs.id }, sent["another challenge's"]);
    expectError(await post(url, { authorization: forged }), "PAYMENT_FAILED", 402);
    expect(await paymentsOf(quote)).to.have.length(0);
    expect(await keysOf(buyer)).to.equal(0n);
    // It pays for what it names, whoever shows it.
    const right = await post(other.url, {
      authorization: byHash(theirs, sent["another challenge's"]),
    });
    expect(right.status, JSON.stringify(right.body)).to.equal(200);
    expect(await keysOf(other.buyer)).to.equal(1n);
  });

  it("T17 refuses a pulled transaction for another quote, of another chain, or without an end; nothing is sent", async function () {
    this.timeout(120_000);
    const { quote, url } = await quoted();
    const dear = await quoted(
      await shared.api.market.list(paying.seller, { curveParams: curves.fixed.encode({ price: 900_000n }) }),
    );
    const cheap = await prepare(url);
    const before = await balanceOnTempo(chain, house);
    const replayed = await post(dear.url, { authorization: cheap });
    expect(expectError(replayed, "PAYMENT_FAILED", 402).details.reason).to.equal("invalid-challenge");
    // The dear challenge with the cheap payment.
    const credential = Credential.deserialize(cheap);
    const swapped = Credential.serialize({ ...credential, challenge: await challengeOf(dear.url) });
    const refused = await post(dear.url, { authorization: swapped });
    expect(expectError(refused, "PAYMENT_FAILED", 402).details.reason).to.equal("verification-failed");
    const client = tempoClientOf(chain);
    const challenge = await challengeOf(url);
    const endless = (await signTransaction(
      client,
      (await prepareTransactionRequest(client, {
        account: tempoAccount(6),
        calls: [
          Actions.token.transfer.call(client, {
            ...{ amount: PRICE, to: house, token: PATH_USD, memo: memoFor(challenge) },
          }),
        ],
      } as never)) as never,
    )) as Hex;
    const answer = await post(url, {
      authorization: Credential.serialize({
        challenge,
        payload: { type: "transaction", signature: endless },
      }),
    });
    expect(expectError(answer, "PAYMENT_FAILED", 402).message).to.include("validBefore");
    expect(await balanceOnTempo(chain, house)).to.equal(before);
    expect(await paymentsOf(quote)).to.have.length(0);
  });

  it("T18 sends a second payment for one challenge back to its payer, once", async function () {
    this.timeout(120_000);
    const { buyer, url } = await quoted();
    const challenge = await challengeOf(url);
    const [one, two] = [tempoAccount(7), tempoAccount(8)];
    const first = await sendWithMemo(chain, one, { to: house, amount: PRICE, memo: memoFor(challenge) });
    const paid = await post(url, { authorization: byHash(challenge, first) });
    expect(paid.status, JSON.stringify(paid.body)).to.equal(200);
    await sendWithMemo(chain, two, { to: house, amount: PRICE, memo: memoFor(challenge) });
    await sendWithMemo(chain, two, { to: house, amount: 1n, memo: memoFor(challenge) });
    for (let i = 0; i < 3; i++) await sweepAll();
    expect(await refundsTo(two.address, challenge.id)).to.deep.equal([1n, PRICE]);
    expect(await keysOf(buyer)).to.equal(1n);
  });

  /** What the house sent back, by the log. */
  async function refundsTo(to: Hex, challengeId: string) {
    const logs = await tempoClientOf(chain).getContractEvents({
      ...{ address: PATH_USD, abi: Abis.tip20, eventName: "TransferWithMemo" },
      args: { from: house, to, memo: refundMemoOf(challengeId) },
      fromBlock: 0n,
    });
    return logs.map(({ args }) => args.amount as bigint).sort((a, b) => (a < b ? -1 : 1));
  }

  it("pays back what no key can be had for, once, through every crash; the quote is over", async function () {
    this.timeout(120_000);
    const { market } = shared.api;
    const number = await market.list(paying.seller);
    const { buyer, quote, url } = await quoted(number);
    const challenge = await challengeOf(url);
    const payer = tempoAccount(3);
    const hash = await sendWithMemo(chain, payer, { to: house, amount: PRICE, memo: memoFor(challenge) });
    await market.send(paying.seller, market.contracts.catalog, "setStatus", [number, 2]);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => post(url, { authorization: byHash(challenge, hash) })),
    );
    for (const { status, headers } of answers) {
      expect([202, 410]).to.include(status);
      expect(headers.get("www-authenticate"), "no fresh challenge").to.equal(null);
    }
    // As if the process had died after sending it, and the answer was lost.
    await api.deps.sql`update tempo_refunds set done_at = null where done_at is not null`;
    await sweepAll();
    await sweepAll();
    expect(await refundsTo(payer.address, challenge.id)).to.deep.equal([PRICE]);
    const [payment] = await paymentsOf(quote);
    expect(payment).to.include({ state: "Refunded", reason: "ListingNotActive" });
    expect(await keysOf(buyer)).to.equal(0n);
    expectError(await post(url, { authorization: byHash(challenge, hash) }), "PAYMENT_FAILED", 410);
    // The listing is sold again: what went back buys nothing.
    await market.send(paying.seller, market.contracts.catalog, "setStatus", [number, 1]);
    await sweepAll();
    expect(await keysOf(buyer)).to.equal(0n);
  });

  it("T29 sends a refunded order's money back on Tempo, once, wherever the process dies", async function () {
    this.timeout(120_000);
    const { market } = shared.api;
    const number = await market.list(paying.seller, { refundWindow: 3_600, refundTerms: 2 });
    const { buyer, quote, url } = await quoted(number);
    const challenge = await challengeOf(url);
    const payer = tempoAccount(6);
    const hash = await sendWithMemo(chain, payer, { to: house, amount: PRICE, memo: memoFor(challenge) });
    const { status, body } = await post(url, { authorization: byHash(challenge, hash) });
    expect(status, JSON.stringify(body)).to.equal(200);
    const keyId = ids.joinTokenId(ids.keyId.parse((body as PurchaseResponse).key_id));
    await market.send(paying.seller, market.contracts.exchange, "refund", [keyId]);
    expect(await keysOf(buyer)).to.equal(0n);
    const round = async () => {
      await api.deps.sql`update payments set review_at = now() where quote_id = ${quote.quote_id}`;
      await sweepAll();
    };
    const client = api.deps.tempo?.tempo.client;
    if (!client) throw new Error("Tempo is not set up.");
    const { sendRawTransaction } = client;
    // It dies when the way back was signed and stored, and nothing was sent.
    client.sendRawTransaction = () => Promise.reject(new Error("killed"));
    try {
      await round();
    } finally {
      client.sendRawTransaction = sendRawTransaction;
    }
    const refundsOf = () => api.deps.sql<{ refund_tx: Hex; done: boolean; reason: string }[]>`
      select refund_tx, done_at is not null as done, reason from tempo_refunds where tx = ${hash.toLowerCase()}`;
    const [signed] = await refundsOf();
    expect(signed).to.deep.include({ done: false, reason: "order_refunded" });
    expect(await refundsTo(payer.address, challenge.id)).to.deep.equal([]);
    expect((await paymentsOf(quote))[0]?.state, "no step before the money is back").to.equal("EKIssued");
    await round();
    expect(await refundsTo(payer.address, challenge.id)).to.deep.equal([PRICE]);
    expect(await refundsOf()).to.deep.equal([{ ...signed, done: true }]);
    expect((await paymentsOf(quote))[0]).to.include({ state: "Refunded" });
    // It dies when the money was back, and neither that nor the step was stored.
    await api.deps.sql`update tempo_refunds set done_at = null where refund_tx = ${signed?.refund_tx ?? ""}`;
    await api.deps.sql`update payments set state = 'EKIssued' where quote_id = ${quote.quote_id}`;
    // The other process of this database may look at the payment just then: what it has in hand nobody else takes.
    for (let i = 0; i < 10 && (await paymentsOf(quote))[0]?.state !== "Refunded"; i++) await round();
    await round();
    expect(await refundsTo(payer.address, challenge.id)).to.deep.equal([PRICE]);
    expect((await paymentsOf(quote))[0]).to.include({ state: "Refunded" });
  });

  it("pays back what came after the quote's end", async function () {
    this.timeout(120_000);
    const { buyer, quote, url } = await quoted();
    const challenge = await challengeOf(url);
    await api.deps.sql`update quotes set deadline = deadline - 120 where quote_id = ${quote.quote_id}`;
    const payer = tempoAccount(7);
    await sendWithMemo(chain, payer, { to: house, amount: PRICE, memo: memoFor(challenge) });
    await sweepAll();
    await sweepAll();
    await sweepAll();
    expect((await paymentsOf(quote))[0]).to.include({ state: "Refunded", reason: "paid_too_late" });
    expect(await refundsTo(payer.address, challenge.id)).to.deep.equal([PRICE]);
    expect(await keysOf(buyer)).to.equal(0n);
  });

  it("waits while the day's cap is reached, and issues one key when it is not any more", async function () {
    this.timeout(120_000);
    const { buyer, quote, url } = await quoted();
    const challenge = await challengeOf(url);
    const hash = await sendWithMemo(chain, tempoAccount(8), {
      ...{ to: house, amount: PRICE, memo: memoFor(challenge) },
    });
    await setCap(0n);
    try {
      const answer = await post(url, { authorization: byHash(challenge, hash) });
      expectError(answer, "PAYMENT_PENDING", 202);
      const { url: next } = await quoted();
      await challengeOf(next).then(
        () => expect.fail("Tempo is offered though no key could be issued"),
        (error: Error) => expect(error.message).to.include("not offered"),
      );
    } finally {
      await setCap(CAP);
    }
    await sweepAll();
    expect(await stepsOf(quote)).to.deep.equal(["PaymentAuthorized", "PaymentConfirmed", "EKIssued"]);
    expect(await keysOf(buyer)).to.equal(1n);
  });

  it("T14 invariant 5: a process that dies between signing and hearing of it leaves one key", async function () {
    this.timeout(120_000);
    const { buyer, quote, url } = await quoted();
    const authorization = await prepare(url, "push");
    expect((await post(url, { authorization })).status).to.equal(200);
    // As after kill -9 before the answer was stored: the chain has the key, the row does not know.
    await api.deps.sql`
      update payments set state = 'PaymentConfirmed', purchase = null, key_id = null where quote_id = ${quote.quote_id}`;
    await sweepAll();
    expect((await paymentsOf(quote))[0]).to.include({ state: "EKIssued" });
    expect(await keysOf(buyer)).to.equal(1n);
  });

  it("offers Tempo to agents alone, and trusts no RPC of another chain", async function () {
    this.timeout(120_000);
    const { quote } = await paying.quoted(); // a newcomer
    const methods = async (url: string) => {
      const { headers } = await post(url);
      return Challenge.fromHeadersList(headers).map(({ method }) => method);
    };
    expect(await methods(here(quote.pay_url))).to.deep.equal(["evm"]);
    const { quote: agents, url } = await quoted();
    expect(await methods(url)).to.deep.equal(["evm", "tempo"]);
    const wrong = await startTempoApi(shared.api.run, { rpcUrl: shared.api.run.rpcUrl });
    try {
      expect(await methods(agents.pay_url.replace(shared.api.run.apiUrl, wrong.apiUrl))).to.deep.equal([
        "evm",
      ]);
    } finally {
      await wrong.stop();
    }
  });
});
