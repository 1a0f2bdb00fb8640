/** Who holds a key and who rents it, through transfer, rotation, announcement, rental, renewal and end. */
import { expect } from "chai";
import { eq } from "drizzle-orm";
import { type Address, type PrivateKeyAccount, zeroAddress } from "viem";
import * as tables from "../../indexer/ponder.schema.ts";
import * as ids from "../../sdk/ids.ts";
import { useMarket } from "../support/use-market.ts";

const agt = (agentId: bigint) => ids.agentId.serialize({ chainId: 31337, agentId });
const keyOf = (keyId: bigint) => ids.keyId.serialize({ chainId: 31337, ...ids.splitTokenId(keyId) });
const TRANSFERABLE = { flags: 1 };
const LENDABLE = { flags: 5, keyTtl: 1_000_000 };

describe("indexer: who holds a key", () => {
  const shared = useMarket();

  /** A key of a fresh listing, bought by a fresh agent. */
  async function bought(terms: { flags: number; keyTtl?: number } = TRANSFERABLE) {
    const { market } = shared;
    const seller = await market.join();
    const buyer = await market.join();
    const ekId = await market.list(seller.account, terms);
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

  const lend = (from: PrivateKeyAccount, keyId: bigint, user: Address, expires: bigint) =>
    shared.market.send(from, shared.market.contracts.keys, "setUser", [keyId, user, expires]);

  /** Nothing in the exchange burns or renews keys yet, so its address is borrowed. */
  async function asExchange(functionName: "burn" | "renew", args: readonly unknown[]) {
    const { client, contracts, giveEther, send } = shared.market;
    const { address } = contracts.exchange;
    await giveEther(address);
    await client.request({ method: "hardhat_impersonateAccount", params: [address] } as never);
    try {
      await send(address, contracts.keys, functionName, args as never);
    } finally {
      await client.request({ method: "hardhat_stopImpersonatingAccount", params: [address] } as never);
    }
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
    expect(receipt.logs, "two Transfers, each with a MetadataUpdate").to.have.length(4);
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
    await asExchange("burn", [keyId]);
    expect((await keyRow(keyId)).burnt).to.equal(true);
    expect(await keyRow(other)).to.include({ burnt: false, holderId: agt(buyer.agentId) });
  });

  it("UpdateUser: the agent that rents a key, until it gives it up; the holder stays the holder", async () => {
    const { market } = shared;
    const { buyer, keyId } = await bought(LENDABLE);
    expect(await keyRow(keyId)).to.include({ userId: null, userExpires: null });
    const tenant = await market.join();
    const expires = (await market.client.getBlock()).timestamp + 1000n;
    await lend(buyer.account, keyId, tenant.account.address, expires);
    const rented = { holderId: agt(buyer.agentId), userId: agt(tenant.agentId), userExpires: expires };
    expect(await keyRow(keyId)).to.include(rented);
    const { account } = await market.rotate(tenant.account, tenant.agentId);
    expect(await keyRow(keyId), "T24 the agent, wherever it is").to.include(rented);
    await lend(buyer.account, keyId, account.address, expires + 1n);
    expect(await keyRow(keyId)).to.include({ ...rented, userExpires: expires + 1n });
    await lend(account, keyId, zeroAddress, 0n);
    expect(await keyRow(keyId)).to.include({ holderId: agt(buyer.agentId), userId: null, userExpires: null });
  });

  it("UpdateUser: nobody rents a key that is burnt", async () => {
    const { market } = shared;
    const { buyer, keyId } = await bought(LENDABLE);
    const tenant = await market.join();
    const expires = (await market.client.getBlock()).timestamp + 1000n;
    await lend(buyer.account, keyId, tenant.account.address, expires);
    await asExchange("burn", [keyId]);
    expect(await keyRow(keyId)).to.include({ burnt: true, userId: null, userExpires: null });
  });

  it("TokenExpiryUpdated: the end at the sale, and the one that it was renewed to", async () => {
    const { keyId } = await bought(LENDABLE);
    const { startedAt, expiry } = await keyRow(keyId);
    expect(expiry - startedAt).to.equal(1_000_000n);
    await asExchange("renew", [keyId, Number(expiry) + 5]);
    expect(await keyRow(keyId)).to.include({ startedAt, expiry: expiry + 5n });
  });
});
