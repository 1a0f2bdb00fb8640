/*
 * T23, T24: after a rotation, whatever way it went, the new EOA has every right that the old one had, and the old one has none left:
 * no signature, grant, approval, consent or session of it does anything, not even when the agent comes back to that EOA later.
 */
import { expect } from "chai";
import type { Hex } from "viem";
import { loadFixture, now } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  Actions,
  BUYER,
  balances,
  contentOf,
  deployMarket,
  Flags,
  FREE,
  PRICE,
  purchaseOf,
  quoteOf,
  rotate,
  Scopes,
  SELLER,
  sell,
  termsOf,
  ZERO,
} from "./support/market.ts";
import { domainOf, sign } from "./support/sign.ts";

const { afterNext, buyer, newcomer, next, operator, relayer, rival, seller, sponsor, stranger, validator } =
  people;

/** The agent under attack is the seller: it lists, and it holds a key, credit, points, a grant and approvals. */
async function deployRightful() {
  const moa = await deployMarket();
  await moa.usdc.write.mint([seller.address, 10n * PRICE]);
  await moa.usdc.write.approve([moa.exchange.address, 10n * PRICE], by(seller));
  const terms = termsOf(moa, { flags: Flags.TRANSFERABLE });
  await moa.catalog.write.list([BUYER, terms, contentOf("bought")], by(buyer));
  await moa.exchange.write.buy([await purchaseOf(seller, { ekId: BOUGHT })], by(seller));
  await moa.exchange.write.buy([await purchaseOf(buyer)], by(buyer));
  await moa.registry.write.setAgentURI([SELLER, "ipfs://seller"], by(seller));
  await moa.registry.write.grant([operator.address, Actions.ALL, 2n ** 40n], by(seller));
  await moa.keys.write.approve([stranger.address, KEY], by(seller));
  await moa.keys.write.setApprovalForAll([operator.address, true], by(seller));
  return moa;
}

const BOUGHT = 4n;
const KEY = (BOUGHT << 96n) | (SELLER << 32n);

describe("T23 T24 rotation", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployRightful);
  });

  /** Everything that the agent has. */
  async function rights() {
    const { catalog, exchange, keys, points, registry } = moa;
    return {
      uri: await registry.read.tokenURI([SELLER]),
      credit: await exchange.read.creditOf([SELLER, moa.usdc.address]),
      points: [await points.read.balanceOf([SELLER]), await points.read.lifetimeOf([SELLER])],
      key: { ...(await keys.read.keyInfo([KEY])), announcedEpoch: 0 },
      access: (await keys.read.accessOf([BOUGHT, SELLER]))[0],
      listing: await catalog.read.listingOf([1n]),
      agents: await registry.read.agentCount(),
    };
  }

  /** Everything that an EOA can do with the agent, from the outside. */
  async function expectOwner(who: Person, former: Person) {
    const { catalog, keys, registry } = moa;
    expect(await registry.read.agentOf([who.address])).to.equal(SELLER);
    expect(await registry.read.agentOf([former.address])).to.equal(0n);
    expect(await registry.read.canAct([SELLER, who.address, Actions.ALL])).to.equal(true);
    expect(await registry.read.canAct([SELLER, former.address, Actions.LIST])).to.equal(false);
    expect(await keys.read.ownerOf([KEY])).to.equal(who.address);
    expect(await keys.read.hasAccess([BOUGHT, who.address, Scopes.READ])).to.equal(true);
    expect(await keys.read.hasAccess([BOUGHT, former.address, 0])).to.equal(false);
    await catalog.write.setStatus([1n, 2], by(who));
    await catalog.write.setStatus([1n, 1], by(who));
  }

  /** Everything that a former EOA, its operator and its approved accounts may try. All of it must fail. */
  async function expectPowerless(former: Person) {
    const { catalog, exchange, keys, registry } = moa;
    const owner = await registry.read.eoaOf([SELLER]);
    const deadline = (await now()) + 100n;
    const attempt = async (name: string, call: Promise<unknown>) => {
      const outcome = await call.then(
        () => "went through",
        () => "refused",
      );
      expect(outcome, name).to.equal("refused");
    };
    const f = by(former);
    await attempt("list", catalog.write.list([SELLER, termsOf(moa), contentOf()], f));
    await attempt("list for 0", catalog.write.list([0n, termsOf(moa), contentOf()], f));
    await attempt("update", catalog.write.update([1n, termsOf(moa), contentOf()], f));
    await attempt("setStatus", catalog.write.setStatus([1n, 3], f));
    await attempt("withdraw", exchange.write.withdraw([SELLER, moa.usdc.address, former.address], f));
    await attempt("claim", exchange.write.claim([FREE, 1, SELLER], f));
    await attempt("claim for 0", exchange.write.claim([FREE, 1, 0n], f));
    await attempt("buy", exchange.write.buy([await purchaseOf(former)], f));
    await attempt("register", registry.write.register(f));
    await attempt("setAgentURI", registry.write.setAgentURI([SELLER, "x"], f));
    await attempt("setMetadata", registry.write.setMetadata([SELLER, "x", "0x"], f));
    await attempt("grant", registry.write.grant([stranger.address, 1n, 2n ** 40n], f));
    await attempt("revoke", registry.write.revoke([operator.address], f));
    await attempt("rotate", registry.write.rotate([SELLER, former.address, deadline, "0x", "0x"], f));
    await attempt(
      "transfer agent",
      registry.write.transferFrom([former.address, stranger.address, SELLER], f),
    );
    await attempt("allowValidators", moa.labels.write.allowValidators([1n, [3n], true], f));
    await attempt("transfer key", keys.write.transferFrom([owner, validator.address, KEY], f));
    await attempt("transfer own key", keys.write.transferFrom([former.address, validator.address, KEY], f));
    await attempt("approve", keys.write.approve([former.address, KEY], f));
    await attempt("setApprovalForAll", keys.write.setApprovalForAll([stranger.address, true], f));
    await attempt("prefer", keys.write.prefer([KEY], f));
    await expectHelpersPowerless(owner);
  }

  /** What the accounts may try that a former EOA trusted. */
  async function expectHelpersPowerless(owner: `0x${string}`) {
    const { catalog, keys } = moa;
    const refused = [SELLER, operator.address, Actions.LIST];
    const update = catalog.write.update([1n, termsOf(moa), contentOf()], by(operator));
    await reverts(update, moa.catalog, "NotAuthorized", refused);
    for (const thief of [operator, stranger]) {
      const theft = keys.write.transferFrom([owner, validator.address, KEY], by(thief));
      await reverts(theft, moa.keys, "NotKeyOperator", [KEY, thief.address]);
    }
  }

  /** The ways to rotate from one EOA to another. */
  const ways: Record<string, (from: Person, to: Person) => Promise<unknown>> = {
    "an ERC-721 transfer": (from, to) => rotate(moa, SELLER, from, to),
    "two signatures": async (from, to) => {
      const deadline = (await now()) + 100n;
      const nonce = await moa.registry.read.nonces([from.address]);
      const message = { agentId: SELLER, from: from.address, to: to.address, nonce, deadline };
      const [a, b] = [
        await sign(from, domainOf(moa), "Rotation", message),
        await sign(to, domainOf(moa), "Rotation", message),
      ];
      return moa.registry.write.rotate([SELLER, to.address, deadline, a, b], by(relayer));
    },
    "ERC-8004's setAgentWallet": async (from, to) => {
      const deadline = (await now()) + 100n;
      const message = { agentId: SELLER, newWallet: to.address, owner: from.address, deadline };
      const signature = await sign(to, domainOf(moa), "AgentWalletSet", message);
      return moa.registry.write.setAgentWallet([SELLER, to.address, deadline, signature], by(from));
    },
  };

  for (const [way, go] of Object.entries(ways)) {
    it(`by ${way}: the rights stay, the old EOA and whom it trusted are powerless`, async () => {
      const before = await rights();
      await go(seller, next);
      expect(await rights()).to.deep.equal(before);
      await expectOwner(next, seller);
      await expectPowerless(seller);
      expect(await rights()).to.deep.equal(before);
    });

    it(`by ${way}: what the old EOA signed and nobody submitted is void, also when the agent is back`, async () => {
      const deadline = (await now()) + 10_000n;
      const grant = {
        agent: seller.address,
        operator: stranger.address,
        actions: Actions.ALL,
        expiry: deadline,
        nonce: 0n,
        deadline,
      };
      const rotation = { agentId: SELLER, from: seller.address, to: afterNext.address, nonce: 0n, deadline };
      const held: Hex[] = [
        await sign(seller, domainOf(moa), "OperatorGrant", grant),
        await sign(seller, domainOf(moa), "Rotation", rotation),
        await sign(afterNext, domainOf(moa), "Rotation", rotation),
      ];
      const { write } = moa.registry;
      const submit = {
        grant: () => write.grantBySig([grant, held[0] as Hex], by(relayer)),
        rotation: () =>
          write.rotate([SELLER, afterNext.address, deadline, held[1] as Hex, held[2] as Hex], by(relayer)),
      };
      await go(seller, next);
      await reverts(submit.grant(), moa.registry, "InvalidNonce", [seller.address, 1n, 0n]);
      await reverts(submit.rotation(), moa.registry, "InvalidSignature", [next.address]);
      await go(next, seller);
      await reverts(submit.grant(), moa.registry, "InvalidNonce", [seller.address, 1n, 0n]);
      await reverts(submit.rotation(), moa.registry, "InvalidSignature", [seller.address]);
      await expectHelpersPowerless(seller.address);
      expect(await moa.registry.read.canAct([SELLER, stranger.address, Actions.LIST])).to.equal(false);
    });
  }

  it("ten times over, amid sales and refunds: only the present EOA can act", async () => {
    const before = await rights();
    const eoas = [seller, newcomer, sponsor, next, afterNext, rival];
    const late = await quoteOf(moa, seller, { ekId: BOUGHT, deadline: (await now()) + 1n });
    await moa.usdc.write.transfer([await moa.tills.read.tillOf([late]), 7n], by(buyer));
    let present: Person = seller;
    for (let i = 1; i <= 10; i++) {
      const to = eoas[i % eoas.length] as Person;
      if (to === seller) continue;
      await rotate(moa, SELLER, present, to);
      await expectOwner(to, present);
      await moa.exchange.write.buy([await purchaseOf(buyer)], by(buyer));
      present = to;
    }
    const sum = await moa.exchange.read.creditOf([SELLER, moa.usdc.address]);
    expect(sum).to.equal(before.credit + 9n * PRICE);
    const held = (await balances(moa, present))[0] as bigint;
    await moa.tills.write.refundTill([late, moa.usdc.address], by(stranger));
    await moa.exchange.write.withdraw([SELLER, moa.usdc.address, ZERO], by(stranger));
    expect((await balances(moa, present))[0]).to.equal(held + 7n + sum);
    for (const former of eoas.filter((who) => who !== present)) {
      const agentId = await moa.registry.read.lastAgentOf([former.address]);
      expect(agentId).to.equal(SELLER);
      expect(await moa.registry.read.canAct([SELLER, former.address, Actions.LIST])).to.equal(false);
    }
    await expectPowerless(seller);
  });

  it("a sale to an EOA that the agent left goes to the agent, by till, and to nobody, by hand", async () => {
    const quote = await quoteOf(moa, seller, { ekId: BOUGHT });
    await moa.usdc.write.transfer([await moa.tills.read.tillOf([quote]), PRICE], by(buyer));
    await rotate(moa, SELLER, seller, next);
    await moa.tills.write.finalizeTill([quote], by(stranger));
    expect(await moa.keys.read.ownerOf([KEY + 1n])).to.equal(next.address);
    const call = moa.exchange.write.buy([await purchaseOf(seller, { ekId: BOUGHT })], by(buyer));
    await reverts(call, moa.exchange, "RecipientNotAgent", [seller.address]);
  });

  it("a key transferred and announced amid rotations has the owner that it should have", async () => {
    const { keyId } = await sell(moa, { flags: Flags.TRANSFERABLE });
    await rotate(moa, BUYER, buyer, next);
    await moa.keys.write.transferFrom([next.address, seller.address, keyId], by(next));
    await rotate(moa, SELLER, seller, afterNext);
    await moa.keys.write.announce([[keyId, KEY]]);
    expect(await moa.keys.read.ownerOf([keyId])).to.equal(afterNext.address);
    expect(await moa.keys.read.balanceOf([afterNext.address])).to.equal(2n);
    expect(await moa.keys.read.balanceOf([next.address])).to.equal(1n);
  });
});
