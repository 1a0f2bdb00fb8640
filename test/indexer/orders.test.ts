/**
 * What follows a sale becomes rows, too. Orders over x402 are in `test/api/orders.test.ts`, everything at random in `replay.test.ts`.
 *
 * ├── ListingVersion         the terms beyond the price, and the contract that they are
 * ├── KeySold with a giver   the order is refunded to who paid
 * ├── KeyRenewed             the key's new end, and a renewal
 * ├── ChargeIssued, ChargeReversed
 * └── PausedUntil
 */
import { expect } from "chai";
import { eq } from "drizzle-orm";
import { type Address, keccak256 } from "viem";
import { generatePrivateKey } from "viem/accounts";
import * as tables from "../../indexer/ponder.schema.ts";
import * as ids from "../../sdk/ids.ts";
import { FAR } from "../support/market.ts";
import { useMarket } from "../support/use-market.ts";

const chainId = 31337;
const PRICE = 250_000n;
const agt = (agentId: bigint) => ids.agentId.serialize({ chainId, agentId });
const ek = (ekId: bigint) => ids.ekId.serialize({ chainId, ekId });
const keyOf = (keyId: bigint) => ids.keyId.serialize({ chainId, ...ids.splitTokenId(keyId) });
const lower = (address: Address) => address.toLowerCase() as Address;

describe("indexer: orders, renewals, charges, pauses", () => {
  const shared = useMarket();

  /** The one row of a table that fits. */
  async function only<T>(rows: PromiseLike<T[]>): Promise<T> {
    await shared.index.caughtUp();
    const found = await rows;
    expect(found).to.have.length(1);
    return found[0] as T;
  }
  const keyRow = (keyId: bigint) =>
    only(
      shared.index.db
        .select()
        .from(tables.key)
        .where(eq(tables.key.id, keyOf(keyId))),
    );
  const orderRow = (keyId: bigint) =>
    only(
      shared.index.db
        .select()
        .from(tables.order)
        .where(eq(tables.order.keyId, keyOf(keyId))),
    );

  it("ListingVersion: every term, in the listing and in its version", async () => {
    const { market, index } = shared;
    const { account } = await market.join();
    const older = await market.list(account);
    const ekId = await market.list(account, {
      ...{ refundWindow: 60, refundTerms: 1, bountyBps: 1, referralBps: 2, resaleBps: 3 },
      ...{ pointsPrice: 2 ** 32 - 1, requestsPerMinute: 2 ** 32 - 1, requestsPerDay: 2 ** 32 - 2 },
      royalties: [{ ekId: older, bps: 4 }],
    });
    const terms = {
      ...{ refundWindow: 60, refundTerms: "until_access", bountyBps: 1, referralBps: 2, resaleBps: 3 },
      ...{ pointsPrice: 2n ** 32n - 1n, requestsPerMinute: 2n ** 32n - 1n, requestsPerDay: 2n ** 32n - 2n },
      royalties: [{ ekId: ek(older), bps: 4 }],
    };
    const { listing, listingVersion } = tables;
    const row = await only(
      index.db
        .select()
        .from(listing)
        .where(eq(listing.id, ek(ekId))),
    );
    expect(row).to.deep.include(terms);
    const pointer = await market.client.readContract({
      ...{ ...market.contracts.exchange, functionName: "termsPointer", args: [ekId, 1] },
    });
    const version = await only(
      index.db
        .select()
        .from(listingVersion)
        .where(eq(listingVersion.ekId, ek(ekId))),
    );
    expect(version).to.deep.include({ ...terms, pointer: lower(pointer) });
  });

  it("KeySold to somebody else: the key is the receiver's, the order the giver's, the referrer is named", async () => {
    const { market, index } = shared;
    const { account: seller } = await market.join();
    const [giver, receiver, referrer] = [await market.join(), await market.join(), await market.join()];
    const ekId = await market.list(seller, { refundWindow: 60, refundTerms: 2, referralBps: 1_000 });
    const { keyId } = await market.buy(giver.account, ekId, {
      ...{ recipient: receiver.account.address, referrerId: referrer.agentId },
    });
    const parties = { buyerId: agt(receiver.agentId), payerId: agt(giver.agentId) };
    expect(await orderRow(keyId)).to.deep.include({ ...parties, status: "held", amount: PRICE });
    const { sale, credit } = tables;
    expect(
      await only(
        index.db
          .select()
          .from(sale)
          .where(eq(sale.keyId, keyOf(keyId))),
      ),
    ).to.deep.include({ ...parties, referrerId: agt(referrer.agentId) });
    expect((await keyRow(keyId)).holderId).to.equal(agt(receiver.agentId));
    await market.send(giver.account, market.contracts.exchange, "accept", [keyId]);
    expect(await orderRow(keyId)).to.deep.include({ status: "released", toBuyer: 0n });
    const earned = await only(
      index.db
        .select()
        .from(credit)
        .where(eq(credit.agentId, agt(referrer.agentId))),
    );
    expect(earned.amount).to.equal(25_000n);
  });

  it("KeyRenewed: the key ends later, and who paid is told", async () => {
    const { market, index } = shared;
    const { account: seller } = await market.join();
    const ekId = await market.list(seller, { keyTtl: 3_600 });
    const { keyId } = await market.buy(await market.newcomer(), ekId);
    const { expiry: before } = await keyRow(keyId);
    const payer = await market.join();
    const { exchange } = market.contracts;
    const { receipt } = await market.send(payer.account, exchange, "renew", [keyId, PRICE, FAR]);
    expect((await keyRow(keyId)).expiry).to.equal(before + 3_600n);
    const { renewal } = tables;
    expect(
      await only(
        index.db
          .select()
          .from(renewal)
          .where(eq(renewal.keyId, keyOf(keyId))),
      ),
    ).to.deep.include({
      ...{ payerId: agt(payer.agentId), expiry: before + 3_600n, token: lower(market.token), price: PRICE },
      ...{ feeBps: 0, tx: receipt.transactionHash },
    });
  });

  it("ChargeIssued and ChargeReversed: the card issuer's order, refunded, and the key burnt", async () => {
    const { market, index } = shared;
    const { cards, usdc, registry } = market.contracts;
    const { account: seller } = await market.join();
    const holder = await market.join();
    const ekId = await market.list(seller);
    await market.send(market.admin, usdc, "mint", [cards.address, PRICE]);
    await market.send(market.admin, cards, "setDailyCap", [market.token, 10n ** 12n]);
    const chargeId = keccak256(generatePrivateKey());
    const args = [ekId, 1, holder.account.address, PRICE, FAR, chargeId] as const;
    const { result: keyId } = await market.send(market.admin, cards, "issueForCharge", args);
    const issuer = await market.client.readContract({
      ...{ ...registry, functionName: "agentOf", args: [cards.address] },
    });
    expect(await orderRow(keyId)).to.deep.include({
      ...{ buyerId: agt(holder.agentId), payerId: agt(issuer), status: "held" },
    });
    const chargeRow = () =>
      only(index.db.select().from(tables.charge).where(eq(tables.charge.chargeId, chargeId)));
    const issued = { keyId: keyOf(keyId), price: PRICE, by: lower(market.admin.address) };
    expect(await chargeRow()).to.deep.include({ ...issued, recovered: null });
    await market.send(market.admin, cards, "chargeback", [chargeId]);
    expect(await chargeRow()).to.deep.include({ ...issued, recovered: PRICE });
    expect((await orderRow(keyId)).status).to.equal("refunded");
    expect((await keyRow(keyId)).burnt).to.equal(true);
  });

  it("PausedUntil: when the present or last pause ends", async () => {
    const { market, index } = shared;
    // Of no length, so that nobody else's test stands still.
    const { receipt } = await market.send(market.admin, market.contracts.exchange, "pause", [0n]);
    const { timestamp } = await market.client.getBlock({ blockNumber: receipt.blockNumber });
    expect(await only(index.db.select().from(tables.pause))).to.deep.equal({
      ...{ chainId, until: timestamp, by: lower(market.admin.address), updatedAt: timestamp },
    });
  });
});
