import { expect } from "chai";
import {
  type Address,
  createWalletClient,
  type Hash,
  http,
  type PrivateKeyAccount,
  parseSignature,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { curves } from "../../sdk/curves.ts";
import type { QuoteState } from "../../sdk/wire/purchase.ts";
import { expectError } from "./support/api.ts";
import { createPaying, offerOf, type Paying, PRICE, structOf } from "./support/paying.ts";
import { useApi } from "./support/use-api.ts";
import { receiptOf, requiredOf } from "./support/x402.ts";

/*
POST /quotes/{id}/pay, with somebody in between
├── the transfer was submitted first, or the till paid by hand   the key all the same
│   └── for a buyer that is no agent                             with its signature, or once it has joined; never unasked
├── somebody else made the key of it                             the same answer, from the chain's log
├── the wallet is emptied between verifying and settling          402, no key
├── the authorization was cancelled                              402, no key
├── the payment is another quote's                               402, and that quote stays good
└── malformed, wrong amount, forged, expired, uncovered          402 with the reason; a better one is taken afterwards
*/
describe("api: paying under attack", () => {
  const shared = useApi();
  let paying: Paying;

  before(async () => {
    paying = await createPaying(shared.api);
  });

  it("T12 issues the key though somebody submitted the transfer first", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const { headers, transfer } = await payer.prepare(quote.pay_url);
    await paying.submitTransfer(transfer);
    const { status, body } = await paying.post(quote.pay_url, headers);
    expect(status, JSON.stringify(body)).to.equal(200);
    await paying.expectOneKey(buyer.address);
  });

  it("T12 issues the key of a till that was paid by a plain transfer, without asking for a second payment", async () => {
    const { buyer, quote } = await paying.quoted(paying.number, { joined: true });
    const { market } = shared.api;
    await market.send(buyer, market.contracts.usdc, "transfer", [quote.till as Address, PRICE]);
    const { state, reason } = await shared.api.get<QuoteState>(`/quotes/${quote.quote_id}`);
    expect([state, reason]).to.deep.equal(["funded", undefined]);
    const answers = await Promise.all([1, 2, 3].map(() => paying.post(quote.pay_url)));
    for (const { status, body } of answers) expect(status, JSON.stringify(body)).to.equal(200);
    await paying.expectOneKey(buyer.address);
  });

  it("T12 T23 makes nobody an agent unasked: a till that others paid waits for its buyer's signature", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const { headers, transfer } = await payer.prepare(quote.pay_url);
    await paying.submitTransfer(transfer);
    const state = await shared.api.get<QuoteState>(`/quotes/${quote.quote_id}`);
    expect([state.state, state.reason]).to.deep.equal(["funded", "buyer_not_agent"]);
    const sent = await paying.relayed();
    // Who is not the buyer, and has nothing signed by it, moves nothing; and is not asked to pay a second time.
    const stranger = await paying.payerOf(await shared.api.market.newcomer()).sign(offerOf(quote));
    for (const request of [{}, { "PAYMENT-SIGNATURE": "nonsense" }, stranger.headers]) {
      const answer = await paying.post(quote.pay_url, request);
      const { details } = expectError(answer, "LISTING_CONFLICT", 409);
      expect(details).to.include({ reason: "buyer_not_agent", buyer: buyer.address });
      expect(details.refund).to.deep.include({ amount: String(PRICE), to: buyer.address });
      expect(requiredOf(answer.headers)).to.equal(undefined);
    }
    expect(await paying.relayed()).to.equal(sent);
    const { status, body } = await paying.post(quote.pay_url, headers);
    expect(status, JSON.stringify(body)).to.equal(200);
    await paying.expectOneKey(buyer.address);
  });

  it("T12 finishes a till that a newcomer paid by hand once it has joined", async () => {
    const { buyer, quote } = await paying.quoted();
    const { market } = shared.api;
    await market.send(buyer, market.contracts.usdc, "transfer", [quote.till as Address, PRICE]);
    expectError(await paying.post(quote.pay_url), "LISTING_CONFLICT", 409);
    await market.send(buyer, market.contracts.registry, "register", [""]);
    const { status, body } = await paying.post(quote.pay_url);
    expect(status, JSON.stringify(body)).to.equal(200);
    await paying.expectOneKey(buyer.address);
  });

  it("T15 gives nothing to who empties its wallet between verification and settlement", async function () {
    this.timeout(60_000);
    const { market, run } = shared.api;
    const { buyer, quote, payer } = await paying.quoted();
    const { headers } = await payer.prepare(quote.pay_url);
    const { relayer } = await shared.api.get<{ relayer: { address: Address } }>("/health");
    const sentBy = (blockTag: "pending" | "latest") =>
      market.client.getTransactionCount({ address: relayer.address, blockTag });
    const automine = (on: boolean) =>
      market.client.request({ method: "evm_setAutomine", params: [on] } as never);
    await automine(false);
    try {
      const paid = paying.post(quote.pay_url, headers);
      while ((await sentBy("pending")) === (await sentBy("latest"))) await pause(20);
      // Verified and on its way: a dearer transaction goes before it.
      const { address, abi } = market.contracts.usdc;
      await createWalletClient({ account: buyer, transport: http(run.rpcUrl) }).writeContract({
        ...({
          address,
          abi,
          functionName: "transfer",
          args: [market.admin.address, 1_000_000_000n],
        } as const),
        ...{ chain: null, gas: 200_000n, maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 11n },
      });
      await market.client.request({ method: "evm_mine", params: [] } as never);
      await automine(true);
      const answer = await paid;
      expectError(answer, "PAYMENT_FAILED", 402);
      expect(requiredOf(answer.headers), "it may pay again").not.to.equal(undefined);
    } finally {
      await automine(true);
    }
    expect(await paying.keysOf(buyer.address)).to.equal(0n);
    expect((await shared.api.get<QuoteState>(`/quotes/${quote.quote_id}`)).state).to.equal("open");
  });

  it("T23 refuses a stranger's gift to somebody who is no agent: nothing is paid", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const giver = await shared.api.market.newcomer();
    const { required } = await payer.prepare(quote.pay_url);
    const gift = await paying.payerOf(giver).sign(required);
    const answer = await paying.post(quote.pay_url, gift.headers);
    const { details, message } = expectError(answer, "PAYMENT_FAILED", 402);
    expect(details.reason).to.equal("buyer_not_agent");
    expect(message).to.include(buyer.address).and.to.include(giver.address);
    expect(await paying.holdings(giver.address)).to.deep.equal({ keys: 0n, paid: 0n });
  });

  for (const how of ["buyViaTill", "finalizeTill"] as const) {
    it(`T12 answers with the key that somebody else had made of the payment by ${how}`, async () => {
      const { buyer, quote, payer } = await paying.quoted(paying.number, { joined: how === "finalizeTill" });
      const { headers, transfer } = await payer.prepare(quote.pay_url);
      const { market } = shared.api;
      const mallory = await market.newcomer();
      const tx = await makeKey();
      const sent = await paying.relayed();
      for (const request of [headers, {}]) {
        const { status, body } = await paying.post(quote.pay_url, request);
        expect(status, JSON.stringify(body)).to.equal(200);
        expect(body.tx).to.equal(tx);
        await paying.expectOneKey(buyer.address);
      }
      expect(await paying.relayed()).to.equal(sent);

      async function makeKey(): Promise<Hash> {
        const { tills } = market.contracts;
        if (how === "finalizeTill") {
          await paying.submitTransfer(transfer);
          return (await market.send(mallory, tills, how, [structOf(quote)])).receipt.transactionHash;
        }
        const { signature, to: _till, ...authorization } = transfer;
        const args = [structOf(quote), authorization, signature] as const;
        return (await market.send(mallory, tills, how, args)).receipt.transactionHash;
      }
    });
  }

  it("T13 gives no key for a cancelled authorization", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const { headers, transfer } = await payer.prepare(quote.pay_url);
    await cancel(buyer, transfer.nonce);
    const sent = await paying.relayed();
    const answer = await paying.post(quote.pay_url, headers);
    const { details } = expectError(answer, "PAYMENT_FAILED", 402);
    expect(details.reason).to.equal("invalid_exact_evm_nonce_already_used");
    expect(requiredOf(answer.headers)?.accepts[0]?.payTo).to.equal(quote.till);
    expect(receiptOf(answer.headers)).to.include({ success: false });
    expect(await paying.holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
    expect(await paying.relayed(), "T20 a bad payload costs no transaction").to.equal(sent);
  });

  async function cancel(account: PrivateKeyAccount, nonce: Hash): Promise<void> {
    const { market, chainId } = shared.api;
    const signature = await account.signTypedData({
      domain: { name: "Test USD Coin", version: "1", chainId, verifyingContract: market.token },
      types: {
        CancelAuthorization: [
          { name: "authorizer", type: "address" },
          { name: "nonce", type: "bytes32" },
        ],
      },
      primaryType: "CancelAuthorization",
      message: { authorizer: account.address, nonce },
    });
    const { r, s, yParity } = parseSignature(signature);
    const args = [account.address, nonce, yParity + 27, r, s] as const;
    await market.send(account, market.contracts.usdc, "cancelAuthorization", args);
  }

  it("T17 refuses a payment to another quote's till, and leaves that quote alone", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const { market, ekIdOf } = shared.api;
    const dear = await market.list(paying.seller, { curveParams: curves.fixed.encode({ price: 900_000n }) });
    const other = await shared.api.quote(ekIdOf(dear), buyer.address);
    const cheap = await payer.prepare(quote.pay_url);
    const replayed = expectError(await paying.post(other.pay_url, cheap.headers), "PAYMENT_FAILED", 402);
    expect(replayed.details.reason).to.equal("invalid_payment_requirements");
    // Pretending to have accepted the dear offer does not help: the signature is over the cheap till.
    const { accepted } = (await payer.prepare(other.pay_url)).payload;
    const forged = payer.headerOf({ ...cheap.payload, accepted });
    const { details } = expectError(await paying.post(other.pay_url, forged), "PAYMENT_FAILED", 402);
    expect(details.reason).to.equal("invalid_exact_evm_recipient_mismatch");
    expect(await paying.keysOf(buyer.address)).to.equal(0n);
    expect((await paying.post(quote.pay_url, cheap.headers)).status, "the cheap one is still good").to.equal(
      200,
    );
  });

  it("names what is wrong with a payment, and takes a better one afterwards", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const { required, payload, headers } = await payer.prepare(quote.pay_url);
    const offer = required.accepts[0] as (typeof required.accepts)[number];
    const inner = payload.payload as { authorization: Record<string, string>; signature: string };
    const withAuthorization = (changes: Record<string, string>) =>
      payer.headerOf({
        ...payload,
        payload: { ...inner, authorization: { ...inner.authorization, ...changes } },
      });
    const poor = paying.payerOf(privateKeyToAccount(generatePrivateKey()));
    const late = await payer.sign({ ...required, accepts: [{ ...offer, maxTimeoutSeconds: -100 }] });
    const wrong: [reason: string, headers: Record<string, string>][] = [
      ["invalid_payload", { "PAYMENT-SIGNATURE": "nonsense" }],
      ["invalid_payload", payer.headerOf({ ...payload, payload: {} })],
      ["invalid_x402_version", payer.headerOf({ ...payload, x402Version: 1 })],
      ["invalid_payment_requirements", payer.headerOf({ ...payload, accepted: { ...offer, amount: "1" } })],
      ["invalid_exact_evm_authorization_value", withAuthorization({ value: "1" })],
      ["invalid_exact_evm_signature", withAuthorization({ nonce: `0x${"12".repeat(32)}` })],
      [
        "invalid_exact_evm_payload_authorization_valid_before",
        payer.headerOf({ ...late.payload, accepted: offer }),
      ],
      ["invalid_exact_evm_insufficient_balance", (await poor.sign(required)).headers],
    ];
    const sent = await paying.relayed();
    for (const [reason, bad] of wrong) {
      const answer = await paying.post(quote.pay_url, bad);
      expect(answer.status, reason).to.equal(402);
      expect(expectError(answer, "PAYMENT_FAILED", 402).details.reason).to.equal(reason);
    }
    expect(await paying.relayed(), "T20 bad payloads cost no transaction").to.equal(sent);
    expect(await paying.keysOf(buyer.address)).to.equal(0n);
    const { status, body } = await paying.post(quote.pay_url, headers);
    expect(status, JSON.stringify(body)).to.equal(200);
  });
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
