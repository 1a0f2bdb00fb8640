import type { PaymentPayload } from "@x402/core/types";
import { PAYMENT_IDENTIFIER } from "@x402/extensions/payment-identifier";
import { createSIWxPayload, encodeSIWxHeader, type SIWxExtension } from "@x402/extensions/sign-in-with-x";
import { expect } from "chai";
import type postgres from "postgres";
import { type Address, createWalletClient, http, type PrivateKeyAccount } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { artifactOf } from "../../scripts/deploy/artifact.ts";
import { oneStepResponseSchema } from "../../sdk/wire/x402.ts";
import { expectError } from "./support/api.ts";
import { type Copy, startCopy } from "./support/copy.ts";
import { createOneStep, type OneStep } from "./support/one-step.ts";
import { PRICE } from "./support/paying.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";
import { receiptOf, requiredOf } from "./support/x402.ts";

/*
POST /x402/{ek_id}, more than once
├── by who holds a key      signs in and gets a token; a payment of its is not taken
│   └── by its message      once, here, on this chain, and by its signer alone
├── under one identifier    one key, the same answer; another request under it is refused
│   └── of somebody else's  it stays that one's: only a signature takes it
└── by many at once         one key for each payment, whichever copy of the API is asked
*/
describe("api: buying in one step, once", () => {
  const shared = useApi();
  let shop: OneStep;
  let copy: Copy;
  let sql: postgres.Sql;

  before(async function () {
    this.timeout(120_000);
    shop = await createOneStep(shared.api);
    copy = await startCopy(shared.system.run);
    sql = openTables(shared.system.run);
  });
  after(() => Promise.all([copy.kill("SIGTERM"), sql.end()]));

  /** A newcomer with a key that it bought in one step. */
  async function holder(): Promise<PrivateKeyAccount> {
    const account = await shared.api.market.newcomer();
    const response = await shop
      .payerOf(account)
      .fetch(shop.urlOf(shop.number, account.address), { method: "POST" });
    expect(response.status).to.equal(200);
    await response.body?.cancel();
    return account;
  }

  /** What the resource asks its holders to sign, signed with changes. */
  async function signIn(account: PrivateKeyAccount, url: string, changes: Record<string, string> = {}) {
    const answer = await fetch(url, { method: "POST" });
    const required = requiredOf(answer.headers);
    await answer.body?.cancel();
    const declared = required?.extensions?.["sign-in-with-x"] as SIWxExtension | undefined;
    const [chain] = declared?.supportedChains ?? [];
    if (!declared || !chain) throw new Error("There is no way to sign in.");
    const payload = await createSIWxPayload({ ...declared.info, ...chain, ...changes }, account, url);
    return { payload, headers: { "SIGN-IN-WITH-X": encodeSIWxHeader(payload) } };
  }

  it("lets the holder in by the stock client's sign-in, which pays the first time only", async () => {
    const account = await shared.api.market.newcomer();
    const fetchOnce = shop.signingFetchOf(account);
    const url = shop.urlOf(shop.number, account.address);
    const first = oneStepResponseSchema.parse(await (await fetchOnce(url, { method: "POST" })).json());
    expect(first.purchase?.buyer.eoa).to.equal(account.address);
    await shop.expectOneKey(account.address);
    const again = await fetchOnce(url, { method: "POST" });
    expect(again.status).to.equal(200);
    expect(again.headers.get("payment-response")).to.equal(null);
    const { access, purchase, key_id } = oneStepResponseSchema.parse(await again.json());
    expect(purchase).to.equal(undefined);
    expect(key_id).to.equal(first.key_id);
    expect(access?.ek_token).to.be.a("string");
    await shop.expectOneKey(account.address);
  });

  it("takes no second payment of a holder's", async () => {
    const account = await holder();
    const url = shop.urlOf(shop.number, account.address);
    const response = await shop.payerOf(account).fetch(url, { method: "POST" });
    expect(response.status).to.equal(200);
    expect(response.headers.get("payment-response")).to.equal(null);
    const { purchase, access } = oneStepResponseSchema.parse(await response.json());
    expect([purchase, access]).to.deep.equal([undefined, undefined]);
    await shop.expectOneKey(account.address);
  });

  it("T43 takes a sign-in once, here, and from its signer alone", async () => {
    const account = await holder();
    const path = shop.pathOf(shop.number);
    const url = shop.urlOf(shop.number);
    const { headers, payload } = await signIn(account, url);
    const stranger = privateKeyToAccount(generatePrivateKey());
    const other = await shared.api.market.list(shop.seller);
    const bad: [what: string, headers: Record<string, string>][] = [
      [
        "another's signature",
        { "SIGN-IN-WITH-X": encodeSIWxHeader({ ...payload, address: stranger.address }) },
      ],
      ["another resource", (await signIn(account, shop.urlOf(other))).headers],
      ["another chain", (await signIn(account, url, { chainId: "eip155:1" })).headers],
      [
        "an old message",
        (await signIn(account, url, { issuedAt: new Date(Date.now() - 600_000).toISOString() })).headers,
      ],
      ["no key", (await signIn(stranger, url)).headers],
      ["nonsense", { "SIGN-IN-WITH-X": "nonsense" }],
    ];
    for (const [what, wrong] of bad) {
      const answer = await shop.ask(path, wrong);
      expect(answer.status, what).to.equal(402);
      expectError(answer, "PAYMENT_FAILED", 402);
    }
    const answers = await Promise.all(
      [shared.system.run.apiUrl, copy.apiUrl].flatMap((api) =>
        Array.from({ length: 10 }, () => fetch(`${api}${path}`, { method: "POST", headers })),
      ),
    );
    // The copy has an address of its own: the message is not for that.
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    for (const answer of answers) await answer.body?.cancel();
  });

  /** The payment under an identifier. */
  const named = (payload: PaymentPayload, id: string) => {
    const declared = payload.extensions?.[PAYMENT_IDENTIFIER] as { info: object };
    const extension = { ...declared, info: { ...declared.info, id } };
    const extensions = { ...payload.extensions, [PAYMENT_IDENTIFIER]: extension };
    return shop.payerOf(shop.seller).headerOf({ ...payload, extensions });
  };

  it("T14 answers a repeated identifier with the same key, though another payment was signed", async () => {
    const account = await shared.api.market.newcomer();
    const patron = await shared.api.market.newcomer();
    const joined = (await shared.api.market.join()).account;
    const id = `pay_${"a1".repeat(12)}`;
    const url = shop.urlOf(shop.number, joined.address);
    const path = shop.pathOf(shop.number, joined.address);
    const [first, second] = [
      await shop.payerOf(patron).prepare(url),
      await shop.payerOf(patron).prepare(url),
    ];
    expect(first.transfer.to).to.not.equal(second.transfer.to);
    const answers = await Promise.all([
      shop.ask(path, named(first.payload, id)),
      shop.ask(path, named(second.payload, id)),
      shop.ask(path, named(first.payload, id)),
    ]);
    for (const { status, body } of answers) expect(status, JSON.stringify(body)).to.equal(200);
    expect(new Set(answers.map(({ body }) => body.key_id)).size).to.equal(1);
    expect((await shop.holdings(patron.address)).paid, "paid once").to.equal(PRICE);

    // For another buyer it is another request, and so is one for another listing.
    const gift = shop.urlOf(shop.number, account.address);
    const other = await shop.payerOf(patron).prepare(gift);
    const { details } = expectError(
      await shop.ask(shop.pathOf(shop.number, account.address), named(other.payload, id)),
      "LISTING_CONFLICT",
      409,
    );
    expect(details.reason).to.equal("payment_identifier_used");
    expect((await shop.holdings(patron.address)).paid).to.equal(PRICE);
    // Somebody else's requests have names of their own.
    const own = await shop.payerOf(account).prepare(gift);
    expect(
      (await shop.ask(shop.pathOf(shop.number, account.address), named(own.payload, id))).status,
    ).to.equal(200);
  });

  it("lets an identifier stand for a better payment when the first came to nothing", async () => {
    const account = await shared.api.market.newcomer();
    const url = shop.urlOf(shop.number, account.address);
    const path = shop.pathOf(shop.number, account.address);
    const id = `pay_${"b2".repeat(12)}`;
    const { payload, transfer } = await shop.payerOf(account).prepare(url);
    await shop.cancel(account, transfer.nonce);
    expectError(await shop.ask(path, named(payload, id)), "PAYMENT_FAILED", 402);
    const better = await shop.payerOf(account).prepare(url);
    expect((await shop.ask(path, named(better.payload, id))).status).to.equal(200);
    await shop.expectOneKey(account.address);
  });

  it("T51 keeps an identifier for who signed under it, a smart account too: nobody else can use it up", async () => {
    const { market } = shared.api;
    const owner = await market.newcomer();
    const wallet = await deployWallet(owner);
    await market.send(owner, market.contracts.usdc, "transfer", [wallet, PRICE]);
    const namesOf = (account: Address) =>
      sql`select payment_id from x402_payment_ids where payer = ${account.toLowerCase()}`;
    for (const [i, signer] of [owner, { ...owner, address: wallet }].entries()) {
      const id = `pay_${`c${i}`.repeat(12)}`;
      const mallory = await market.newcomer();
      const path = shop.pathOf(shop.number, signer.address);
      const own = await shop.payerOf(signer).prepare(`${shared.api.run.apiUrl}${path}`);
      // Whoever knows the identifier has signatures of its own, and the payer's name.
      const foreign = await shop
        .payerOf({ ...mallory, address: signer.address })
        .prepare(`${shared.api.run.apiUrl}${path}`);
      const altered = { ...own.payload.payload, signature: `0x${"11".repeat(65)}` };
      for (const payload of [foreign.payload, { ...own.payload, payload: altered }]) {
        const { details } = expectError(await shop.ask(path, named(payload, id)), "PAYMENT_FAILED", 402);
        expect(details.reason).to.equal("invalid_exact_evm_signature");
      }
      const bound = await shop.boundPayerOf(mallory).prepare(shop.urlOf(shop.number));
      const posed = { ...bound.payload.payload, authorization: { from: signer.address } };
      await shop.ask(shop.pathOf(shop.number), named({ ...bound.payload, payload: posed }, id));
      expect(await namesOf(signer.address), "nobody took it").to.deep.equal([]);
      const paid = await shop.ask(path, named(own.payload, id));
      expect(paid.status, JSON.stringify(paid.body)).to.equal(200);
      expect(await shop.keysOf(signer.address)).to.equal(1n);
      expect((await namesOf(signer.address))[0]).to.deep.equal({ payment_id: id });
    }
  });

  /** A smart account of the owner's (EIP-1271). */
  async function deployWallet(owner: PrivateKeyAccount): Promise<Address> {
    const { abi, bytecode } = artifactOf("Wallet1271");
    const { client } = shared.api.market;
    const sender = createWalletClient({ account: owner, transport: http(shared.api.run.rpcUrl) });
    const hash = await sender.deployContract({ abi, bytecode, args: [owner.address], chain: null });
    const { contractAddress } = await client.waitForTransactionReceipt({ hash });
    if (!contractAddress) throw new Error("The wallet was not made.");
    return contractAddress;
  }

  it("refuses an identifier that is none, and pays nothing", async () => {
    const account = await shared.api.market.newcomer();
    const { payload } = await shop.payerOf(account).prepare(shop.urlOf(shop.number, account.address));
    const answer = await shop.ask(shop.pathOf(shop.number, account.address), named(payload, "short"));
    expectError(answer, "INVALID_REQUEST", 400);
    expect(await shop.holdings(account.address)).to.deep.equal({ keys: 0n, paid: 0n });
  });

  it("T14 makes one key of 60 parallel requests with one payment at two copies of the API", async () => {
    const account = await shared.api.market.newcomer();
    const { headers } = await shop.payerOf(account).prepare(shop.urlOf(shop.number, account.address));
    const path = shop.pathOf(shop.number, account.address);
    const sent = await shop.relayed();
    const answers = await Promise.all(
      [shared.system.run.apiUrl, copy.apiUrl].flatMap((api) =>
        Array.from({ length: 30 }, async () => {
          const answer = await fetch(`${api}${path}`, { method: "POST", headers });
          return { status: answer.status, settled: receiptOf(answer.headers), body: await answer.json() };
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).to.deep.equal(Array(60).fill(200));
    expect(new Set(answers.map(({ body }) => oneStepResponseSchema.parse(body).key_id)).size).to.equal(1);
    expect(new Set(answers.map(({ settled }) => settled?.transaction)).size).to.equal(1);
    expect((await shop.relayed()) - sent, "one transaction").to.equal(1);
    await shop.expectOneKey(account.address);
  });
});
