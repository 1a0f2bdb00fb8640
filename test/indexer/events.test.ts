/** Every event becomes its rows. The chain is shared with other tests: what is counted over all of it is compared before and after. */
import { expect } from "chai";
import { and, desc, eq } from "drizzle-orm";
import { type Address, type Hex, keccak256, zeroHash } from "viem";
import * as tables from "../../indexer/ponder.schema.ts";
import { type CurveType, curves } from "../../sdk/curves.ts";
import * as ids from "../../sdk/ids.ts";
import { registrationUri } from "../../sdk/registration.ts";
import { FAR, summaryText } from "../support/market.ts";
import { useMarket } from "../support/use-market.ts";

const chainId = 31337;
const agt = (agentId: bigint) => ids.agentId.serialize({ chainId, agentId });
const ek = (ekId: bigint) => ids.ekId.serialize({ chainId, ekId });
const lower = (address: Address) => address.toLowerCase() as Address;

describe("indexer: events become rows", () => {
  const shared = useMarket();

  /** The one row of a table that fits. */
  async function only<T>(rows: PromiseLike<T[]>): Promise<T> {
    await shared.index.caughtUp();
    const found = await rows;
    expect(found).to.have.length(1);
    return found[0] as T;
  }

  async function originOf(receipt: { transactionHash: string; blockNumber: bigint }) {
    const { timestamp } = await shared.market.client.getBlock({ blockNumber: receipt.blockNumber });
    return { tx: receipt.transactionHash, blockNumber: receipt.blockNumber, at: timestamp };
  }

  async function totals() {
    await shared.index.caughtUp();
    const [row] = await shared.index.db.select().from(tables.protocol);
    if (!row) throw new Error("The deployment registered an agent: the totals must be there.");
    return row;
  }

  const agentRow = (agentId: bigint) =>
    only(
      shared.index.db
        .select()
        .from(tables.agent)
        .where(eq(tables.agent.id, agt(agentId))),
    );
  const listingRow = (ekId: bigint) =>
    only(
      shared.index.db
        .select()
        .from(tables.listing)
        .where(eq(tables.listing.id, ek(ekId))),
    );

  describe("AgentRegistry", () => {
    it("Registered: the agent, its first EOA and its profile", async () => {
      const { market, index } = shared;
      const before = await totals();
      const uri = registrationUri({ name: "Rain analyst ☔", type: "openclaw" });
      const { account, agentId } = await market.join(uri);
      const row = await agentRow(agentId);
      expect(row).to.deep.include({
        id: agt(agentId),
        chainId,
        eoa: lower(account.address),
        epoch: 0,
        agentUri: uri,
        displayName: "Rain analyst ☔",
        agentType: "openclaw",
        ...{ listed: 0, sold: 0, bought: 0, validated: 0, pointsBalance: 0n, pointsLifetime: 0n },
      });
      const { agentEoa, binding } = tables;
      const history = await only(
        index.db
          .select()
          .from(agentEoa)
          .where(eq(agentEoa.agentId, agt(agentId))),
      );
      expect(history).to.deep.equal({
        ...{ agentId: agt(agentId), epoch: 0, chainId, eoa: lower(account.address) },
        ...{ since: row.joinedAt, until: null, by: null },
      });
      const bound = await only(
        index.db
          .select()
          .from(binding)
          .where(eq(binding.eoa, lower(account.address))),
      );
      expect(bound.agentId).to.equal(agt(agentId));
      const after = await totals();
      expect(after.agents - before.agents).to.equal(1);
      expect(after.activeAgents - before.activeAgents, "it has done nothing yet").to.equal(0);
    });

    it("URIUpdated: the new profile, or none", async () => {
      const { market } = shared;
      const { account, agentId } = await market.join(registrationUri({ name: "Old", type: "human" }));
      const named = registrationUri({ name: "New", type: "external" });
      await market.send(account, market.contracts.registry, "setAgentURI", [agentId, named]);
      expect(await agentRow(agentId)).to.include({ displayName: "New", agentType: "external" });
      await market.send(account, market.contracts.registry, "setAgentURI", [
        agentId,
        "https://a.example/me.json",
      ]);
      expect(await agentRow(agentId)).to.include({
        agentUri: "https://a.example/me.json",
        displayName: null,
        agentType: null,
      });
    });

    it("AgentRotated: the agent moves, its history stays; back to an EOA that it had before too", async () => {
      const { market, index } = shared;
      const { account: first, agentId } = await market.join();
      const { account: second, receipt } = await market.rotate(first, agentId);
      const { at } = await originOf(receipt);
      expect(await agentRow(agentId)).to.include({ eoa: lower(second.address), epoch: 1 });
      const { receipt: back } = await market.rotate(second, agentId, first);
      expect(await agentRow(agentId)).to.include({ eoa: lower(first.address), epoch: 2 });
      const { agentEoa } = tables;
      const history = await index.db
        .select()
        .from(agentEoa)
        .where(eq(agentEoa.agentId, agt(agentId)))
        .orderBy(agentEoa.epoch);
      expect(history.map(({ eoa }) => eoa)).to.deep.equal(
        [first, second, first].map(({ address }) => lower(address)),
      );
      expect(history[0]?.until).to.equal(at);
      expect(history[1]).to.deep.include({
        ...{ since: at, until: (await originOf(back)).at, by: lower(first.address) },
      });
      expect(history[2]?.until).to.equal(null);
    });

    it("OperatorGranted: granted, changed, revoked", async () => {
      const { market, index } = shared;
      const { registry } = market.contracts;
      const { account, agentId } = await market.join();
      const operator = market.admin.address;
      const row = () =>
        only(
          index.db
            .select()
            .from(tables.operatorGrant)
            .where(eq(tables.operatorGrant.agentId, agt(agentId))),
        );
      await market.send(account, registry, "grant", [operator, 0b11n, FAR]);
      expect(await row()).to.deep.include({
        ...{
          operator: lower(operator),
          chainId,
          actions: 3,
          expiry: FAR,
          epoch: 0,
          by: lower(account.address),
        },
      });
      await market.send(account, registry, "grant", [operator, 0b100n, 2n ** 64n - 1n]);
      expect(await row()).to.deep.include({ actions: 4, expiry: 2n ** 64n - 1n });
      await market.send(account, registry, "revoke", [operator]);
      expect(await row()).to.deep.include({ actions: 0, expiry: 0n });
    });
  });

  describe("Catalog", () => {
    it("ListingVersion 1: the listing, its version, its place in the feed and in the counts", async () => {
      const { market, index } = shared;
      const before = await totals();
      const { account, agentId } = await market.join();
      const domain = `weather ${agentId}`;
      const modality = [`sound ${agentId}`, `sound ${agentId}`, "text"];
      const text = summaryText({ domain, modality });
      const ekId = await market.list(
        account,
        { supplyCap: 2 ** 32 - 1, keyTtl: 2 ** 32 - 1, endTime: 2 ** 40 - 1 },
        text,
      );
      const row = await listingRow(ekId);
      expect(row).to.deep.include({
        ...{ chainId, sellerId: agt(agentId), version: 1, status: "active", sold: 0 },
        ...{
          token: lower(market.token),
          curveType: "fixed",
          curveParams: curves.fixed.encode({ price: 250_000n }),
        },
        ...{ supplyCap: 2n ** 32n - 1n, keyTtl: 2n ** 32n - 1n, startTime: 0n, endTime: 2n ** 40n - 1n },
        ...{ scopes: 1, flags: 0, summaryJson: text, uri: "", indexable: true, fault: null },
        ...{ title: "Rain in Seattle", domain, taskType: "analysis", modality },
        ...{ outputArtifacts: ["answer.csv"], license: "CC-BY-4.0", expId: "exp_rain", packaging: "bundle" },
        ...{ thumbnailItemId: null, previewItemId: "preview.svg", contentCreatedAt: 1_793_491_200n },
        ...{
          recommendedTtlDays: 365,
          gateway: "http://127.0.0.1:8788",
          tokenScheme: "jwt",
          gatewayKey: null,
        },
        ...{ labelCount: 0, authenticity: 0, labelTypeCounts: [0, 0, 0, 0, 0, 0, 0, 0] },
      });
      const { listingVersion, activity, domainCount } = tables;
      const version = await only(
        index.db
          .select()
          .from(listingVersion)
          .where(eq(listingVersion.ekId, ek(ekId))),
      );
      expect(version).to.deep.include({
        ...{ id: ids.listingId.serialize({ chainId, ekId, version: 1 }), version: 1, summaryJson: text },
        ...{ manifestHash: row.manifestHash, by: lower(account.address), at: row.createdAt },
      });
      const feed = await only(
        index.db
          .select()
          .from(activity)
          .where(eq(activity.ekId, ek(ekId))),
      );
      expect(feed).to.deep.include({
        ...{ type: "exp_listed", agentId: agt(agentId), refId: version.id, tx: version.tx },
        ...{ blockNumber: version.blockNumber, logIndex: version.logIndex, at: version.at },
      });
      const count = await only(index.db.select().from(domainCount).where(eq(domainCount.domain, domain)));
      expect(count.listings).to.equal(1);
      const { modalityCount } = tables;
      const sounds = index.db
        .select()
        .from(modalityCount)
        .where(eq(modalityCount.modality, `sound ${agentId}`));
      expect((await only(sounds)).listings, "named twice, counted once").to.equal(1);
      expect(await agentRow(agentId)).to.include({ listed: 1 });
      const after = await totals();
      expect(after.listings - before.listings).to.equal(1);
      expect(after.openListings - before.openListings).to.equal(1);
      expect(after.sellers - before.sellers).to.equal(1);
      expect(after.activeAgents - before.activeAgents).to.equal(1);
      await market.list(account);
      const second = await totals();
      expect([second.listings - before.listings, second.sellers - before.sellers]).to.deep.equal([2, 1]);
    });

    it("ListingVersion: every curve by its name, its parameters as they stand on chain", async () => {
      const { market } = shared;
      const { account } = await market.join();
      const pieces = [
        { from: 0n, formula: "fixed", params: { price: 5n } },
        { from: 3n, formula: "logistic", params: { min: 1n, max: 9n, k: 10n ** 17n, mid: 4n } },
      ] as const;
      const listed: [CurveType, Hex][] = [
        ["exp", curves.exp.encode({ base: 1n, k: 10n ** 17n, max: 9n })],
        ["custom_piecewise", curves.custom_piecewise.encode({ min: 2n, max: 8n, pieces })],
      ];
      for (const [curveType, curveParams] of listed) {
        const ekId = await market.list(account, { curve: market.deployment.curves[curveType], curveParams });
        expect(await listingRow(ekId)).to.deep.include({ curveType, curveParams });
      }
    });

    it("ListingVersion 2: the listing changes, version 1 stays as it was sold", async () => {
      const { market, index } = shared;
      const { account, agentId } = await market.join();
      const [old, next] = [`old ${agentId}`, `new ${agentId}`];
      const ekId = await market.list(account, {}, summaryText({ domain: old }));
      const linear = {
        curve: market.deployment.curves.linear,
        curveParams: curves.linear.encode({ base: 1n, slope: 2n, max: 9n }),
      };
      await market.update(account, ekId, linear, summaryText({ domain: next, title: "Snow" }));
      expect(await listingRow(ekId)).to.deep.include({
        version: 2,
        title: "Snow",
        domain: next,
        curveType: "linear",
      });
      const { listingVersion, activity, domainCount } = tables;
      const versions = await index.db
        .select()
        .from(listingVersion)
        .where(eq(listingVersion.ekId, ek(ekId)))
        .orderBy(listingVersion.version);
      expect(versions.map(({ version, curveType }) => [version, curveType])).to.deep.equal([
        [1, "fixed"],
        [2, "linear"],
      ]);
      await only(
        index.db
          .select()
          .from(activity)
          .where(eq(activity.ekId, ek(ekId))),
      );
      const counts = await index.db.select().from(domainCount);
      const countOf = (domain: string) => counts.find((row) => row.domain === domain)?.listings;
      expect([countOf(old), countOf(next)]).to.deep.equal([0, 1]);
      expect((await agentRow(agentId)).listed, "a version is no new listing").to.equal(1);
    });

    it("ListingStatus: only an active listing counts as open", async () => {
      const { market } = shared;
      const { account } = await market.join();
      const before = await totals();
      const ekId = await market.list(account);
      const { catalog } = market.contracts;
      const seen = [];
      for (const status of [2, 1, 3]) {
        await market.send(account, catalog, "setStatus", [ekId, status]);
        seen.push([(await listingRow(ekId)).status, (await totals()).openListings - before.openListings]);
      }
      expect(seen).to.deep.equal([
        ["paused", 0],
        ["active", 1],
        ["archived", 0],
      ]);
    });
  });

  describe("Exchange: sales and money", () => {
    it("KeySold by wallet: the sale, the key, the seller's credit, the points, the feed", async () => {
      const { market, index } = shared;
      const { account: seller, agentId: sellerId } = await market.join();
      const buyer = await market.newcomer();
      const ekId = await market.list(seller, { keyTtl: 3600, scopes: 0b11, flags: 1 });
      const before = await totals();
      const { keyId, receipt } = await market.buy(buyer, ekId);
      const { agentId: buyerId } = await only(
        index.db
          .select()
          .from(tables.binding)
          .where(eq(tables.binding.eoa, lower(buyer.address))),
      );
      const parts = { chainId, ekId: ek(ekId), version: 1 };
      const { at, ...where } = await originOf(receipt);
      const orderId = ids.orderId.serialize({ chainId, ...ids.splitTokenId(keyId) });
      const { sale, key, credit, activity, pointsEntry } = tables;
      const sold = await only(index.db.select().from(sale).where(eq(sale.id, orderId)));
      expect(sold).to.deep.include({
        ...{ ...parts, ...where, at, number: before.sales + 1, sellerId: agt(sellerId), buyerId },
        ...{
          keyId: ids.keyId.serialize({ chainId, ...ids.splitTokenId(keyId) }),
          payer: lower(buyer.address),
        },
        ...{
          token: lower(market.token),
          price: 250_000n,
          feeBps: 0,
          payerId: buyerId,
          releaseTime: 0n,
          referrerId: null,
          paymentRef: zeroHash,
          by: lower(buyer.address),
        },
      });
      expect(await only(index.db.select().from(key).where(eq(key.id, sold.keyId)))).to.deep.equal({
        ...{ ...parts, id: sold.keyId, holderId: buyerId, startedAt: at, expiry: at + 3600n },
        ...{ scopes: 3, flags: 1, burnt: false, userId: null, userExpires: null },
      });
      const earned = await only(
        index.db
          .select()
          .from(credit)
          .where(eq(credit.agentId, agt(sellerId))),
      );
      expect(earned.amount).to.equal(250_000n);
      expect((await listingRow(ekId)).sold).to.equal(1);
      const feed = await only(
        index.db
          .select()
          .from(activity)
          .where(and(eq(activity.ekId, ek(ekId)), eq(activity.type, "ek_trade"))),
      );
      expect(feed).to.deep.include({ agentId: buyerId, refId: orderId, ...where, at });
      const points = await index.db.select().from(pointsEntry).where(eq(pointsEntry.orderId, orderId));
      expect(points.map((p) => [p.role, p.agentId, p.delta, p.balance, p.reasons]).sort()).to.deep.equal([
        ["buyer", buyerId, 100n, 100n, 0],
        ["seller", agt(sellerId), 200n, 200n, 0],
      ]);
      expect(await agentRow(sellerId)).to.include({
        sold: 1,
        bought: 0,
        pointsBalance: 200n,
        pointsLifetime: 200n,
      });
      const after = await totals();
      expect([after.sales - before.sales, after.buyers - before.buyers]).to.deep.equal([1, 1]);
    });

    it("KeySold for nothing leaves the seller's credit alone, and to oneself earns no points", async () => {
      const { market, index } = shared;
      const { account: seller, agentId } = await market.join();
      const paid = await market.list(seller);
      const free = await market.list(seller, { curveParams: curves.fixed.encode({ price: 0n }) });
      await market.buy(await market.newcomer(), paid);
      await market.send(await market.newcomer(), market.contracts.exchange, "claim", [free, 1, 0n]);
      const { credit, pointsEntry } = tables;
      const row = () =>
        only(
          index.db
            .select()
            .from(credit)
            .where(eq(credit.agentId, agt(agentId))),
        );
      expect((await row()).amount).to.equal(250_000n);
      const { keyId } = await market.buy(seller, paid);
      expect((await row()).amount).to.equal(500_000n);
      const orderId = ids.orderId.serialize({ chainId, ...ids.splitTokenId(keyId) });
      const entries = await index.db.select().from(pointsEntry).where(eq(pointsEntry.orderId, orderId));
      const nothing = { agentId: agt(agentId), delta: 0n, balance: 400n, reasons: 1 };
      expect(entries.map(({ role }) => role).sort()).to.deep.equal(["buyer", "seller"]);
      for (const entry of entries) expect(entry).to.deep.include(nothing);
      expect(await agentRow(agentId)).to.include({
        ...{ sold: 3, bought: 1, pointsBalance: 400n, pointsLifetime: 400n },
      });
    });

    it("PointsSpent: the spender's row and balance; the lifetime stays", async () => {
      const { market, index } = shared;
      const { account: seller, agentId } = await market.join();
      const ekId = await market.list(seller);
      const { keyId } = await market.buy(await market.newcomer(), ekId);
      const { exchange, points } = market.contracts;
      await market.client.request({
        method: "hardhat_impersonateAccount",
        params: [exchange.address],
      } as never);
      await market.giveEther(exchange.address);
      await market.send(exchange.address, points, "spend", [agentId, 50n, ekId, keyId]);
      const { pointsEntry } = tables;
      const spent = await only(
        index.db
          .select()
          .from(pointsEntry)
          .where(and(eq(pointsEntry.agentId, agt(agentId)), eq(pointsEntry.role, "spender"))),
      );
      const orderId = ids.orderId.serialize({ chainId, ...ids.splitTokenId(keyId) });
      expect(spent).to.deep.include({ orderId, ekId: ek(ekId), delta: -50n, balance: 150n, reasons: 0 });
      expect(await agentRow(agentId)).to.include({ pointsBalance: 150n, pointsLifetime: 200n });
    });

    it("PolicySet: the policy as it stands", async () => {
      const { market, index } = shared;
      const { points } = market.contracts;
      const first = await market.client.readContract({ ...points, functionName: "policy" });
      const row = () => only(index.db.select().from(tables.pointsPolicy));
      expect(await row()).to.deep.include({ chainId, ...first });
      const other = { ...first, buyerAward: 2, handful: 9 };
      await market.send(market.admin, points, "setPolicy", [other]);
      expect(await row()).to.deep.include(other);
      await market.send(market.admin, points, "setPolicy", [first]);
      expect(await row()).to.deep.include(first);
    });

    it("KeySold through a till carries the quote's hash; TillRefunded after it sends the rest back", async () => {
      const { market, index } = shared;
      const { account: seller } = await market.join();
      const { account: buyer } = await market.join();
      const ekId = await market.list(seller);
      const { quote, quoteHash } = await market.fundTill(buyer, ekId, 250_000n);
      const { tills, usdc } = market.contracts;
      const { result: keyId } = await market.send(seller, tills, "finalizeTill", [quote]);
      const till = await market.client.readContract({ ...tills, functionName: "tillOf", args: [quote] });
      await market.send(buyer, usdc, "transfer", [till, 7n]);
      const { receipt } = await market.send(seller, tills, "refundTill", [quote, market.token]);
      const { sale, tillRefund } = tables;
      expect(await only(index.db.select().from(sale).where(eq(sale.paymentRef, quoteHash)))).to.deep.include({
        id: ids.orderId.serialize({ chainId, ...ids.splitTokenId(keyId) }),
        ...{ payer: lower(buyer.address), by: lower(seller.address) },
      });
      expect(
        await only(index.db.select().from(tillRefund).where(eq(tillRefund.quoteHash, quoteHash))),
      ).to.deep.include({
        ...{ chainId, ekId: ek(ekId), buyer: lower(buyer.address), token: lower(market.token), amount: 7n },
        ...(await originOf(receipt)),
      });
    });

    it("TillRefunded of a quote that somebody made up stops nothing", async () => {
      const { market, index } = shared;
      const payer = await market.newcomer();
      const ekId = 2n ** 256n - 1n;
      const { tills, usdc } = market.contracts;
      const quote = {
        ...{
          ekId,
          version: 7,
          buyer: payer.address,
          token: market.token,
          maxPrice: 1n,
          deadline: FAR,
          salt: zeroHash,
        },
      };
      const place = await market.client.readContract({ ...tills, functionName: "tillOf", args: [quote] });
      await market.send(payer, usdc, "transfer", [place, 5n]);
      await market.send(payer, tills, "refundTill", [quote, market.token]);
      const { tillRefund } = tables;
      const row = await only(
        index.db
          .select()
          .from(tillRefund)
          .where(eq(tillRefund.buyer, lower(payer.address))),
      );
      expect(row).to.deep.include({ ekId: `ek_31337_${ekId}`, amount: 5n });
    });

    it("ReceiptsAnchored: a day of a gateway", async () => {
      const { market, index } = shared;
      const { account: seller, agentId } = await market.join();
      const [gatewayId, root] = [keccak256("0x6731"), keccak256("0x7265")];
      const args = [agentId, gatewayId, 20_000, root, 3n] as const;
      const { receipt } = await market.send(seller, market.contracts.anchor, "anchor", args);
      const { receiptAnchor } = tables;
      const rows = index.db.select().from(receiptAnchor);
      expect(await only(rows.where(eq(receiptAnchor.agentId, agt(agentId))))).to.deep.include({
        ...{ chainId, gatewayId, day: 20_000, root, count: 3n, by: lower(seller.address) },
        ...(await originOf(receipt)),
      });
    });

    it("FeeSet, Credited and Withdrawn: the credit is always the last event's", async () => {
      const { market, index } = shared;
      const { exchange } = market.contracts;
      const { account: feeTaker, agentId: feeAgentId } = await market.join();
      const { account: seller, agentId: sellerId } = await market.join();
      const ekId = await market.list(seller, { curveParams: curves.fixed.encode({ price: 1_000n }) });
      const setting = () => only(index.db.select().from(tables.feeSetting));
      const earlier = await setting();
      await market.send(market.admin, exchange, "setFee", [250, feeAgentId]);
      try {
        expect(await setting()).to.deep.include({ chainId, feeBps: 250, feeAgentId: agt(feeAgentId) });
        for (let i = 0; i < 2; i++) await market.buy(await market.newcomer(), ekId);
      } finally {
        const back = ids.agentId.parse(earlier.feeAgentId).agentId;
        await market.send(market.admin, exchange, "setFee", [earlier.feeBps, back]);
      }
      const { credit, withdrawal, sale } = tables;
      const creditOf = async (agentId: bigint) =>
        (
          await only(
            index.db
              .select()
              .from(credit)
              .where(eq(credit.agentId, agt(agentId))),
          )
        ).amount;
      expect([await creditOf(sellerId), await creditOf(feeAgentId)]).to.deep.equal([1_950n, 50n]);
      const [last] = await index.db
        .select()
        .from(sale)
        .where(eq(sale.ekId, ek(ekId)))
        .orderBy(desc(sale.number));
      expect(last).to.deep.include({ price: 1_000n, feeBps: 250 });
      const to = market.admin.address;
      const { receipt } = await market.send(feeTaker, exchange, "withdraw", [feeAgentId, market.token, to]);
      expect(await creditOf(feeAgentId)).to.equal(0n);
      expect(
        await only(
          index.db
            .select()
            .from(withdrawal)
            .where(eq(withdrawal.agentId, agt(feeAgentId))),
        ),
      ).to.deep.include({
        ...{ chainId, token: lower(market.token), to: lower(to), amount: 50n, by: lower(feeTaker.address) },
        ...(await originOf(receipt)),
      });
    });

    it("TokenAllowed and CurveAllowed: allowed, then not", async () => {
      const { market, index } = shared;
      const { catalog } = market.contracts;
      const stranger = (await market.newcomer()).address;
      const { allowedToken, allowedCurve } = tables;
      for (const allowed of [true, false]) {
        await market.send(market.admin, catalog, "allowToken", [stranger, allowed]);
        await market.send(market.admin, catalog, "allowCurve", [stranger, allowed]);
        const token = await only(
          index.db
            .select()
            .from(allowedToken)
            .where(eq(allowedToken.token, lower(stranger))),
        );
        expect(token.allowed).to.equal(allowed);
        const curve = await only(
          index.db
            .select()
            .from(allowedCurve)
            .where(eq(allowedCurve.curve, lower(stranger))),
        );
        expect(curve).to.include({ allowed, curveType: null });
      }
    });
  });

  describe("LabelRegistry", () => {
    it("Labelled: the label, the listing's sums and counts, the feed", async () => {
      const { market, index } = shared;
      const { account: seller } = await market.join();
      const ekId = await market.list(seller);
      const before = await totals();
      const { labels } = market.contracts;
      const validators = [await market.join(), await market.join()];
      const scores = { authenticity: 100, utility: 0, reproducibility: 1, freshness: 2, safety: 3 };
      const inputs = [
        market.labelInput(ekId),
        market.labelInput(ekId, {
          types: 0b10000010,
          scores,
          tags: ['a "b"', "c\\d", "{e,f}"],
          evidenceKind: 0,
        }),
      ];
      const receipts = [];
      for (const [i, { account, agentId }] of validators.entries()) {
        receipts.push((await market.send(account, labels, "label", [agentId, inputs[i] as never])).receipt);
      }
      expect(await listingRow(ekId)).to.deep.include({
        ...{ labelCount: 2, authenticity: 190, utility: 80, reproducibility: 71, freshness: 62, safety: 53 },
        labelTypeCounts: [1, 2, 0, 0, 0, 0, 0, 1],
      });
      const [first, second] = validators.map(({ agentId }) => agentId) as [bigint, bigint];
      const { label, activity } = tables;
      const id = ids.labelId.serialize({ chainId, ekId, validatorId: second });
      expect(await only(index.db.select().from(label).where(eq(label.id, id)))).to.deep.include({
        ...{ chainId, ekId: ek(ekId), validatorId: agt(second), version: 1, types: 0b10000010, ...scores },
        ...{ tags: ['a "b"', "c\\d", "{e,f}"], evidenceKind: "none", evidence: "0x6f6b" },
        ...(await originOf(receipts[1] as never)),
      });
      const feed = await index.db
        .select()
        .from(activity)
        .where(and(eq(activity.ekId, ek(ekId)), eq(activity.type, "validation")))
        .orderBy(desc(activity.blockNumber), desc(activity.logIndex));
      expect(feed.map(({ agentId }) => agentId)).to.deep.equal([agt(second), agt(first)]);
      expect(feed[0]?.refId).to.equal(id);
      const after = await totals();
      expect([after.labels - before.labels, after.validators - before.validators]).to.deep.equal([2, 2]);
      expect(await agentRow(first)).to.include({ validated: 1 });
    });

    it("ValidatorAllowed: on the list, then off it", async () => {
      const { market, index } = shared;
      const { account: seller } = await market.join();
      const { agentId: validatorId } = await market.join();
      const ekId = await market.list(seller, { flags: 2 });
      const { validatorAllowance } = tables;
      for (const allowed of [true, false]) {
        await market.send(seller, market.contracts.labels, "allowValidators", [ekId, [validatorId], allowed]);
        const row = await only(
          index.db
            .select()
            .from(validatorAllowance)
            .where(eq(validatorAllowance.ekId, ek(ekId))),
        );
        expect(row).to.include({ validatorId: agt(validatorId), allowed, by: lower(seller.address) });
      }
    });
  });
});
