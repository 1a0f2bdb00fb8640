/*
an order with a refund window, from x402 to its end
├── bought      the money waits; the index has the order; the key opens the gateway, with short tokens
├── refunded    the key is gone: no token, the old one is over soon, the listing sells again
└── accepted    everybody has its part, in the index as on chain, and the points are awarded
*/
import { join } from "node:path";
import { mock } from "node:test";
import { expect } from "chai";
import { and, eq, inArray } from "drizzle-orm";
import { type PrivateKeyAccount, zeroHash } from "viem";
import { knownSeller } from "../../gateway/seller.ts";
import * as tables from "../../indexer/ponder.schema.ts";
import { joinTokenId, keyId as keyIds } from "../../sdk/ids.ts";
import type { PurchaseResponse, TokenResponse } from "../../sdk/wire/purchase.ts";
import { raw, startGateway, type TestGateway, temporary } from "../gateway/support/gateway.ts";
import { publish } from "../gateway/support/store.ts";
import { createIndexReader, type IndexReader } from "../support/index-reader.ts";
import { contentOf, summaryText } from "../support/market.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";
import { createPayer } from "./support/x402.ts";

const PRICE = 250_000n;
const HOUR = 3_600;

describe("api: orders", function () {
  this.timeout(120_000);
  const shared = useApi();
  const dir = temporary();
  let index: IndexReader;
  let gateway: TestGateway;
  let seller: { account: PrivateKeyAccount; agentId: bigint };
  let source: { account: PrivateKeyAccount; agentId: bigint };
  let ekId: bigint;

  before(async () => {
    const { market, run } = shared.api;
    index = createIndexReader(run);
    [seller, source] = [await market.join(), await market.join()];
    const older = await market.list(source.account);
    const { hash } = publish(join(dir.path, "store"), { "a.txt": "hello" });
    const terms = market.terms({
      ...{ refundWindow: HOUR, refundTerms: 2, bountyBps: 100, royalties: [{ ekId: older, bps: 1_000 }] },
    });
    const content = { ...contentOf(summaryText()), manifestHash: hash };
    const { catalog } = market.contracts;
    ekId = (await market.send(seller.account, catalog, "list", [0n, terms, content])).result;
    gateway = await startGateway(
      { exchangeUrl: run.apiUrl, storeDir: join(dir.path, "store"), stateDir: dir.path },
      { seller: knownSeller(`agt_31337_${seller.agentId}`) },
    );
  });
  after(async () => {
    await gateway?.stop();
    await index?.end();
    dir.remove();
  });

  async function bought() {
    const { market, quote, ekIdOf, chainId, signIn } = shared.api;
    const buyer = await market.newcomer();
    const { pay_url } = await quote(ekIdOf(ekId), buyer.address);
    const response = await createPayer(buyer, chainId).fetch(pay_url, { method: "POST" });
    expect(response.status).to.equal(200);
    const purchase = (await response.json()) as PurchaseResponse;
    const number = joinTokenId(keyIds.parse(purchase.key_id));
    return { buyer, purchase, keyId: number, session: await signIn(buyer) };
  }

  async function orderRow(id: string) {
    await index.caughtUp();
    const [row] = await index.db.select().from(tables.order).where(eq(tables.order.id, id));
    return row;
  }

  const orderOnChain = (keyId: bigint) =>
    shared.api.market.client.readContract({
      ...{ ...shared.api.market.contracts.exchange, functionName: "orderOf", args: [keyId] },
    });

  const tokenFor = (session: string) =>
    shared.api.ask<TokenResponse>("/me/buy/token", {
      ...{ token: session, body: { ek_id: shared.api.ekIdOf(ekId) } },
    });

  const fetchItem = async (token: string) =>
    (await raw(gateway, `/exp/${shared.api.ekIdOf(ekId)}/items/a.txt`, { token })).status;

  /** The index's credits of these agents, and the chain's. */
  async function credits(...agentIds: bigint[]) {
    const { market } = shared.api;
    await index.caughtUp();
    const ids = agentIds.map((agentId) => `agt_31337_${agentId}`);
    const rows = await index.db.select().from(tables.credit).where(inArray(tables.credit.agentId, ids));
    const indexed = ids.map((id) => rows.find(({ agentId }) => agentId === id)?.amount ?? 0n);
    const onChain = await Promise.all(
      agentIds.map((agentId) =>
        market.client.readContract({
          ...market.contracts.exchange,
          ...{ functionName: "creditOf", args: [agentId, market.token] },
        } as const),
      ),
    );
    expect(indexed).to.deep.equal(onChain);
    return indexed;
  }

  const soldOf = async () => {
    await index.caughtUp();
    const id = shared.api.ekIdOf(ekId);
    const [row] = await index.db.select().from(tables.listing).where(eq(tables.listing.id, id));
    return row?.sold;
  };

  it("E18 bought over x402, the money waits and the key works; refunded, the key is gone for API and gateway", async () => {
    const { market } = shared.api;
    const { buyer, purchase, keyId, session } = await bought();
    const order = await orderOnChain(keyId);
    expect(purchase.release_at).to.equal(new Date(order.releaseTime * 1000).toISOString());
    expect(purchase.points_awarded).to.deep.equal({ seller: 0, buyer: 0 });
    const held = await orderRow(purchase.order_id);
    expect(held).to.deep.include({
      ...{ keyId: purchase.key_id, ekId: shared.api.ekIdOf(ekId), version: 1, status: "held" },
      ...{ sellerId: `agt_31337_${order.sellerId}`, token: order.token.toLowerCase(), amount: PRICE },
      ...{ buyerId: purchase.buyer.agent_id, payerId: `agt_31337_${order.buyerId}` },
      ...{ releaseTime: BigInt(order.releaseTime), accessed: false, toBuyer: 0n },
    });
    expect(await credits(seller.agentId, source.agentId, order.buyerId)).to.deep.equal([0n, 0n, 0n]);
    expect(await soldOf()).to.equal(1);

    const { body: token } = await tokenFor(session);
    expect((Date.parse(token.expires_at) - Date.now()) / 1000, "short while it can be refunded").to.be.within(
      ...([30, 60] as const),
    );
    expect(await fetchItem(token.ek_token)).to.equal(200);
    await market.send(market.recorder, market.contracts.exchange, "recordAccess", [[keyId]]);
    expect((await orderRow(purchase.order_id))?.accessed).to.equal(true);

    await market.send(buyer, market.contracts.exchange, "refund", [keyId]);
    expect(await orderRow(purchase.order_id)).to.include({ status: "refunded", toBuyer: PRICE });
    expect((await orderOnChain(keyId)).status).to.equal(4);
    expect(await credits(seller.agentId, source.agentId, order.buyerId)).to.deep.equal([0n, 0n, PRICE]);
    expect(await soldOf()).to.equal(0);
    const [key] = await index.db.select().from(tables.key).where(eq(tables.key.id, purchase.key_id));
    expect(key?.burnt).to.equal(true);
    const { details } = expectError(await tokenFor(session), "EK_NOT_OWNED", 403);
    expect(details.reason).to.equal("no_key");
    mock.timers.enable({ apis: ["Date"], now: Date.now() + 70_000 });
    try {
      expect(await fetchItem(token.ek_token)).to.equal(401);
    } finally {
      mock.timers.reset();
    }
  });

  it("accepted, everybody has its part: credits and bounty in the index equal the chain's", async () => {
    const { market } = shared.api;
    const { buyer, purchase, keyId, session } = await bought();
    const { buyerId } = await orderOnChain(keyId);
    await market.send(buyer, market.contracts.exchange, "accept", [keyId]);
    expect(await orderRow(purchase.order_id)).to.include({ status: "released", toBuyer: 0n });
    expect(await credits(seller.agentId, source.agentId, buyerId)).to.deep.equal([222_500n, 25_000n, 0n]);
    const { bounty, pointsEntry } = tables;
    const inToken = and(
      ...[eq(bounty.ekId, shared.api.ekIdOf(ekId)), eq(bounty.token, market.token.toLowerCase() as never)],
    );
    const [pot] = await index.db.select().from(bounty).where(inToken);
    const args = [ekId, market.token] as const;
    const onChain = await market.client.readContract({
      ...market.contracts.exchange,
      ...({ functionName: "bountyOf", args } as const),
    });
    expect(pot?.amount).to.equal(onChain).and.to.equal(2_500n);
    const points = index.db.select().from(pointsEntry).where(eq(pointsEntry.orderId, purchase.order_id));
    expect((await points).map(({ role }) => role).sort()).to.deep.equal(["buyer", "seller"]);
    const { body: token } = await tokenFor(session);
    expect((Date.parse(token.expires_at) - Date.now()) / 1000, "the key stays").to.be.above(200);
    const [sale] = await index.db.select().from(tables.sale).where(eq(tables.sale.id, purchase.order_id));
    expect(sale?.paymentRef).not.to.equal(zeroHash);
  });
});
