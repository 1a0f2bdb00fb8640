/*
 * spend(agentId, amount, ekId, keyId)
 * ├── when not called by the exchange   reverts NotExchange(caller)
 * ├── given a balance below the amount  reverts InsufficientPoints(agentId, balance, needed)
 * └── else                              burns from the balance alone; emits PointsSpent with the balance after
 */
import { expect } from "chai";
import { loadFixture, networkHelpers, publicClient, viem } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import { BUYER, SELLER } from "./support/market.ts";
import { award, deployLedger, EXCHANGE, type Ledger, pointsOf } from "./support/points.ts";

describe("PointsLedger.spend", () => {
  let ledger: Ledger;
  beforeEach(async () => {
    ledger = await loadFixture(deployLedger);
    const order = { ekId: 7n, keyId: 8n, sellerId: SELLER, buyerId: BUYER, sales: 1n };
    await award(ledger, { ...order, payer: people.buyer.address });
  });

  const spend = (agentId: bigint, amount: bigint, sender = EXCHANGE) =>
    ledger.points.write.spend([agentId, amount, 9n, 10n], by(sender));

  it("is the exchange's alone", async () => {
    await reverts(spend(SELLER, 1n, people.seller), ledger.points, "NotExchange", [people.seller.address]);
  });

  it("refuses more than there is, and tells both numbers", async () => {
    await reverts(spend(SELLER, 201n), ledger.points, "InsufficientPoints", [SELLER, 200n, 201n]);
    const huge = 2n ** 256n - 1n;
    await reverts(spend(BUYER, huge), ledger.points, "InsufficientPoints", [BUYER, 100n, huge]);
    await reverts(spend(99n, 1n), ledger.points, "InsufficientPoints", [99n, 0n, 1n]);
  });

  it("invariant 15: burns from the balance; what was earned stays, today's as well as ever", async () => {
    const args = { agentId: SELLER, ekId: 9n, keyId: 10n, amount: 150n, balance: 50n };
    expect(await logsOf(ledger.moa, spend(SELLER, 150n))).to.deep.equal([["PointsLedger.PointsSpent", args]]);
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([50n, 200n]);
    expect(await ledger.points.read.earnedToday([SELLER])).to.equal(200n);
    await spend(SELLER, 50n);
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([0n, 200n]);
    expect(await pointsOf(ledger, BUYER)).to.deep.equal([100n, 100n]);
  });

  it("T32 lets one of a hundred spends of one balance through, all in one block", async () => {
    const { address } = EXCHANGE;
    const testClient = await viem.getTestClient();
    const first = await publicClient.getTransactionCount({ address });
    await testClient.setAutomine(false);
    const calls = Array.from({ length: 100 }, (_, i) =>
      ledger.points.write.spend([SELLER, 200n, 9n, BigInt(i)], {
        ...by(EXCHANGE),
        nonce: first + i,
        gas: 100_000n,
      }),
    );
    const hashes = await Promise.all(calls).finally(async () => {
      await networkHelpers.mine();
      await testClient.setAutomine(true);
    });
    const receipts = await Promise.all(hashes.map((hash) => publicClient.getTransactionReceipt({ hash })));
    expect(new Set(receipts.map(({ blockNumber }) => blockNumber)).size).to.equal(1);
    expect(receipts.filter(({ status }) => status === "success")).to.have.length(1);
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([0n, 200n]);
  });
});
