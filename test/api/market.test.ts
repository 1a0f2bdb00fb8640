/*
the market's record
├── versions    each with what changed; the first without
├── status      accepted, visible, hidden with the reason
├── trades      filtered by listing, agent and time; page by page; one with a proof that the contract takes
├── keys        who holds one; burnt after a refund
├── agents      a public profile, by id
├── citations   derived listings, and what gateways signed
└── disputes    with evidence, by side, to the end
*/
import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { CompactSign, exportJWK, generateKeyPair } from "jose";
import { decodeEventLog, keccak256, type PrivateKeyAccount } from "viem";
import { exchangeAbi, receiptProofsAbi } from "../../sdk/abis/index.ts";
import * as ids from "../../sdk/ids.ts";
import type { AgentProfile } from "../../sdk/wire/agent.ts";
import type {
  Citations,
  DisputeDetail,
  Disputes,
  Key,
  ListingStatus,
  ListingVersions,
  Trade,
  TradeProof,
  Trades,
} from "../../sdk/wire/market.ts";
import { createIndexReader, type IndexReader } from "../support/index-reader.ts";
import { summaryText } from "../support/market.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

describe("api: the market's record", () => {
  const shared = useApi();
  let index: IndexReader;
  let seller: { account: PrivateKeyAccount; agentId: bigint };
  let buyer: typeof seller;

  before(async () => {
    const { market, run } = shared.api;
    index = createIndexReader(run);
    [seller, buyer] = [await market.join(), await market.join()];
  });
  after(() => index?.end());

  const ek = (number: bigint) => shared.api.ekIdOf(number);
  const agt = (agentId: bigint) => `agt_31337_${agentId}`;
  const orderOf = (keyId: bigint) => ids.orderId.serialize({ chainId: 31337, ...ids.splitTokenId(keyId) });

  it("E08 shows each version with what changed, page by page", async () => {
    const { market } = shared.api;
    const number = await market.list(seller.account);
    await market.update(seller.account, number, { scopes: 3 }, summaryText({ title: "More rain" }));
    await market.update(
      seller.account,
      number,
      { scopes: 3, supplyCap: 9 },
      summaryText({ title: "More rain" }),
    );
    await index.caughtUp();
    const path = `/listings/${ek(number)}/versions`;
    const all = await shared.api.get<ListingVersions>(path);
    expect(all.items.map(({ version, changes }) => [version, changes])).to.deep.equal([
      [3, [{ pointer: "/terms/supply_cap", after: "9" }]],
      [
        2,
        [
          { pointer: "/terms/scopes", before: ["read"], after: ["read", "download"] },
          { pointer: "/summary/title", before: "Rain in Seattle", after: "More rain" },
        ],
      ],
      [1, []],
    ]);
    const first = await shared.api.get<ListingVersions>(`${path}?limit=2`);
    expect(first.items[1]?.changes).to.deep.equal(all.items[1]?.changes);
    const rest = await shared.api.get<ListingVersions>(`${path}?limit=2&cursor=${first.cursor_next}`);
    expect([...first.items, ...rest.items]).to.deep.equal(all.items);
    expect(rest.cursor_next).to.equal(undefined);
    expectError(await shared.api.ask("/listings/ek_31337_999999/versions"), "EK_NOT_FOUND", 404);
  });

  it("tells where a listing is on its way to buyers, and why they don't find it", async () => {
    const { market } = shared.api;
    const status = (number: bigint) => shared.api.get<ListingStatus>(`/listings/${ek(number)}/status`);
    const [open, odd] = [await market.list(seller.account), await market.list(seller.account, {}, "{}")];
    await index.caughtUp();
    const seen = await status(open);
    expect(seen).to.include({ state: "visible" });
    expect(seen.indexed?.listing_id).to.equal(seen.accepted.listing_id);
    expect(await status(odd)).to.include({ state: "hidden" });
    expect((await status(odd)).hidden_because).to.match(/^title: /);
    await market.send(seller.account, market.contracts.catalog, "setStatus", [open, 2]);
    expect((await status(open)).accepted.status).to.equal("paused");
    await index.caughtUp();
    expect(await status(open)).to.include({ state: "hidden", hidden_because: "its seller has paused it" });
    expectError(await shared.api.ask("/listings/ek_31337_999999/status"), "EK_NOT_FOUND", 404);
  });

  it("E47 lists trades, and proves one to whoever has a node and nothing else", async () => {
    const { market, get } = shared.api;
    const number = await market.list(seller.account, { refundWindow: 3_600, refundTerms: 2 });
    const bought = [];
    for (let n = 0; n < 3; n++) bought.push((await market.buy(buyer.account, number)).keyId);
    await market.send(buyer.account, market.contracts.exchange, "refund", [bought[0] as bigint]);
    await index.caughtUp();
    const all = await get<Trades>(`/trades?ek_id=${ek(number)}`);
    expect(all.items.map(({ trade_id, status }) => [trade_id, status])).to.deep.equal([
      [orderOf(bought[2] as bigint), "held"],
      [orderOf(bought[1] as bigint), "held"],
      [orderOf(bought[0] as bigint), "refunded"],
    ]);
    const first = await get<Trades>(`/trades?ek_id=${ek(number)}&limit=2`);
    const rest = await get<Trades>(`/trades?ek_id=${ek(number)}&limit=2&cursor=${first.cursor_next}`);
    expect([...first.items, ...rest.items]).to.deep.equal(all.items);
    for (const [filter, count] of [
      [`agent_id=${agt(buyer.agentId)}&ek_id=${ek(number)}`, 3],
      [`agent_id=${agt(seller.agentId)}&ek_id=${ek(number)}`, 3],
      ["agent_id=agt_31337_999999", 0],
      [`ek_id=${ek(number)}&from=2090-01-01T00:00:00Z`, 0],
      [`ek_id=${ek(number)}&to=2020-01-01T00:00:00Z`, 0],
    ] as const) {
      expect((await get<Trades>(`/trades?${filter}`)).items, filter).to.have.length(count);
    }
    const [trade] = all.items as [Trade];
    expect(await get<Trade>(`/trades/${trade.trade_id}`)).to.deep.equal(trade);
    const proof = await get<TradeProof>(`/trades/${trade.trade_id}/proof`);
    const receipt = proof.receipt;
    if (!receipt) throw new Error("It has no proof.");
    expect(keccak256(receipt.header as `0x${string}`)).to.equal(proof.block_hash);
    const shown = await market.client.readContract({
      ...{ address: market.deployment.contracts.ReceiptProofs, abi: receiptProofsAbi, functionName: "logOf" },
      args: [
        {
          header: receipt.header as `0x${string}`,
          txIndex: BigInt(receipt.tx_index),
          nodes: receipt.nodes as `0x${string}`[],
          logIndex: BigInt(receipt.log_in_receipt),
        },
      ],
    });
    const { eventName, args } = decodeEventLog({
      ...{ abi: exchangeAbi, data: shown.data, topics: shown.topics as [`0x${string}`] },
    });
    expect(shown.emitter.toLowerCase()).to.equal(proof.exchange.toLowerCase());
    expect(eventName).to.equal(proof.event);
    expect((args as { keyId: bigint }).keyId).to.equal(bought[2]);
    expectError(await shared.api.ask("/trades/ord_31337_999999_1_0/proof"), "NOT_FOUND", 404);
    const foreign = await shared.api.ask(`/trades/${trade.trade_id.replace("31337", "1")}`);
    expectError(foreign, "NOT_FOUND", 404);
    expectError(await shared.api.ask("/trades?from=yesterday"), "INVALID_REQUEST", 400);

    const keyOf = (keyId: bigint) => get<Key>(`/keys/${orderOf(keyId).replace("ord", "key")}`);
    expect(await keyOf(bought[2] as bigint)).to.include({ state: "live", holder_id: agt(buyer.agentId) });
    expect(await keyOf(bought[0] as bigint)).to.include({ state: "burnt" });
    expectError(await shared.api.ask("/keys/key_31337_999999_1_0"), "NOT_FOUND", 404);
  });

  it("shows an agent's public face by its id", async () => {
    const profile = await shared.api.get<AgentProfile>(`/agents/${agt(seller.agentId)}`);
    expect(profile).to.include({ agent_id: agt(seller.agentId), eoa: seller.account.address });
    expectError(await shared.api.ask("/agents/agt_31337_999999"), "NOT_FOUND", 404);
    expectError(await shared.api.ask("/agents/agt_1_1"), "NOT_FOUND", 404);
    expectError(await shared.api.ask("/agents/me"), "INVALID_REQUEST", 400);
  });

  it("E39 shows what was made of a listing: those that pay it royalties, and citations that its gateway signed", async () => {
    const { market, get } = shared.api;
    const { privateKey, publicKey } = await generateKeyPair("EdDSA");
    const { x } = await exportJWK(publicKey);
    const access_policy = { gateway: "http://127.0.0.1:8788", token_scheme: "jwt", gateway_key: String(x) };
    const source = await market.list(seller.account, {}, summaryText({ access_policy }));
    const derived = await market.list(buyer.account, { royalties: [{ ekId: source, bps: 700 }] });
    const event = (action: "fetch" | "quote", result: "ok" | "denied") => ({
      ...{ event_id: randomUUID(), event_type: "UsageEvent", timestamp: new Date().toISOString() },
      ...{ ek_id: ek(source), exp_id: "exp_rain", seller_id: agt(seller.agentId) },
      ...{ buyer_agent_id: agt(buyer.agentId), action, result, latency_ms: 3 },
    });
    const events = [
      event("quote", "ok"),
      event("quote", "ok"),
      event("quote", "denied"),
      event("fetch", "ok"),
    ];
    const signed = events.map((one) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(one)))
        .setProtectedHeader({ alg: "EdDSA" })
        .sign(privateKey),
    );
    await get("/gateway/events", { body: { events: await Promise.all(signed) } });
    await index.caughtUp();
    const path = `/listings/${ek(source)}/citations`;
    const all = await get<Citations>(path);
    expect(all).to.include({ usage_count: 1, quote_count: 2 });
    expect(all.derived.map(({ ek_id, bps }) => ({ ek_id, bps }))).to.deep.equal([
      { ek_id: ek(derived), bps: 700 },
    ]);
    expect(all.items.map(({ event_id }) => event_id)).to.have.members(
      events.slice(0, 2).map(({ event_id }) => event_id),
    );
    const first = await get<Citations>(`${path}?limit=1`);
    const rest = await get<Citations>(`${path}?limit=1&cursor=${first.cursor_next}`);
    expect([...first.items, ...rest.items]).to.deep.equal(all.items);
    expectError(await shared.api.ask("/listings/ek_31337_999999/citations"), "EK_NOT_FOUND", 404);
  });

  it("E40 shows disputes with what each side handed in", async () => {
    const { market, get } = shared.api;
    const desk = market.contracts.disputes;
    const number = await market.list(seller.account, { refundWindow: 3_600 });
    const { keyId } = await market.buy(buyer.account, number);
    const cost = await market.client.readContract({ ...desk, functionName: "arbitrationCost" });
    await market.send(buyer.account, desk, "open", [keyId, 4, "ipfs://why"], cost);
    await market.send(seller.account, desk, "answer", [keyId, "ipfs://answer"], cost);
    await index.caughtUp();
    const id = orderOf(keyId);
    const shown = await get<DisputeDetail>(`/disputes/${id}`);
    expect(shown).to.include({ category: "data_integrity", status: "submitted", order_id: id });
    expect(shown.winner).to.equal(undefined);
    expect(shown.evidence.map(({ side, uri }) => [side, uri])).to.deep.equal([
      ["buyer", "ipfs://why"],
      ["seller", "ipfs://answer"],
    ]);
    const { evidence, ...listed } = shown;
    for (const filter of [
      `ek_id=${ek(number)}`,
      `agent_id=${agt(buyer.agentId)}&status=submitted`,
      `agent_id=${agt(seller.agentId)}&ek_id=${ek(number)}`,
    ]) {
      expect((await get<Disputes>(`/disputes?${filter}`)).items, filter).to.deep.include(listed);
    }
    expect((await get<Disputes>(`/disputes?ek_id=${ek(number)}&status=closed`)).items).to.deep.equal([]);
    expectError(await shared.api.ask("/disputes/ord_31337_999999_1_0"), "NOT_FOUND", 404);
  });
});
