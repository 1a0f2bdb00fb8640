/*
 * T1: a token whose hooks attack. The token owns an agent, listings, credit, keys, orders, allowances and funded tills of its own, and is
 * an administrator, so that each of its calls would go through from outside (the first test of each proves it).
 *
 * paths    every function in which a token moves: buying in every way, renewing, withdrawing, tills, cards
 * hooks    permit, authorizations, before and after every transfer
 * attacks  every function of exchange, tills, catalogue and card issuer that moves money, keys or terms
 *
 * From inside a hook whatever needs a guard that is taken is refused, and the path ends as if nobody had tried. While a till is filled or
 * emptied the exchange itself is not at work: there a call to it is one between two others, and leaves the books whole.
 */
import { expect } from "chai";
import {
  type Address,
  ContractFunctionExecutionError,
  ContractFunctionRevertedError,
  maxUint256,
  toHex,
} from "viem";
import { rejectionOf } from "../support/expect-rejection.ts";
import { loadFixture, networkHelpers } from "./support/chain.ts";
import { errorIn } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  type Call,
  CHARGE,
  callOf,
  deployHostileMarket,
  EVIL,
  EVIL_DEAR,
  EVIL_FREE,
  FOR_POINTS,
  HELD,
  HONEST,
  PERMIT,
  RENEWABLE,
  SALT,
  SHORT,
  SIGNATURE,
} from "./support/hostile-market.ts";
import {
  BUYER,
  contentOf,
  FIXED,
  keyOf,
  PRICE,
  purchaseOf,
  type Quote,
  quoteOf,
  SELLER,
  Status,
  termsOf,
  UNIT,
  ZERO,
} from "./support/market.ts";
import type { createHostileToken } from "./support/mocks.ts";
import { signPermit2, signUpto } from "./support/permit2.ts";
import { authorizationOf } from "./support/sign.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, rival, seller, sponsor } = people;

describe("T1 reentrancy", () => {
  let moa: Moa;
  let evil: Awaited<ReturnType<typeof createHostileToken>>;
  beforeEach(async () => {
    ({ moa, evil } = await loadFixture(deployHostileMarket));
  });

  const evilQuote = (fields: Partial<Quote> = {}) =>
    quoteOf(moa, evil, { ekId: EVIL_DEAR, token: evil.address, ...fields });
  const evilPurchase = () => purchaseOf(evil, { ekId: EVIL_DEAR });

  async function funded(quote: Quote, amount: bigint): Promise<Quote> {
    await evil.write.mint([await moa.tills.read.tillOf([quote]), amount]);
    return quote;
  }

  type Guard = "exchange" | "tills";
  const EXCHANGE: Guard[] = ["exchange"];
  const TILLS: Guard[] = ["tills"];
  const BOTH: Guard[] = ["exchange", "tills"];
  const exchange = async (name: string, ...args: unknown[]) => callOf(moa.exchange, name, args);
  const tills = async (name: string, ...args: unknown[]) => callOf(moa.tills, name, args);
  const catalog = async (name: string, ...args: unknown[]) => callOf(moa.catalog, name, args);
  const cards = async (name: string, ...args: unknown[]) => callOf(moa.cards, name, args);

  /** What the token calls, each of it allowed from outside, and the guards that it needs. */
  const attacks: Record<string, [guards: Guard[], prepare: () => Promise<Call>]> = {
    buy: [EXCHANGE, async () => exchange("buy", await evilPurchase())],
    buyBatch: [EXCHANGE, async () => exchange("buyBatch", [await evilPurchase(), await evilPurchase()])],
    buyWithPermit: [EXCHANGE, async () => exchange("buyWithPermit", await evilPurchase(), PERMIT)],
    buyWithPermit2: [
      EXCHANGE,
      async () => exchange("buyWithPermit2", await evilPurchase(), 5n, maxUint256, SIGNATURE),
    ],
    buyWithAuthorization: [
      EXCHANGE,
      async () => exchange("buyWithAuthorization", await evilPurchase(), evil.address, SALT, SIGNATURE),
    ],
    claim: [EXCHANGE, () => exchange("claim", EVIL_FREE, 1, EVIL)],
    buyWithPoints: [EXCHANGE, () => exchange("buyWithPoints", FOR_POINTS, 1, EVIL)],
    renew: [EXCHANGE, () => exchange("renew", keyOf(RENEWABLE, 6n), PRICE, maxUint256)],
    release: [EXCHANGE, () => exchange("release", keyOf(SHORT, 6n))],
    accept: [EXCHANGE, () => exchange("accept", keyOf(HELD, EVIL))],
    refund: [EXCHANGE, () => exchange("refund", keyOf(HELD, EVIL, 1n))],
    withdraw: [EXCHANGE, () => exchange("withdraw", EVIL, evil.address, ZERO)],
    list: [EXCHANGE, () => catalog("list", EVIL, termsOf(moa), contentOf())],
    update: [EXCHANGE, () => catalog("update", EVIL_DEAR, termsOf(moa), contentOf("v2"))],
    setStatus: [EXCHANGE, () => catalog("setStatus", EVIL_DEAR, Status.Paused)],
    issueForCharge: [
      EXCHANGE,
      () => cards("issueForCharge", HONEST, 1, buyer.address, PRICE, maxUint256, toHex(2n, { size: 32 })),
    ],
    chargeback: [EXCHANGE, () => cards("chargeback", CHARGE)],
    buyViaTill: [
      BOTH,
      async () => tills("buyViaTill", await evilQuote(), authorizationOf(evil.address, PRICE), SIGNATURE),
    ],
    buyUpto: [BOTH, async () => tills("buyUpto", await evilQuote(), permissionOf(evil), SIGNATURE)],
    finalizeTill: [BOTH, async () => tills("finalizeTill", await funded(await evilQuote(), PRICE))],
    refundTill: [
      TILLS,
      async () => tills("refundTill", await funded(await evilQuote(), PRICE), evil.address),
    ],
  };

  const permissionOf = ({ address }: { address: Address }) => ({
    ...{ from: address, amount: PRICE, nonce: 9n, deadline: maxUint256, validAfter: 0n },
  });
  const honestQuote = () => quoteOf(moa, buyer, { ekId: HONEST, token: evil.address });
  const honestPurchase = () => purchaseOf(buyer, { ekId: HONEST });

  /** The money paths of honest people, and the guards that are taken in each of their hooks. */
  const paths: Record<string, [hooks: Guard[][], walk: () => Promise<() => Promise<unknown>>]> = {
    buy: [
      [EXCHANGE, EXCHANGE],
      async () => {
        const purchase = await honestPurchase();
        return () => moa.exchange.write.buy([purchase], by(buyer));
      },
    ],
    buyBatch: [
      [EXCHANGE, EXCHANGE],
      async () => {
        const purchase = await honestPurchase();
        return () => moa.exchange.write.buyBatch([[purchase, purchase]], by(buyer));
      },
    ],
    buyWithPermit: [
      [EXCHANGE, EXCHANGE, EXCHANGE],
      async () => {
        const purchase = await honestPurchase();
        return () => moa.exchange.write.buyWithPermit([purchase, PERMIT], by(buyer));
      },
    ],
    buyWithPermit2: [
      [EXCHANGE, EXCHANGE],
      async () => {
        const signature = await signPermit2(buyer, moa.exchange, evil, PRICE, 1n);
        const args = [await honestPurchase(), 1n, maxUint256, signature] as const;
        return () => moa.exchange.write.buyWithPermit2(args, by(buyer));
      },
    ],
    buyWithAuthorization: [
      [EXCHANGE, EXCHANGE, EXCHANGE, EXCHANGE, EXCHANGE],
      async () => {
        const purchase = { ...(await honestPurchase()), maxPrice: PRICE + 1n };
        const args = [purchase, buyer.address, SALT, SIGNATURE] as const;
        return () => moa.exchange.write.buyWithAuthorization(args, by(sponsor));
      },
    ],
    renew: [
      [EXCHANGE, EXCHANGE],
      async () => () => moa.exchange.write.renew([keyOf(RENEWABLE, 6n), PRICE, maxUint256], by(buyer)),
    ],
    withdraw: [
      [EXCHANGE, EXCHANGE],
      async () => () => moa.exchange.write.withdraw([SELLER, evil.address, ZERO], by(seller)),
    ],
    buyViaTill: [
      [TILLS, TILLS, TILLS, BOTH, BOTH, TILLS, TILLS],
      async () => {
        const quote = await honestQuote();
        const authorization = authorizationOf(buyer.address, PRICE + 1n);
        return () => moa.tills.write.buyViaTill([quote, authorization, SIGNATURE], by(buyer));
      },
    ],
    buyUpto: [
      [TILLS, TILLS, BOTH, BOTH],
      async () => {
        const quote = await honestQuote();
        const permission = permissionOf(buyer);
        const signature = await signUpto(buyer, {
          ...{ to: await moa.tills.read.tillOf([quote]), facilitator: moa.tills.address },
          ...{ token: evil.address, amount: permission.amount, nonce: permission.nonce },
        });
        return () => moa.tills.write.buyUpto([quote, permission, signature], by(buyer));
      },
    ],
    finalizeTill: [
      [BOTH, BOTH, TILLS, TILLS],
      async () => {
        const quote = await funded(await honestQuote(), PRICE + 1n);
        return () => moa.tills.write.finalizeTill([quote], by(buyer));
      },
    ],
    refundTill: [
      [TILLS, TILLS],
      async () => {
        const quote = await funded(await honestQuote(), PRICE);
        return () => moa.tills.write.refundTill([quote, evil.address], by(buyer));
      },
    ],
    issueForCharge: [
      [EXCHANGE, EXCHANGE],
      async () => {
        const args = [HONEST, 1, buyer.address, PRICE, maxUint256, toHex(3n, { size: 32 })] as const;
        return () => moa.cards.write.issueForCharge(args);
      },
    ],
    chargeback: [
      [EXCHANGE, EXCHANGE],
      async () => {
        const charge = toHex(4n, { size: 32 });
        await moa.cards.write.issueForCharge([HONEST, 1, buyer.address, PRICE, maxUint256, charge]);
        return () => moa.cards.write.chargeback([charge]);
      },
    ],
  };

  /** Everything that an attack could have moved. */
  async function books() {
    const { cards, exchange, keys, points } = moa;
    const held = (who: { address: Address }) => evil.read.balanceOf([who.address]);
    return Promise.all([
      ...[exchange, cards, buyer, seller, evil].map(held),
      ...[SELLER, EVIL, UNIT, BUYER, 6n, 7n].map((id) => exchange.read.creditOf([id, evil.address])),
      ...[SELLER, EVIL, UNIT].map((id) => exchange.read.creditOf([id, moa.usdc.address])),
      ...[SELLER, EVIL, BUYER].map((id) => points.read.balanceOf([id])),
      ...[buyer, evil, seller, rival].map((who) => keys.read.balanceOf([who.address])),
      ...[FIXED, EVIL_DEAR, EVIL_FREE, HONEST, HELD, SHORT, FOR_POINTS].map((ekId) =>
        exchange.read.headOf([ekId]),
      ),
      ...[keyOf(HELD, EVIL), keyOf(HELD, EVIL, 1n), keyOf(SHORT, 6n)].map((id) =>
        exchange.read.orderOf([id]),
      ),
      keys.read.keyInfo([keyOf(RENEWABLE, 6n)]).then(({ expiry }) => expiry > 0),
      moa.catalog.read.listingCount(),
    ]);
  }

  for (const [attack, [needed, prepare]] of Object.entries(attacks)) {
    it(`${attack} would go through from outside`, async () => {
      const { target, data } = await prepare();
      await evil.write.act([target, data]);
      await expectSolvent(moa, evil.address);
    });

    for (const [path, [hooks, walk]] of Object.entries(paths)) {
      const refused = hooks.map((taken) => taken.some((guard) => needed.includes(guard)));
      const everywhere = refused.every(Boolean);
      it(`${attack} from inside ${path} is ${everywhere ? "refused in every hook" : "refused, or one call among others"}`, async () => {
        const { target, data } = await prepare();
        const step = await walk();
        const snapshot = await networkHelpers.takeSnapshot();
        await step();
        const undisturbed = await books();
        await snapshot.restore();

        await evil.write.arm([target, data]);
        await step();
        const attempts = await evil.read.attempts();
        expect(attempts.map(({ hook }) => hook)).to.have.length(hooks.length);
        for (const [i, { hook, succeeded, data: returned }] of attempts.entries()) {
          if (!refused[i]) continue;
          expect(succeeded, hook).to.equal(false);
          // One that went through in an earlier hook may be refused for having been.
          if (everywhere) expect(errorIn(moa, returned), hook).to.equal("ReentrancyGuardReentrantCall");
        }
        if (everywhere) expect(await books()).to.deep.equal(undisturbed);
        else expect(attempts[refused.indexOf(false)]?.succeeded, "as from outside").to.equal(true);
        await expectSolvent(moa, evil.address);
        await expectSolvent(moa);
      });
    }
  }

  it("a seller can't have a sale credited in another token by changing its listing in the payment's hook", async () => {
    const target = await moa.usdc.read.balanceOf([moa.exchange.address]);
    expect(target).to.equal(PRICE);
    const terms = termsOf(moa, { token: moa.usdc.address });
    const update = callOf(moa.catalog, "update", [EVIL_DEAR, terms, contentOf("v2")]);
    const before = await moa.exchange.read.creditOf([EVIL, evil.address]);
    const quote = await quoteOf(moa, buyer, { ekId: EVIL_DEAR, token: evil.address });
    await funded(quote, PRICE);
    await evil.write.arm([update.target, update.data]);
    await moa.tills.write.finalizeTill([quote], by(buyer));
    expect(await moa.exchange.read.creditOf([EVIL, moa.usdc.address])).to.equal(0n);
    const earned = PRICE - PRICE / 100n;
    expect(await moa.exchange.read.creditOf([EVIL, evil.address])).to.equal(before + earned);
    await moa.exchange.write.withdraw([SELLER, moa.usdc.address, ZERO], by(seller));
  });

  it("a seller that changes its listing while the till is filled ends the sale as a whole", async () => {
    const terms = termsOf(moa, { token: moa.usdc.address });
    const update = callOf(moa.catalog, "update", [EVIL_DEAR, terms, contentOf("v2")]);
    const quote = await quoteOf(moa, buyer, { ekId: EVIL_DEAR, token: evil.address });
    await evil.write.arm([update.target, update.data]);
    const held = await evil.read.balanceOf([buyer.address]);
    const authorization = authorizationOf(buyer.address, PRICE);
    // Simulated, since the error is not of the tills' ABI: its data tells which it is.
    const simulated = moa.tills.simulate.buyViaTill([quote, authorization, SIGNATURE], by(buyer));
    const error = await rejectionOf(simulated, ContractFunctionExecutionError);
    const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    expect(errorIn(moa, (reverted as ContractFunctionRevertedError).raw ?? "0x")).to.equal("VersionMismatch");
    const sent = moa.tills.write.buyViaTill([quote, authorization, SIGNATURE], by(buyer));
    await rejectionOf(sent, ContractFunctionExecutionError);
    expect(await evil.read.balanceOf([buyer.address])).to.equal(held);
    expect((await moa.catalog.read.listingOf([EVIL_DEAR])).version).to.equal(1);
  });
});
