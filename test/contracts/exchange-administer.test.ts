/*
 * setFee(feeBps, agentId) of the exchange; allowToken(token, allowed), allowCurve(curve, allowed) of the catalogue
 * ├── without the role                    reverts AccessManagedUnauthorized(caller)
 * ├── by a role that has a delay          reverts AccessManagerNotScheduled, AccessManagerNotReady, until scheduled and waited for
 * ├── given a fee above the maximum       reverts FeeAboveMaximum(feeBps, maximum), for whomever
 * ├── given no such agent                 reverts UnknownAgent(agentId)
 * └── else                                sets it; emits FeeSet; Catalog emits TokenAllowed, CurveAllowed
 *     └── a fee                           is taken from sales from now on, rounded down; price = fee + seller's part, to the unit
 */
import { expect } from "chai";
import { encodeFunctionData, getContract, parseAbi } from "viem";
import { exchangeAbi } from "../../sdk/abis/index.ts";
import { loadFixture, now, time } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, client, type Moa, people } from "./support/deploy.ts";
import {
  at,
  BUYER,
  balances,
  contentOf,
  deployMarket,
  FIXED,
  FREE,
  fund,
  keyOf,
  PRICE,
  purchaseOf,
  quoteOf,
  SELLER,
  Share,
  sell,
  termsOf,
  UNIT,
} from "./support/market.ts";
import { credited } from "./support/sale.ts";

const { admin, buyer, operator, seller, stranger, unit } = people;
const OPERATIONS = 7n;

const authorityAbi = parseAbi([
  "function grantRole(uint64 roleId, address account, uint32 executionDelay)",
  "function revokeRole(uint64 roleId, address account)",
  "function setTargetFunctionRole(address target, bytes4[] selectors, uint64 roleId)",
  "function schedule(address target, bytes data, uint48 when) returns (bytes32, uint32)",
  "error AccessManagerUnauthorizedAccount(address msgsender, uint64 roleId)",
  "error AccessManagerNotReady(bytes32 operationId)",
]);

describe("Exchange administration", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const credit = (agentId: bigint) => moa.exchange.read.creditOf([agentId, moa.usdc.address]);
  const authority = () => getContract({ address: moa.authority, abi: authorityAbi, client });

  it("sets fee and allowlists, and says so", async () => {
    const { read, write } = moa.catalog;
    const { read: exchange } = moa.exchange;
    expect(await logsOf(moa, moa.exchange.write.setFee([500, UNIT]))).to.deep.equal([
      ["Exchange.FeeSet", { feeBps: 500, feeAgentId: UNIT }],
    ]);
    expect([await exchange.feeBps(), await exchange.feeAgentId()]).to.deep.equal([500, UNIT]);
    expect(await logsOf(moa, write.allowToken([stranger.address, true]))).to.deep.equal([
      ["Catalog.TokenAllowed", { token: stranger.address, allowed: true }],
    ]);
    expect(await logsOf(moa, write.allowCurve([stranger.address, true]))).to.deep.equal([
      ["Catalog.CurveAllowed", { curve: stranger.address, allowed: true }],
    ]);
    expect(await read.isTokenAllowed([stranger.address])).to.equal(true);
    expect(await read.isCurveAllowed([stranger.address])).to.equal(true);
    await write.allowToken([stranger.address, false]);
    await write.allowCurve([stranger.address, false]);
    expect(await read.isTokenAllowed([stranger.address])).to.equal(false);
    expect(await read.isCurveAllowed([stranger.address])).to.equal(false);
  });

  it("T25 is the administrators' alone", async () => {
    const { write } = moa.exchange;
    for (const who of [seller, unit, stranger]) {
      const refused = [who.address];
      const fee = write.setFee([1, UNIT], by(who));
      await reverts(fee, moa.exchange, "AccessManagedUnauthorized", refused);
      const pause = write.pause([1n], by(who));
      await reverts(pause, moa.exchange, "AccessManagedUnauthorized", refused);
      const access = write.recordAccess([[1n]], by(who));
      await reverts(access, moa.exchange, "AccessManagedUnauthorized", refused);
      const token = moa.catalog.write.allowToken([who.address, true], by(who));
      await reverts(token, moa.catalog, "AccessManagedUnauthorized", refused);
      const curve = moa.catalog.write.allowCurve([who.address, true], by(who));
      await reverts(curve, moa.catalog, "AccessManagedUnauthorized", refused);
      const other = write.setAuthority([who.address], by(who));
      await reverts(other, moa.exchange, "AccessManagedUnauthorized", refused);
      const role = authority().write.grantRole([0n, who.address, 0], by(who));
      await reverts(role, authority(), "AccessManagerUnauthorizedAccount", [who.address, 0n]);
    }
  });

  it("T25 keeps the fee below its maximum, and on an agent that is there", async () => {
    expect(await moa.exchange.read.MAX_FEE_BPS()).to.equal(500);
    await reverts(moa.exchange.write.setFee([501, UNIT]), moa.exchange, "FeeAboveMaximum", [501, 500]);
    await reverts(moa.exchange.write.setFee([65_535, UNIT]), moa.exchange, "FeeAboveMaximum", [65_535, 500]);
    await reverts(moa.exchange.write.setFee([1, 9n]), moa.registry, "UnknownAgent", [9n]);
    await reverts(moa.exchange.write.setFee([0, 0n]), moa.registry, "UnknownAgent", [0n]);
  });

  it("T25 gives one selector to a role, with a delay", async () => {
    const data = encodeFunctionData({ abi: exchangeAbi, functionName: "setFee", args: [100, UNIT] });
    const selector = data.slice(0, 10) as `0x${string}`;
    await authority().write.setTargetFunctionRole([moa.exchange.address, [selector], OPERATIONS]);
    await authority().write.grantRole([OPERATIONS, operator.address, 3600]);
    const setFee = () => moa.exchange.write.setFee([100, UNIT], by(operator));
    const byAdmin = moa.exchange.write.setFee([100, UNIT], by(admin));
    await reverts(byAdmin, moa.exchange, "AccessManagedUnauthorized", [admin.address]);
    const pause = moa.exchange.write.pause([1n], by(operator));
    await reverts(pause, moa.exchange, "AccessManagedUnauthorized", [operator.address]);
    const scheduled = parseAbi(["error AccessManagerNotScheduled(bytes32 operationId)"]);
    await reverts(setFee(), { abi: scheduled, address: moa.authority }, "AccessManagerNotScheduled", [
      (id: string) => id.length === 66,
    ]);

    const when = Number(await now()) + 3700;
    await authority().write.schedule([moa.exchange.address, data, when], by(operator));
    await reverts(setFee(), authority(), "AccessManagerNotReady", [(id: string) => id.length === 66]);
    await time.increaseTo(when);
    await setFee();
    expect(await moa.exchange.read.feeBps()).to.equal(100);
  });

  describe("the fee", () => {
    it("T7 splits every price to the unit, rounded in the seller's favour", async () => {
      await moa.exchange.write.setFee([250, UNIT]);
      let [fees, earned] = [0n, 0n];
      for (const price of [1n, 39n, 40n, 999n, 1_000_001n, PRICE]) {
        await moa.catalog.write.list([SELLER, termsOf(moa, at(price)), contentOf()], by(seller));
        const ekId = await moa.catalog.read.listingCount();
        const hash = await moa.exchange.write.buy([await purchaseOf(buyer, { ekId })], by(buyer));
        const fee = (price * 250n) / 10_000n;
        fees += fee;
        earned += price - fee;
        const { sale } = await eventOf(moa, hash, "Exchange.KeySold");
        expect(sale).to.include({ price, feeBps: 250 });
        const credits = (await logsOf(moa, hash)).filter(([name]) => name === "Exchange.Credited");
        const keyId = keyOf(ekId, BUYER);
        const taken = { agentId: UNIT, share: Share.Fee, amount: fee, creditAfter: fees };
        const rest = { amount: price - fee, creditAfter: earned };
        expect(credits).to.deep.equal([
          ...(fee === 0n ? [] : [credited(moa, keyId, taken)]),
          credited(moa, keyId, rest),
        ]);
      }
      expect([await credit(SELLER), await credit(UNIT)]).to.deep.equal([earned, fees]);
      expect(await balances(moa, moa.exchange)).to.deep.equal([earned + fees]);
      await moa.exchange.write.withdraw([UNIT, moa.usdc.address, unit.address], by(stranger));
      await moa.exchange.write.withdraw([SELLER, moa.usdc.address, seller.address], by(stranger));
      expect(await balances(moa, unit, seller, moa.exchange)).to.deep.equal([fees, earned, 0n]);
    });

    it("is taken on the till's way too, and from nothing where nothing is paid", async () => {
      await moa.exchange.write.setFee([500, UNIT]);
      const quote = await quoteOf(moa, buyer);
      await fund(moa, quote, PRICE + 1n, buyer);
      const { sale } = await eventOf(moa, moa.tills.write.finalizeTill([quote]), "Exchange.KeySold");
      expect(sale).to.include({ price: PRICE, feeBps: 500 });
      await moa.exchange.write.claim([FREE, 1, BUYER], by(buyer));
      expect([await credit(SELLER), await credit(UNIT)]).to.deep.equal([(PRICE * 19n) / 20n, PRICE / 20n]);
    });

    it("T8 leaves sales alone that were made before", async () => {
      await sell(moa, {});
      await moa.exchange.write.setFee([500, UNIT]);
      expect([await credit(SELLER), await credit(UNIT)]).to.deep.equal([PRICE, 0n]);
      await sell(moa, {});
      expect([await credit(SELLER), await credit(UNIT)]).to.deep.equal([(PRICE * 39n) / 20n, PRICE / 20n]);
    });

    it("goes to the unit's own sales on top of its price's rest", async () => {
      await moa.exchange.write.setFee([500, SELLER]);
      const hash = await moa.exchange.write.buy([await purchaseOf(buyer)], by(buyer));
      const keyId = keyOf(FIXED, BUYER);
      const fee = { share: Share.Fee, amount: PRICE / 20n };
      const rest = { amount: (PRICE * 19n) / 20n, creditAfter: PRICE };
      const credits = (await logsOf(moa, hash)).filter(([name]) => name === "Exchange.Credited");
      expect(credits).to.deep.equal([credited(moa, keyId, fee), credited(moa, keyId, rest)]);
      expect(await credit(SELLER)).to.equal(PRICE);
    });
  });
});
