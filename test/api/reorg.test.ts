import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { decodeJwt } from "jose";
import type { PrivateKeyAccount } from "viem";
import { reviewPayments } from "../../api/actions/follow-orders.ts";
import { revocationFeed, revokeEnded } from "../../api/actions/revoke.ts";
import type { Session } from "../../api/actions/session.ts";
import { issueToken } from "../../api/actions/token.ts";
import { buyByCard, cardPayment } from "../../api/cards/buy.ts";
import type { Cards } from "../../api/cards/cards.ts";
import { carryOn } from "../../api/cards/carry-on.ts";
import { createCardProvider } from "../../api/cards/provider.ts";
import { cardRail } from "../../api/cards/rail.ts";
import { bindingOf } from "../../api/chain/agents.ts";
import { createChain } from "../../api/chain/client.ts";
import { createConfirmations, parseTiers, type Tier } from "../../api/chain/confirmations.ts";
import { createChainGuard } from "../../api/chain/guard.ts";
import { createVersionReader } from "../../api/chain/listings.ts";
import { createRelayer } from "../../api/chain/relayer.ts";
import type { Deps } from "../../api/deps.ts";
import { openStore, type Store } from "../../api/store/database.ts";
import { ensureSigningKey } from "../../api/store/key-rotation.ts";
import { migrate } from "../../api/store/migrate.ts";
import { findPayment } from "../../api/store/payments.ts";
import { createSigningKeys } from "../../api/store/signing-keys.ts";
import { createWatermarks, ensureWatermarkSecret } from "../../api/store/watermarks.ts";
import { deploy } from "../../scripts/deploy.ts";
import { localKey } from "../../scripts/system/chain.ts";
import { curves } from "../../sdk/curves.ts";
import { deploymentTag } from "../../sdk/deployment.ts";
import type { ExchangeError } from "../../sdk/errors.ts";
import { temporary } from "../gateway/support/gateway.ts";
import { type FakeStripe, startFakeStripe } from "../support/fake-stripe.ts";
import { createMarket, type Market } from "../support/market.ts";
import { useSystem } from "../support/system.ts";

/*
tokens on a chain that reorganises (anvil, `anvil_reorg`; the API's own actions on a real database)
├── T22 depth 1, 5, 20 after the purchase    no token, while the key is not there
├── T22 depth 1, 5, 20 after the token       the token is revoked as reorged, and there is no other
├── T22 depth 1, 5, 20 after a refund        the token stays revoked; the key that came back gives a new one
├── T22 a reorg that keeps the purchase      revokes nothing
├── T22 a reorg of a card's purchase         one key more, or all the money back
└── T22 the dearer the key, the deeper, or final       409 PAYMENT_PENDING before, and then no reorg of that depth can take it
*/
const anvil = fileURLToPath(
  new URL("../../node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil", import.meta.url),
);

async function startAnvil(): Promise<{ rpcUrl: string; child: ChildProcess }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const child = spawn(anvil, ["--port", String(port), "--silent"], { stdio: "ignore" });
  const rpcUrl = `http://127.0.0.1:${port}`;
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId" });
  for (const end = Date.now() + 30_000; ; ) {
    const answer = await fetch(rpcUrl, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    }).catch(() => undefined);
    if (answer?.ok) return { rpcUrl, child };
    if (child.exitCode !== null || Date.now() > end) throw new Error("anvil does not answer.");
    await sleep(50);
  }
}

describe("api: tokens and reorgs", function () {
  this.timeout(120_000);
  const shared = useSystem();
  const dir = temporary();
  let node: ChildProcess;
  let market: Market;
  let store: Store;
  let deps: Deps;
  let seller: PrivateKeyAccount;
  let free: bigint;

  before(async () => {
    const started = await startAnvil();
    node = started.child;
    const { rpcUrl } = started;
    const { deployment } = await deploy({ rpcUrl, file: join(dir.path, "deployment.json") });
    market = createMarket({ rpcUrl, deployment });
    const tag = deploymentTag(deployment);
    store = openStore({ databaseUrl: shared.system.run.databaseUrl, tag });
    await migrate(store, tag);
    await ensureSigningKey(store);
    await ensureWatermarkSecret(store);
    const chain = createChain({ rpcUrl, deployment });
    deps = {
      publicUrl: "http://exchange.test",
      chain,
      guard: createChainGuard(chain),
      versions: createVersionReader(chain),
      sql: store.sql,
      keys: createSigningKeys(store),
      watermarks: createWatermarks(store, chain.id),
      confirmations: createConfirmations(chain, parseTiers("*:0") as Tier[]),
    } as Deps; // what tokens need of it
    ({ account: seller } = await market.join());
    free = await market.list(seller, { refundWindow: 3_600, refundTerms: 2 });
  });
  after(async () => {
    await store?.close();
    node?.kill("SIGKILL");
    dir.remove();
  });

  const rpc = (method: string, params: unknown[]) => market.client.request({ method, params } as never);
  const mine = (blocks: number) => rpc("anvil_mine", [blocks]);
  const reorg = (depth: number) => rpc("anvil_reorg", [depth, []]);

  const ask = async (account: PrivateKeyAccount, number: bigint, by = deps) => {
    const session = await bindingOf(by.chain, account.address);
    const proof = { header: undefined, method: "POST", path: "/me/buy/token" };
    return issueToken(by, session, `ek_31337_${number}`, proof);
  };
  const jtiOf = async (account: PrivateKeyAccount) =>
    String(decodeJwt((await ask(account, free)).ek_token).jti);
  const refusal = (account: PrivateKeyAccount, number = free, by = deps) =>
    ask(account, number, by).then(
      () => undefined,
      (error: ExchangeError) => error.code,
    );
  const reasonOf = async (jti: string) =>
    (await revocationFeed(deps, 0)).tokens.find((token) => token.jti === jti)?.reason;

  /** An agent whose purchase lies in the `depth`-th block from the top; itself it lies below any reorg. */
  async function buyer(depth: number) {
    const { account } = await market.join();
    await mine(30);
    const { keyId } = await market.buy(account, free);
    await mine(depth - 1);
    return { account, keyId };
  }

  for (const depth of [1, 5, 20]) {
    it(`T22 a reorg of ${depth} after the purchase leaves no token to be had`, async () => {
      const { account } = await buyer(depth);
      await reorg(depth);
      expect(await refusal(account)).to.equal("EK_NOT_OWNED");
    });

    it(`T22 a reorg of ${depth} after the token revokes it, and leaves none to be had`, async () => {
      const { account } = await buyer(depth);
      const jti = await jtiOf(account);
      await revokeEnded(deps);
      expect(await reasonOf(jti)).to.equal(undefined);
      await reorg(depth);
      await revokeEnded(deps);
      expect(await reasonOf(jti)).to.equal("reorg");
      expect(await refusal(account)).to.equal("EK_NOT_OWNED");
      const [row] = await store.sql`select revoked_at from issued_tokens where jti = ${jti}`;
      expect(row?.revoked_at).to.be.instanceOf(Date);
    });

    it(`T22 a reorg of ${depth} after a refund gives the key back, but not the token that was revoked`, async () => {
      const { account, keyId } = await buyer(1);
      await mine(30);
      const jti = await jtiOf(account);
      await market.send(seller, market.contracts.exchange, "refund", [keyId]);
      await revokeEnded(deps);
      expect(await reasonOf(jti)).to.equal("key_ended");
      expect(await refusal(account)).to.equal("EK_NOT_OWNED");
      await mine(depth - 1);
      await reorg(depth);
      await revokeEnded(deps);
      expect(await reasonOf(jti)).to.equal("key_ended");
      const next = await jtiOf(account);
      await revokeEnded(deps);
      expect(await reasonOf(next)).to.equal(undefined);
    });
  }

  /** What the card rail needs beside what tokens do. */
  async function cardDeps(fake: FakeStripe): Promise<Deps & { cards: Cards }> {
    const { chain, guard, sql } = deps;
    const {
      STRIPE_SECRET_KEY: secretKey,
      STRIPE_WEBHOOK_SECRET: webhookSecret,
      STRIPE_API_BASE: apiBase,
    } = fake.env;
    const issuer = createRelayer({
      ...{ chain, guard, sql, lock: store.lock, privateKey: localKey(0), gasPerHour: 10n ** 12n },
    });
    const { cards, usdc } = market.contracts;
    await market.send(market.admin, usdc, "mint", [cards.address, 10n ** 9n]);
    await market.send(market.admin, cards, "setDailyCap", [market.token, 10n ** 9n]);
    const provider = createCardProvider({ secretKey, webhookSecret, apiBase });
    return { ...deps, relayer: issuer, cards: { provider, issuer } };
  }

  it("T22 a card's key that a reorg takes away is issued once more, or all the card's money goes back", async () => {
    const fake = await startFakeStripe();
    const by = await cardDeps(fake);
    try {
      for (const end of ["EKIssued", "Refunded"] as const) {
        const number = await market.list(seller, { curveParams: curves.fixed.encode({ price: 2_500_000n }) });
        const { account } = await market.join();
        await mine(30);
        const session = (await bindingOf(by.chain, account.address)) as Session;
        const asked = { ekId: `ek_31337_${number}`, requestKey: undefined };
        const { payment_id: id, charge } = await buyByCard(by, session, asked);
        const intent = charge.intent_id ?? "";
        fake.confirm(intent);
        await carryOn(by, id);
        expect((await cardPayment(by, session, id)).state).to.equal("EKIssued");
        const keysOf = () =>
          market.client.readContract({
            ...{ ...market.contracts.keys, functionName: "balanceOf", args: [account.address] },
          });
        expect(await keysOf()).to.equal(1n);
        await reorg(1);
        expect(await keysOf(), "the key is gone, the card's money is not").to.equal(0n);
        if (end === "Refunded") await market.send(seller, market.contracts.catalog, "setStatus", [number, 2]);

        await store.sql`update payments set review_at = now() where reference = ${intent}`;
        await reviewPayments(by, async (_what, work) => void (await work()));
        expect((await cardPayment(by, session, id)).state).to.equal("Unknown");
        const payment = await findPayment(store.sql, "card", intent);
        if (!payment) throw new Error("The payment is gone.");
        for (let i = 0; i < 2; i++) await cardRail.resume(by, payment);
        const now = await cardPayment(by, session, id);
        expect(now.state, JSON.stringify(now)).to.equal(end);
        expect(await keysOf()).to.equal(end === "EKIssued" ? 1n : 0n);
        const { capturedCents, refundedCents } = await by.cards.provider.find(intent);
        expect([capturedCents, refundedCents]).to.deep.equal([250, end === "EKIssued" ? 0 : 250]);
        const steps = await store.sql<{ state: string }[]>`
          select t.state from payment_transitions t join payments p on p.id = t.payment_id
          where p.reference = ${intent} order by t.id`;
        expect(steps.map(({ state }) => state)).to.deep.equal([
          ...["PaymentAuthorized", "PaymentConfirmed", "EKIssued", "Unknown"],
          ...(end === "EKIssued" ? ["PaymentConfirmed", end] : [end]),
        ]);
      }
    } finally {
      await fake.close();
    }
  });

  it("T22 a reorg below which the purchase stays revokes nothing", async () => {
    const { account } = await buyer(6);
    const jti = await jtiOf(account);
    await reorg(5);
    await revokeEnded(deps);
    expect(await reasonOf(jti)).to.equal(undefined);
    expect(await refusal(account)).to.equal(undefined);
  });

  it("T22 the dearer the key, the deeper it must lie: then no reorg of that depth takes it away", async () => {
    const tiers = parseTiers("10:0,100:5,*:20") as Tier[];
    const strict = { ...deps, confirmations: createConfirmations(deps.chain, tiers) };
    for (const [price, depth] of [
      [9_999_999n, 0],
      [10_000_000n, 5],
      [100_000_000n, 20],
    ] as const) {
      const number = await market.list(seller, { curveParams: curves.fixed.encode({ price }) });
      const { account } = await market.join();
      await mine(30);
      await market.buy(account, number);
      for (let blocks = 0; blocks < depth; blocks++) {
        expect(await refusal(account, number, strict), `${price} after ${blocks} blocks`).to.equal(
          "PAYMENT_PENDING",
        );
        await mine(1);
      }
      const { ek_token } = await ask(account, number, strict);
      if (depth === 0) continue;
      await reorg(depth);
      await revokeEnded(strict);
      expect(await reasonOf(String(decodeJwt(ek_token).jti))).to.equal(undefined);
      expect(await refusal(account, number, { ...deps })).to.equal(undefined);
    }
  });

  it("T22 where finality is asked for, the chain's own word decides", async () => {
    const tiers = parseTiers("*:finalized") as Tier[];
    const strict = { ...deps, confirmations: createConfirmations(deps.chain, tiers) };
    const { account } = await buyer(1);
    expect(await refusal(account, free, strict)).to.equal("PAYMENT_PENDING");
    await mine(80);
    expect(await refusal(account, free, strict)).to.equal(undefined);
  });

  it("T22 reads the table of depths, and takes no other text for one", () => {
    expect(parseTiers("10:0, 1000:3,*:finalized")).to.deep.equal([
      { below: 10, depth: 0 },
      { below: 1_000, depth: 3 },
      { below: Number.POSITIVE_INFINITY, depth: "finalized" },
    ]);
    for (const text of [
      "",
      "10:0",
      "*:0,10:3",
      "10:0,5:3,*:1",
      "x:1,*:2",
      "10:-1,*:2",
      "10:0,*:safe",
      "*:99999",
    ]) {
      expect(parseTiers(text), text).to.equal(undefined);
    }
  });
});
