/*
 * buyWithAuthorization(purchase, from, salt, signature)
 * ├── given a maximum of nothing                          reverts NothingAuthorized()
 * ├── given what buy refuses                              reverts as buy does
 * ├── given a signature that is not over this purchase    reverts as the token does
 * └── else                                                buys for `from`, whoever submits; gives back what the price left of the maximum
 *     ├── for a `from` that is no agent yet               makes it one
 *     └── for another agent                               gives it the key; `from` paid, and is refunded
 *
 * T12 the authorization is of use to nobody but the exchange: there is no way in front of it
 * T9  it pays for one purchase, once: not for another, not at another exchange, chain, recipient or price, not late
 */
import { expect } from "chai";
import { encodeAbiParameters, type Hex, keccak256, maxUint256, parseAbiParameters, toHex } from "viem";
import { loadFixture, nextBlockAt } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, create, deployMoa, type Moa, type Person, people } from "./support/deploy.ts";
import {
  BUYER,
  balances,
  creditOf,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  keyOf,
  LINEAR,
  list,
  NO_HASH,
  OrderStatus,
  PRICE,
  type Purchase,
  purchaseOf,
  REFUNDABLE,
  rotate,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { awarded, credited, saleOf } from "./support/sale.ts";
import { type Authorization, domainOf, mutate, signReceive, split } from "./support/sign.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, newcomer, next, relayer, rival, sponsor, stranger, validator } = people;
const SALT = toHex(1n, { size: 32 });

describe("Exchange.buyWithAuthorization", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const orderOf = (fields: Partial<Purchase> = {}, recipient: Person = buyer) =>
    purchaseOf(recipient, fields);

  /** What `from` signs to pay for the purchase. */
  async function authorizationFor(purchase: Purchase, from: { address: Hex } = buyer, salt = SALT) {
    const { maxPrice: value, deadline } = purchase;
    const nonce = await moa.exchange.read.authorizationNonce([purchase, salt]);
    const validBefore = deadline === maxUint256 ? deadline : deadline + 1n;
    return { from: from.address, value, validAfter: 0n, validBefore, nonce };
  }
  const signed = async (purchase: Purchase, from: Person = buyer, salt = SALT) =>
    signReceive(moa, from, await authorizationFor(purchase, from, salt));
  const submit = (purchase: Purchase, signature: Hex, from: { address: Hex } = buyer, salt = SALT) =>
    moa.exchange.write.buyWithAuthorization([purchase, from.address, salt, signature], by(relayer));
  const buy = async (purchase: Purchase, from: Person = buyer) =>
    submit(purchase, await signed(purchase, from), from);

  it("moves money and key in one transaction, whoever sends it", async () => {
    const purchase = await orderOf();
    const nonce = await moa.exchange.read.authorizationNonce([purchase, SALT]);
    const keyId = keyOf(FIXED, BUYER);
    const sale = saleOf(moa, { paymentRef: nonce, by: relayer.address });
    expect(await logsOf(moa, buy(purchase))).to.deep.equal([
      ["ExperienceKey.Transfer", { from: ZERO, to: buyer.address, tokenId: keyId }],
      ["ExperienceKey.Locked", { tokenId: keyId }],
      ["Exchange.KeySold", { ekId: FIXED, buyerId: BUYER, keyId, sale }],
      credited(moa, keyId),
      awarded(),
      ["Token.AuthorizationUsed", { authorizer: buyer.address, nonce }],
      ["Token.Transfer", { from: buyer.address, to: moa.exchange.address, value: PRICE }],
    ]);
    expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS - PRICE, PRICE]);
  });

  it("gives back what the price left of the maximum", async () => {
    await buy(await orderOf({ ekId: LINEAR, maxPrice: PRICE }));
    expect(await balances(moa, buyer, relayer, moa.exchange)).to.deep.equal([
      FUNDS - 1_000_000n,
      0n,
      1_000_000n,
    ]);
    await buy(await orderOf({ ekId: FREE, maxPrice: 1n }));
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS - 1_000_000n]);
    await expectSolvent(moa);
  });

  it("makes an agent of a signer that is none yet", async () => {
    await buy(await orderOf({}, newcomer), newcomer);
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(5n);
    expect(await moa.keys.read.ownerOf([keyOf(FIXED, 5n)])).to.equal(newcomer.address);
  });

  it("gives the key to another agent; the money goes back to who signed", async () => {
    const ekId = await list(moa, REFUNDABLE);
    const purchase = await orderOf({ ekId }, validator);
    await buy(purchase, sponsor);
    const keyId = keyOf(ekId, VALIDATOR);
    expect(await moa.exchange.read.orderOf([keyId])).to.include({ buyerId: 5n, status: OrderStatus.Held });
    await moa.exchange.write.refund([keyId], by(sponsor));
    expect(await creditOf(moa, 5n)).to.equal(PRICE);
  });

  it("refuses a recipient that is no agent, and one that did not sign", async () => {
    const purchase = await orderOf({}, newcomer);
    await reverts(buy(purchase, sponsor), moa.exchange, "RecipientNotAgent", [newcomer.address]);
    const mine = await orderOf({}, newcomer);
    const forged = submit(mine, await signed(mine, sponsor), newcomer);
    await reverts(forged, moa.usdc, "ERC3009InvalidSignature");
    expect(await moa.registry.read.agentCount()).to.equal(4n);
  });

  it("takes a smart account's signature, of 65 bytes or longer", async () => {
    const accounts = [
      ["Wallet1271", ""],
      ["LongSignatureWallet", "ab".repeat(100)],
    ] as const;
    for (const [name, tail] of accounts) {
      const wallet = { address: await create(name, [rival.address]) };
      await moa.usdc.write.transfer([wallet.address, PRICE], by(rival));
      const purchase = await purchaseOf(wallet);
      const signature = await signReceive(moa, rival, await authorizationFor(purchase, wallet));
      const hash = submit(purchase, `${signature}${tail}` as Hex, wallet);
      const { sale } = await eventOf(moa, hash, "Exchange.KeySold");
      expect(sale).to.include({ payer: wallet.address });
    }
  });

  describe("T9 pays for one purchase", () => {
    it("once", async () => {
      const purchase = await orderOf();
      const signature = await signed(purchase);
      await submit(purchase, signature);
      const used = [buyer.address, await moa.exchange.read.authorizationNonce([purchase, SALT])];
      await reverts(submit(purchase, signature), moa.usdc, "ERC3009UsedAuthorization", used);
      const second = await orderOf();
      const other = toHex(2n, { size: 32 });
      await submit(second, await signed(second, buyer, other), buyer, other);
      expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(2n);
      expect(await balances(moa, buyer)).to.deep.equal([FUNDS - 2n * PRICE]);
    });

    it("and no other: each of its words counts", async () => {
      const purchase = await orderOf();
      const signature = await signed(purchase);
      const others: Partial<Purchase>[] = [
        { ekId: LINEAR },
        { recipient: rival.address },
        { recipient: validator.address },
        { maxPrice: PRICE + 1n },
        { deadline: purchase.deadline + 1n },
        { referrerId: VALIDATOR },
      ];
      await moa.registry.write.register(by(rival));
      for (const fields of others) {
        const call = submit({ ...purchase, ...fields }, signature);
        await reverts(call, moa.usdc, "ERC3009InvalidSignature");
      }
      const salted = submit(purchase, signature, buyer, toHex(2n, { size: 32 }));
      await reverts(salted, moa.usdc, "ERC3009InvalidSignature");
      await reverts(submit(purchase, signature, rival), moa.usdc, "ERC3009InvalidSignature");
      expect(await balances(moa, buyer, rival, moa.exchange)).to.deep.equal([FUNDS, FUNDS, 0n]);
      await submit(purchase, signature);
    });

    it("by a nonce that names chain, exchange and all of it", async () => {
      const purchase = await orderOf({ referrerId: 3n });
      const types = parseAbiParameters(
        "uint256, address, (uint256 ekId, uint32 version, address recipient, uint256 maxPrice, uint256 deadline, uint256 referrerId), bytes32",
      );
      const { chainId } = domainOf(moa);
      const values = [BigInt(chainId), moa.exchange.address, purchase, SALT] as const;
      const nonce = await moa.exchange.read.authorizationNonce([purchase, SALT]);
      expect(nonce).to.equal(keccak256(encodeAbiParameters(types, values)));
      const { exchange: twin } = await deployMoa();
      expect(await twin.read.authorizationNonce([purchase, SALT])).not.to.equal(nonce);
    });

    it("not with a signature for another chain, another exchange, or of another kind", async () => {
      const purchase = await orderOf();
      const a = await authorizationFor(purchase);
      const wrong = [
        await signReceive(moa, buyer, a, { chain: 1 }),
        await signReceive(moa, buyer, a, { to: stranger.address }),
        await signReceive(moa, buyer, a, { to: moa.tills.address }),
        await signReceive(moa, buyer, { ...a, nonce: NO_HASH }),
        await signReceive(moa, buyer, { ...a, validAfter: 1n }),
        await signReceive(moa, buyer, { ...a, validBefore: purchase.deadline }),
        await signReceive(moa, buyer, { ...a, value: PRICE - 1n }),
      ];
      for (const signature of wrong) {
        await reverts(submit(purchase, signature), moa.usdc, "ERC3009InvalidSignature");
      }
    });

    it("until its deadline", async () => {
      const [first, second] = [await orderOf(), await orderOf({ maxPrice: PRICE + 1n })];
      const signatures = [await signed(first), await signed(second)] as const;
      await nextBlockAt(first.deadline);
      await submit(first, signatures[0]);
      const at = await nextBlockAt(second.deadline + 1n);
      await reverts(submit(second, signatures[1]), moa.exchange, "DeadlinePassed", [second.deadline, at]);
      await buy(await orderOf({ deadline: maxUint256 }));
    });

    it("T10 in no other form", async () => {
      const purchase = await orderOf();
      const signature = await signed(purchase);
      for (const form of Object.values(mutate(signature))) {
        await reverts(submit(purchase, form), moa.usdc, "ERC3009InvalidSignature");
      }
      await submit(purchase, signature);
      for (const form of Object.values(mutate(signature))) {
        await reverts(submit(purchase, form), moa.usdc, "ERC3009InvalidSignature");
      }
      expect(await balances(moa, buyer)).to.deep.equal([FUNDS - PRICE]);
    });
  });

  it("T12 nobody can submit it in front of the exchange", async () => {
    const purchase = await orderOf();
    const a: Authorization = await authorizationFor(purchase);
    const signature = await signed(purchase);
    const { v, r, s } = split(signature);
    const args = [
      a.from,
      moa.exchange.address,
      a.value,
      a.validAfter,
      a.validBefore,
      a.nonce,
      v,
      r,
      s,
    ] as const;
    const receive = moa.usdc.write.receiveWithAuthorization(args, by(stranger));
    await reverts(receive, moa.usdc, "ERC20InvalidReceiver", [moa.exchange.address]);
    const transfer = moa.usdc.write.transferWithAuthorization(args, by(stranger));
    await reverts(transfer, moa.usdc, "ERC3009InvalidSignature");
    await submit(purchase, signature);
    expect(await moa.keys.read.ownerOf([keyOf(FIXED, BUYER)])).to.equal(buyer.address);
  });

  it("refuses what buy refuses, and leaves the authorization unused", async () => {
    const dear = await orderOf({ maxPrice: PRICE - 1n });
    await reverts(buy(dear), moa.exchange, "CostAboveMaximum", [PRICE, PRICE - 1n]);
    await reverts(buy(await orderOf({ version: 2 })), moa.exchange, "VersionMismatch", [FIXED, 1, 2]);
    await reverts(buy(await orderOf({ referrerId: 9n })), moa.registry, "UnknownAgent", [9n]);
    const nothing = await orderOf({ ekId: FREE, maxPrice: 0n });
    await reverts(buy(nothing), moa.exchange, "NothingAuthorized");
    const poor = await orderOf({}, stranger);
    await reverts(buy(poor, stranger), moa.usdc, "ERC20InsufficientBalance", [stranger.address, 0n, PRICE]);
    expect(await moa.registry.read.agentCount()).to.equal(4n);
  });

  it("T24 refuses a signer that its agent has left", async () => {
    const purchase = await orderOf();
    const signature = await signed(purchase);
    await rotate(moa, BUYER, buyer, next);
    await reverts(submit(purchase, signature), moa.registry, "AddressRetired", [buyer.address, BUYER]);
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS]);
  });
});
