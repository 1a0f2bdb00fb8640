/*
 * pause(duration)
 * ├── without the role                          reverts AccessManagedUnauthorized(caller)
 * ├── above 7 days                              reverts PauseTooLong(duration, maximum)
 * ├── during a pause or in the 7 days after it  reverts PauseTooSoon(from, time)
 * ├── of 0                                      ends a pause; the 7 days count from when it would have ended
 * └── else                                      stops sales and listings until then; emits PausedUntil
 *
 * T26, invariant 25: a pause blocks entry alone. While it lasts everything ends that can end, and everything is paid out that is owed.
 */
import { expect } from "chai";
import { maxUint256, toHex } from "viem";
import { loadFixture, nextBlockAt, now, time } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  Actions,
  at,
  BUYER,
  balances,
  contentOf,
  creditOf,
  DAY,
  deployMarket,
  FIXED,
  Flags,
  FREE,
  FUNDS,
  fund,
  keyOf,
  list,
  OrderStatus,
  PRICE,
  purchaseOf,
  type Quote,
  quoteOf,
  REFUNDABLE,
  rotate,
  SELLER,
  Status,
  sell,
  statusOf,
  termsOf,
  UNIT,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { PERMIT2, placePermit2, signPermit2 } from "./support/permit2.ts";
import { allow } from "./support/roles.ts";
import { signPermit, signReceive } from "./support/sign.ts";
import { expectSolvent } from "./support/solvency.ts";
import { paymentOf, redeem } from "./support/till.ts";

const { admin, buyer, disputesDesk, guardian, issuer, consensusDesk, next, seller, stranger, validator } =
  people;
const WEEK = 7n * BigInt(DAY);
const CHARGE = toHex(1n, { size: 32 });
const charge = (id: bigint) => toHex(id, { size: 32 });

async function deployGuarded() {
  const moa = await deployMarket();
  await allow(moa, moa.exchange, ["pause"], guardian);
  await allow(moa, moa.cards, ["issueForCharge", "chargeback"], issuer);
  await moa.usdc.write.mint([moa.cards.address, FUNDS]);
  await moa.cards.write.setDailyCap([moa.usdc.address, FUNDS]);
  await placePermit2();
  return moa;
}

describe("Exchange.pause", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployGuarded);
  });

  const pause = (duration: bigint, sender = guardian) => moa.exchange.write.pause([duration], by(sender));
  const buy = async () => moa.exchange.write.buy([await purchaseOf(buyer)], by(buyer));
  const until = () => moa.exchange.read.pausedUntil();

  it("T26 expires, to the second", async () => {
    const start = await nextBlockAt((await now()) + 10n);
    const end = start + 100n;
    expect(await logsOf(moa, pause(100n))).to.deep.equal([
      ["Exchange.PausedUntil", { until: end, by: guardian.address }],
    ]);
    expect(await until()).to.equal(end);
    await nextBlockAt(end - 1n);
    await reverts(buy(), moa.exchange, "Paused", [end]);
    await nextBlockAt(end);
    await buy();
  });

  it("T26 lasts a week at most, and no second one follows within a week", async () => {
    expect(await moa.exchange.read.MAX_PAUSE()).to.equal(WEEK);
    await reverts(pause(WEEK + 1n), moa.exchange, "PauseTooLong", [WEEK + 1n, WEEK]);
    await reverts(pause(maxUint256), moa.exchange, "PauseTooLong", [maxUint256, WEEK]);
    await pause(WEEK);
    const from = (await until()) + WEEK;
    const again = await nextBlockAt((await now()) + 5n);
    await reverts(pause(1n), moa.exchange, "PauseTooSoon", [from, again]);
    await time.increaseTo(await until());
    await buy();
    const early = await nextBlockAt(from - 1n);
    await reverts(pause(1n), moa.exchange, "PauseTooSoon", [from, early]);
    await nextBlockAt(from);
    await pause(WEEK);
    await reverts(buy(), moa.exchange, "Paused", [from + WEEK]);
  });

  it("ends at the guardian's word, which wins no second pause", async () => {
    await pause(1000n);
    const from = (await until()) + WEEK;
    await reverts(buy(), moa.exchange, "Paused", [await until()]);
    const end = await nextBlockAt((await now()) + 10n);
    expect(await logsOf(moa, pause(0n))).to.deep.equal([
      ["Exchange.PausedUntil", { until: end, by: guardian.address }],
    ]);
    await buy();
    const early = await nextBlockAt((await now()) + 10n);
    await reverts(pause(1n), moa.exchange, "PauseTooSoon", [from, early]);
    await pause(0n);
    await buy();
    await time.increaseTo(from);
    await pause(1n);
  });

  it("T25 is the guardians' alone", async () => {
    for (const who of [admin, seller, stranger]) {
      await reverts(pause(1n, who), moa.exchange, "AccessManagedUnauthorized", [who.address]);
    }
    expect(await until()).to.equal(0n);
  });

  it("T26 invariant 25 blocks every entry", async () => {
    const points = await list(moa, { pointsPrice: 1 });
    const { keyId } = await sell(moa, { keyTtl: DAY });
    const quote = await quoteOf(moa, buyer);
    await fund(moa, quote, PRICE, buyer);
    const payment = await paymentOf(moa);
    const purchase = await purchaseOf(buyer);
    const nonce = await moa.exchange.read.authorizationNonce([purchase, CHARGE]);
    const validBefore = purchase.deadline + 1n;
    const a = { from: buyer.address, value: PRICE, validAfter: 0n, validBefore, nonce };
    const bound = await signReceive(moa, buyer, a);
    const permit = await signPermit(moa, buyer, PRICE, maxUint256);
    const permit2 = await signPermit2(buyer, moa.exchange, moa.usdc, PRICE, 1n);
    await pause(1000n);
    const { write } = moa.exchange;
    const entries: Record<string, () => Promise<unknown>> = {
      buy,
      buyBatch: () => write.buyBatch([[purchase]], by(buyer)),
      buyWithPermit: () => write.buyWithPermit([purchase, permit], by(buyer)),
      buyWithPermit2: () => write.buyWithPermit2([purchase, 1n, maxUint256, permit2], by(buyer)),
      buyWithAuthorization: () => write.buyWithAuthorization([purchase, buyer.address, CHARGE, bound]),
      claim: () => write.claim([FREE, 1, BUYER], by(buyer)),
      buyWithPoints: () => write.buyWithPoints([points, 1, BUYER], by(buyer)),
      renew: () => write.renew([keyId, PRICE, maxUint256], by(buyer)),
      buyViaTill: () => redeem(moa, payment),
      finalizeTill: () => moa.tills.write.finalizeTill([quote], by(buyer)),
      issueForCharge: () =>
        moa.cards.write.issueForCharge([FIXED, 1, buyer.address, PRICE, maxUint256, CHARGE], by(issuer)),
    };
    for (const [name, enter] of Object.entries(entries)) {
      await reverts(enter(), moa.exchange, "Paused", [await until()]).catch((error: unknown) => {
        throw new Error(`${name}: ${error}`);
      });
    }
    const listing = moa.catalog.write.list([SELLER, termsOf(moa), contentOf()], by(seller));
    await reverts(listing, moa.catalog, "Paused", [await until()]);
    const update = moa.catalog.write.update([FIXED, termsOf(moa), contentOf("v2")], by(seller));
    await reverts(update, moa.catalog, "Paused", [await until()]);
    await pause(0n);
    for (const [name, enter] of Object.entries(entries)) {
      // A permit leaves an allowance of its own value.
      for (const spender of [moa.exchange.address, PERMIT2]) {
        await moa.usdc.write.approve([spender, FUNDS], by(buyer));
      }
      await enter().catch((error: unknown) => expect.fail(`${name}: ${error}`));
    }
  });

  it("T26 invariant 25 leaves every exit open", async () => {
    await moa.exchange.write.setFee([100, UNIT]);
    const plain = await sell(moa, { bountyBps: 1000, flags: Flags.TRANSFERABLE });
    const orders = [];
    for (let i = 0; i < 7; i++) orders.push((await sell(moa, REFUNDABLE)).keyId);
    const [refunded, given, accepted, frozen, settled, released, seen] = orders as [
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    await moa.exchange.write.freeze([settled], by(disputesDesk));
    const quotes: Quote[] = [];
    for (let i = 0; i < 2; i++) {
      quotes.push(await quoteOf(moa, buyer));
      await fund(moa, quotes[i] as Quote, PRICE, buyer);
    }
    for (const id of [1n, 2n]) {
      const args = [FIXED, 1, validator.address, PRICE, maxUint256, charge(id)] as const;
      await moa.cards.write.issueForCharge(args, by(issuer));
    }
    await pause(WEEK);

    const { write } = moa.exchange;
    await write.refund([refunded], by(buyer));
    await write.refund([given], by(seller));
    await write.accept([accepted], by(buyer));
    await write.freeze([frozen], by(disputesDesk));
    await write.settle([frozen, PRICE], by(disputesDesk));
    await write.settle([settled, 1n], by(disputesDesk));
    await write.recordAccess([[seen]]);
    await moa.cards.write.chargeback([charge(1n)], by(issuer));
    await moa.tills.write.refundTill([quotes[0] as Quote, moa.usdc.address], by(buyer));
    await time.increase(DAY);
    await moa.tills.write.refundTill([quotes[1] as Quote, moa.usdc.address], by(stranger));
    await write.release([released], by(stranger));
    await write.release([seen], by(stranger));
    await write.payBounty([plain.ekId, moa.usdc.address, [VALIDATOR], [PRICE / 10n]], by(consensusDesk));
    await write.setFee([0, UNIT]);
    await moa.catalog.write.setStatus([FIXED, Status.Archived], by(seller));
    await moa.keys.write.transferFrom([buyer.address, validator.address, plain.keyId], by(buyer));
    await moa.registry.write.grant([stranger.address, Actions.LIST, 2n ** 40n], by(seller));
    await rotate(moa, SELLER, seller, next);
    for (const agentId of [SELLER, BUYER, UNIT, VALIDATOR]) {
      await write.withdraw([agentId, moa.usdc.address, ZERO], by(stranger));
      expect(await creditOf(moa, agentId)).to.equal(0n);
    }
    expect((await now()) < (await until()), "all of it during the pause").to.equal(true);
    const statuses = await Promise.all(orders.map((keyId) => statusOf(moa, keyId)));
    const { Refunded, Released } = OrderStatus;
    expect(statuses).to.deep.equal([Refunded, Refunded, Released, Refunded, Released, Released, Released]);
    await expectSolvent(moa);
    expect(await balances(moa, moa.exchange), "the second card's order").to.deep.equal([PRICE]);
    expect(await statusOf(moa, keyOf(FIXED, VALIDATOR, 1n))).to.equal(OrderStatus.Held);
  });

  it("T26 takes a pause out of nobody's refund window", async () => {
    const { keyId } = await sell(moa, { ...REFUNDABLE, ...at(PRICE) });
    const { releaseTime } = await moa.exchange.read.orderOf([keyId]);
    await pause(WEEK);
    await time.increase(DAY / 2);
    await moa.exchange.write.refund([keyId], by(buyer));
    expect(releaseTime - Number(await now()) > 0).to.equal(true);
  });
});
