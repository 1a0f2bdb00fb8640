/** Who holds a key, through transfer, rotation, announcement and end. */
import { expect } from "chai";
import { eq } from "drizzle-orm";
import * as tables from "../../indexer/ponder.schema.ts";
import * as ids from "../../sdk/ids.ts";
import { useMarket } from "../support/use-market.ts";

const agt = (agentId: bigint) => ids.agentId.serialize({ chainId: 31337, agentId });
const keyOf = (keyId: bigint) => ids.keyId.serialize({ chainId: 31337, ...ids.splitTokenId(keyId) });
const TRANSFERABLE = { flags: 1 };

describe("indexer: who holds a key", () => {
  const shared = useMarket();

  /** A key of a fresh listing, bought by a fresh agent. */
  async function bought() {
    const { market } = shared;
    const seller = await market.join();
    const buyer = await market.join();
    const ekId = await market.list(seller.account, TRANSFERABLE);
    const { keyId } = await market.buy(buyer.account, ekId);
    return { seller, buyer, ekId, keyId };
  }

  async function keyRow(keyId: bigint) {
    await shared.index.caughtUp();
    const { key } = tables;
    const [row] = await shared.index.db
      .select()
      .from(key)
      .where(eq(key.id, keyOf(keyId)));
    if (!row) throw new Error(`${keyOf(keyId)} has no row.`);
    return row;
  }

  const announce = (keyIds: bigint[]) =>
    shared.market.send(shared.market.admin, shared.market.contracts.keys, "announce", [keyIds]);

  it("T24 a rotation leaves the key with its agent, before and after it is announced", async () => {
    const { market } = shared;
    const { buyer, keyId } = await bought();
    await market.rotate(buyer.account, buyer.agentId);
    expect((await keyRow(keyId)).holderId).to.equal(agt(buyer.agentId));
    const { receipt } = await announce([keyId]);
    expect(receipt.logs, "Transfer and MetadataUpdate").to.have.length(2);
    expect((await keyRow(keyId)).holderId).to.equal(agt(buyer.agentId));
  });

  it("a transfer moves the key; the sale remains the buyer's", async () => {
    const { market, index } = shared;
    const { buyer, keyId } = await bought();
    const other = await market.join();
    const [from, to] = [buyer.account.address, other.account.address];
    await market.send(buyer.account, market.contracts.keys, "transferFrom", [from, to, keyId]);
    expect((await keyRow(keyId)).holderId).to.equal(agt(other.agentId));
    const { sale } = tables;
    const [sold] = await index.db
      .select()
      .from(sale)
      .where(eq(sale.keyId, keyOf(keyId)));
    expect(sold?.buyerId).to.equal(agt(buyer.agentId));
  });

  it("a transfer that announces a rotation first ends with the receiver", async () => {
    const { market } = shared;
    const { buyer, keyId } = await bought();
    const other = await market.join();
    const { account } = await market.rotate(buyer.account, buyer.agentId);
    const [from, to] = [account.address, other.account.address];
    const { receipt } = await market.send(account, market.contracts.keys, "transferFrom", [from, to, keyId]);
    expect(receipt.logs, "two Transfers and a MetadataUpdate").to.have.length(3);
    expect((await keyRow(keyId)).holderId).to.equal(agt(other.agentId));
  });

  it("a key received and then announced after the receiver's rotation stays the receiver's", async () => {
    const { market } = shared;
    const { buyer, keyId } = await bought();
    const other = await market.join();
    const { account } = await market.rotate(other.account, other.agentId);
    const [from, to] = [buyer.account.address, account.address];
    await market.send(buyer.account, market.contracts.keys, "transferFrom", [from, to, keyId]);
    expect((await keyRow(keyId)).holderId).to.equal(agt(other.agentId));
    await market.rotate(account, other.agentId, other.account);
    await announce([keyId]);
    expect((await keyRow(keyId)).holderId).to.equal(agt(other.agentId));
  });

  it("each key of an agent has its own row and version", async () => {
    const { market, index } = shared;
    const { seller, buyer, ekId, keyId } = await bought();
    await market.update(seller.account, ekId, { scopes: 0b111 });
    const { keyId: second } = await market.buy(buyer.account, ekId);
    expect(second).to.equal(keyId + 1n);
    expect(
      [await keyRow(keyId), await keyRow(second)].map(({ version, scopes }) => [version, scopes]),
    ).to.deep.equal([
      [1, 1],
      [2, 7],
    ]);
    const { key } = tables;
    expect(
      await index.db
        .select()
        .from(key)
        .where(eq(key.holderId, agt(buyer.agentId))),
    ).to.have.length(2);
  });

  it("a burnt key is burnt, also when its holder had rotated", async () => {
    const { market } = shared;
    const { buyer, ekId, keyId } = await bought();
    const { keyId: other } = await market.buy(buyer.account, ekId);
    await market.rotate(buyer.account, buyer.agentId);
    // Nothing in the exchange burns keys yet, so its address is borrowed.
    const { exchange, keys } = market.contracts;
    await market.giveEther(exchange.address);
    await market.client.request({
      method: "hardhat_impersonateAccount",
      params: [exchange.address],
    } as never);
    try {
      await market.send(exchange.address, keys, "burn", [keyId]);
    } finally {
      await market.client.request({
        method: "hardhat_stopImpersonatingAccount",
        params: [exchange.address],
      } as never);
    }
    expect((await keyRow(keyId)).burnt).to.equal(true);
    expect(await keyRow(other)).to.include({ burnt: false, holderId: agt(buyer.agentId) });
  });
});
