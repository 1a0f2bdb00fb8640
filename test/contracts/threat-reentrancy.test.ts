/*
 * T1: a token whose hooks attack. The token owns an agent, a listing, credit, allowances and funded tills of its own, so that each of its
 * calls would go through from outside (the first test proves it); from inside each hook of each money path each must be refused, and
 * the path must end as if nobody had tried.
 *
 * paths    buy, buyWithPermit, buyViaTill, finalizeTill, refundTill, withdraw
 * hooks    permit, transferWithAuthorization, before and after every transfer
 * attacks  every function of the exchange that is not the administrators'
 */
import { expect } from "chai";
import { type Address, encodeFunctionData, type Hex, maxUint256, toHex } from "viem";
import { agentRegistryAbi, exchangeAbi } from "../../sdk/abis/index.ts";
import { loadFixture, networkHelpers } from "./support/chain.ts";
import { errorIn } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  at,
  BUYER,
  contentOf,
  deployMarket,
  FIXED,
  FUNDS,
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
import { createHostileToken } from "./support/mocks.ts";
import { authorizationOf } from "./support/sign.ts";

const { buyer, rival, seller } = people;
const SIGNATURE: Hex = `0x${"11".repeat(64)}1b`;
const PERMIT = {
  value: PRICE,
  deadline: maxUint256,
  v: 27,
  r: toHex(1n, { size: 32 }),
  s: toHex(1n, { size: 32 }),
};

/** The agent of the token, its listing for sale and its free one; and the honest seller's listing in that token. */
const EVIL = 5n;
const EVIL_DEAR = 4n;
const EVIL_FREE = 5n;
const HONEST = 6n;

type Call = Parameters<typeof encodeFunctionData<typeof exchangeAbi>>[0];

async function deployHostileMarket() {
  const moa = await deployMarket();
  const evil = await createHostileToken();
  await moa.catalog.write.allowToken([evil.address, true]);
  await moa.exchange.write.setFee([100, UNIT]);
  const register = encodeFunctionData({ abi: agentRegistryAbi, functionName: "register", args: [] });
  await evil.write.act([moa.registry.address, register]);
  const list = (price: bigint) =>
    [EVIL, termsOf(moa, { token: evil.address, ...at(price) }), contentOf()] as const;
  await evil.write.act([moa.exchange.address, exchangeCall("list", list(PRICE))]);
  await evil.write.act([moa.exchange.address, exchangeCall("list", list(0n))]);
  const honest = [SELLER, termsOf(moa, { token: evil.address }), contentOf()] as const;
  await moa.catalog.write.list(honest, by(seller));
  for (const payer of [buyer, rival]) {
    await evil.write.mint([payer.address, FUNDS]);
    await evil.write.approve([moa.exchange.address, FUNDS], by(payer));
  }
  await evil.write.mint([evil.address, FUNDS]);
  const approve = encodeFunctionData({
    abi: evil.abi,
    functionName: "approve",
    args: [moa.exchange.address, maxUint256],
  });
  await evil.write.act([evil.address, approve]);
  for (const ekId of [EVIL_DEAR, HONEST]) {
    await moa.exchange.write.buy([await purchaseOf(rival, { ekId })], by(rival));
  }
  await moa.exchange.write.buy([await purchaseOf(rival)], by(rival));
  return { moa, evil };
}

function exchangeCall(functionName: Call["functionName"], args: readonly unknown[]): Hex {
  return encodeFunctionData({ abi: exchangeAbi, functionName, args } as unknown as Call);
}

describe("T1 reentrancy", () => {
  let moa: Moa;
  let evil: Awaited<ReturnType<typeof createHostileToken>>;
  beforeEach(async () => {
    ({ moa, evil } = await loadFixture(deployHostileMarket));
  });

  const evilQuote = (fields: Partial<Quote> = {}) =>
    quoteOf(moa, evil, { ekId: EVIL_DEAR, token: evil.address, ...fields });

  async function funded(quote: Quote, amount: bigint): Promise<Quote> {
    await evil.write.mint([await moa.tills.read.tillOf([quote]), amount]);
    return quote;
  }

  /** What the token calls, each of it allowed from outside. */
  const attacks: Record<string, () => Promise<Hex>> = {
    buy: async () => exchangeCall("buy", [await purchaseOf(evil, { ekId: EVIL_DEAR })]),
    buyWithPermit: async () =>
      exchangeCall("buyWithPermit", [await purchaseOf(evil, { ekId: EVIL_DEAR }), PERMIT]),
    claim: async () => exchangeCall("claim", [EVIL_FREE, 1, EVIL]),
    buyViaTill: async () =>
      exchangeCall("buyViaTill", [await evilQuote(), authorizationOf(evil.address, PRICE), SIGNATURE]),
    finalizeTill: async () => exchangeCall("finalizeTill", [await funded(await evilQuote(), PRICE)]),
    refundTill: async () =>
      exchangeCall("refundTill", [await funded(await evilQuote(), PRICE), evil.address]),
    withdraw: async () => exchangeCall("withdraw", [EVIL, evil.address, ZERO]),
    list: async () => exchangeCall("list", [EVIL, termsOf(moa), contentOf()]),
    update: async () => exchangeCall("update", [EVIL_DEAR, termsOf(moa), contentOf("v2")]),
    setStatus: async () => exchangeCall("setStatus", [EVIL_DEAR, Status.Paused]),
  };

  const honestQuote = () => quoteOf(moa, buyer, { ekId: HONEST, token: evil.address });

  /** The money paths of honest people, and how many hooks each runs through. */
  const paths: Record<string, [hooks: number, walk: () => Promise<() => Promise<unknown>>]> = {
    buy: [
      2,
      async () => {
        const purchase = await purchaseOf(buyer, { ekId: HONEST });
        return () => moa.exchange.write.buy([purchase], by(buyer));
      },
    ],
    buyWithPermit: [
      3,
      async () => {
        const purchase = await purchaseOf(buyer, { ekId: HONEST });
        return () => moa.exchange.write.buyWithPermit([purchase, PERMIT], by(buyer));
      },
    ],
    buyViaTill: [
      7,
      async () => {
        const quote = await honestQuote();
        const authorization = authorizationOf(buyer.address, PRICE + 1n);
        return () => moa.tills.write.buyViaTill([quote, authorization, SIGNATURE], by(buyer));
      },
    ],
    finalizeTill: [
      4,
      async () => {
        const quote = await funded(await honestQuote(), PRICE + 1n);
        return () => moa.tills.write.finalizeTill([quote], by(buyer));
      },
    ],
    refundTill: [
      2,
      async () => {
        const quote = await funded(await honestQuote(), PRICE);
        return () => moa.tills.write.refundTill([quote, evil.address], by(buyer));
      },
    ],
    withdraw: [2, async () => () => moa.exchange.write.withdraw([SELLER, evil.address, ZERO], by(seller))],
  };

  /** Everything that an attack could have moved. */
  async function books() {
    const { exchange, keys, points } = moa;
    const held = (who: { address: Address }) => evil.read.balanceOf([who.address]);
    return Promise.all([
      ...[exchange, buyer, seller, evil].map(held),
      ...[SELLER, EVIL, UNIT, BUYER].map((id) => exchange.read.creditOf([id, evil.address])),
      ...[SELLER, EVIL, UNIT].map((id) => exchange.read.creditOf([id, moa.usdc.address])),
      ...[SELLER, EVIL, BUYER].map((id) => points.read.balanceOf([id])),
      ...[buyer, evil, seller].map((who) => keys.read.balanceOf([who.address])),
      ...[FIXED, EVIL_DEAR, EVIL_FREE, HONEST].map(
        async (ekId) => (await exchange.read.listingOf([ekId])).sold,
      ),
      exchange.read.listingCount(),
    ]);
  }

  for (const [attack, data] of Object.entries(attacks)) {
    it(`${attack} would go through from outside`, async () => {
      await evil.write.act([moa.exchange.address, await data()]);
    });

    for (const [path, [hooks, walk]] of Object.entries(paths)) {
      it(`${attack} from inside ${path} is refused in every hook`, async () => {
        const prepared = await data();
        const step = await walk();
        const snapshot = await networkHelpers.takeSnapshot();
        await step();
        const undisturbed = await books();
        await snapshot.restore();

        await evil.write.arm([moa.exchange.address, prepared]);
        await step();
        const attempts = await evil.read.attempts();
        expect(attempts.map(({ hook }) => hook)).to.have.length(hooks);
        for (const { hook, succeeded, data: returned } of attempts) {
          expect(succeeded, hook).to.equal(false);
          expect(errorIn(returned), hook).to.equal("ReentrancyGuardReentrantCall");
        }
        expect(await books()).to.deep.equal(undisturbed);
      });
    }
  }

  it("a seller can't have a sale credited in another token by changing its listing in the payment's hook", async () => {
    const target = await moa.usdc.read.balanceOf([moa.exchange.address]);
    expect(target).to.equal(PRICE);
    const terms = termsOf(moa, { token: moa.usdc.address });
    await evil.write.arm([moa.exchange.address, exchangeCall("update", [EVIL_DEAR, terms, contentOf("v2")])]);
    const quote = await quoteOf(moa, buyer, { ekId: EVIL_DEAR, token: evil.address });
    const authorization = authorizationOf(buyer.address, PRICE);
    await moa.tills.write.buyViaTill([quote, authorization, SIGNATURE], by(buyer));
    expect(await moa.exchange.read.creditOf([EVIL, moa.usdc.address])).to.equal(0n);
    expect(await moa.exchange.read.creditOf([EVIL, evil.address])).to.equal(2n * PRICE - (2n * PRICE) / 100n);
    await moa.exchange.write.withdraw([SELLER, moa.usdc.address, ZERO], by(seller));
  });
});
