/*
 * Keys that come to an agent unasked: bought for it by somebody else, through a till that somebody else filled, or transferred to it.
 * ├── who asked: the buyer for itself, the claimer, the signer of a till's payment, the sender of a till's sale; nobody else
 * ├── beside one that the agent bought
 * │   ├── narrower (scopes, version, end)     never answers while the other one lives, then it does
 * │   ├── at least as good                    answers, until the agent buys or prefers another, or it is burnt
 * │   └── either way                          counts for hasAccess
 * ├── to an agent without a key               answers, until the agent buys its first one
 * ├── the agent's first key ever              does not put one that it was given before out of use
 * └── beside another unasked one
 *     ├── by a sale                           never takes its place: a refund could take it back
 *     └── by a transfer                       takes its place only where it is at least as good
 */
import { expect } from "chai";
import { loadFixture, now, time } from "./support/chain.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  BUYER,
  deployMarket,
  Flags,
  FREE,
  fund,
  impersonateExchange,
  keyOf,
  PRICE,
  purchaseOf,
  quoteOf,
  rotate,
  Scopes,
  VALIDATOR,
} from "./support/market.ts";
import { paymentOf, redeem, submit } from "./support/till.ts";

const { buyer, next, sponsor, stranger, validator } = people;
const EK = 7n;
const BOTH = Scopes.READ | Scopes.EXECUTE;

describe("ExperienceKey: keys that nobody asked for", () => {
  let moa: Moa;
  let start: number;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    await impersonateExchange(moa);
    start = Number(await now());
  });

  type Issue = {
    to?: bigint;
    ekId?: bigint;
    version?: number;
    life?: number;
    scopes?: number;
    flags?: number;
  };

  /** Mints a key, to the buyer unless told otherwise. `life` 0 has no end. */
  async function issue(asked: boolean, { to = BUYER, ekId = EK, life = 0, ...rest }: Issue = {}) {
    const { version = 1, scopes = Scopes.READ, flags = Flags.TRANSFERABLE } = rest;
    const eoa = await moa.registry.read.eoaOf([to]);
    const expiry = life === 0 ? 0 : start + life;
    const args = [ekId, to, eoa, 0, version, expiry, scopes, flags, asked] as const;
    const { result } = await moa.keys.simulate.mint(args, by(moa.exchange));
    await moa.keys.write.mint(args, by(moa.exchange));
    return result;
  }
  const asked = (terms?: Issue) => issue(true, terms);
  const gift = (terms?: Issue) => issue(false, terms);
  /** Mints a key to the validator, who passes it on to the buyer. */
  async function handed(terms: Issue = {}) {
    const keyId = await issue(true, { ...terms, to: VALIDATOR });
    await pass(keyId, validator, buyer);
    return keyId;
  }
  const pass = (keyId: bigint, from: Person, to: Person) =>
    moa.keys.write.transferFrom([from.address, to.address, keyId], by(from));
  const burn = (keyId: bigint) => moa.keys.write.burn([keyId], by(moa.exchange));
  const prefer = (keyId: bigint) => moa.keys.write.prefer([keyId], by(buyer));
  const access = async (ekId = EK, agentId = BUYER) => (await moa.keys.read.accessOf([ekId, agentId]))[0];
  const hasAccess = (scopes: number) => moa.keys.read.hasAccess([EK, buyer.address, scopes]);

  describe("beside one that the agent bought", () => {
    const narrower: Record<string, Issue> = {
      "fewer scopes": { scopes: Scopes.READ, life: 2000, version: 2 },
      "other scopes": { scopes: Scopes.READ | Scopes.DOWNLOAD, life: 2000, version: 2 },
      "an earlier end": { scopes: Scopes.ALL, life: 999, version: 2 },
      "a lower version": { scopes: Scopes.ALL, life: 2000, version: 1 },
    };
    for (const [what, terms] of Object.entries(narrower)) {
      for (const [how, come] of [
        ["sold", gift],
        ["handed over", handed],
      ] as const) {
        it(`one with ${what}, ${how}, waits until the other is over`, async () => {
          const own = await asked({ scopes: BOTH, life: 1000, version: 2 });
          const unasked = await come(terms);
          expect(await access()).to.equal(own);
          expect(await hasAccess(BOTH)).to.equal(true);
          expect(await hasAccess(terms.scopes ?? 0), "it counts all the same").to.equal(true);
          await burn(own);
          expect(await access()).to.equal(unasked);
        });
      }
    }

    for (const [what, terms] of Object.entries<Issue>({
      "the same terms": { scopes: BOTH, life: 1000, version: 2 },
      "more of everything": { scopes: Scopes.ALL, life: 0, version: 3 },
    })) {
      it(`one with ${what} answers, and the bought one again when it is burnt`, async () => {
        const own = await asked({ scopes: BOTH, life: 1000, version: 2 });
        const unasked = await gift(terms);
        expect(await access()).to.equal(unasked);
        await burn(unasked);
        expect(await access()).to.equal(own);
      });
    }

    it("a key without end is never answered for by one with an end", async () => {
      const own = await asked();
      await gift({ life: 4_000_000 });
      expect(await access()).to.equal(own);
    });

    it("the agent's own choice stands over what came before it", async () => {
      const own = await asked();
      const unasked = await gift({ scopes: Scopes.ALL });
      expect(await access()).to.equal(unasked);
      await prefer(own);
      expect(await access()).to.equal(own);
      expect(await hasAccess(Scopes.ALL)).to.equal(true);
      const bought = await asked();
      expect(await access()).to.equal(bought);
      await burn(bought);
      expect(await access(), "of what is left the first one, the choice being gone").to.equal(own);
      await burn(own);
      expect(await access()).to.equal(unasked);
    });

    it("what the agent prefers becomes its choice, whoever gave it", async () => {
      await asked({ scopes: BOTH });
      const unasked = await gift();
      await prefer(unasked);
      expect(await access()).to.equal(unasked);
    });

    it("a renewed key takes its place again from one that is narrower now", async () => {
      const own = await asked({ life: 1000 });
      const unasked = await gift({ life: 2000 });
      expect(await access()).to.equal(unasked);
      await moa.keys.write.renew([own, start + 3000], by(moa.exchange));
      expect(await access()).to.equal(own);
    });

    it("T24 stays as it was after a rotation", async () => {
      const own = await asked({ scopes: BOTH });
      await gift();
      await rotate(moa, BUYER, buyer, next);
      expect(await access()).to.equal(own);
      await moa.keys.write.prefer([keyOf(EK, BUYER, 1n)], by(next));
      expect(await access()).to.equal(keyOf(EK, BUYER, 1n));
    });
  });

  describe("to an agent without a key", () => {
    it("answers, until the agent buys its first one, and after that one", async () => {
      const given = await handed({ scopes: Scopes.ALL });
      expect(await access()).to.equal(given);
      const own = await asked({ life: 1000 });
      expect(await access()).to.equal(own);
      await time.increaseTo(start + 1000);
      expect(await access()).to.equal(given);
    });

    it("also when the agent preferred it meanwhile", async () => {
      const given = await handed({ scopes: Scopes.ALL });
      await prefer(given);
      expect(await access()).to.equal(given);
      const own = await asked();
      expect(await access()).to.equal(own);
      await prefer(given);
      expect(await access()).to.equal(given);
    });

    it("the first key ever, unasked and narrower, leaves the one given before in use", async () => {
      const given = await handed({ scopes: Scopes.ALL });
      const first = await gift();
      expect(first).to.equal(keyOf(EK, BUYER));
      expect(await access()).to.equal(given);
      await pass(given, buyer, validator);
      expect(await access()).to.equal(first);
    });

    it("a first key that comes back narrower leaves the one given meanwhile in use", async () => {
      const first = await asked();
      await pass(first, buyer, validator);
      const given = await handed({ scopes: Scopes.ALL });
      await pass(first, validator, buyer);
      expect(await access()).to.equal(given);
    });

    it("a first key that comes back as good as that is used", async () => {
      const first = await asked({ scopes: Scopes.ALL });
      await pass(first, buyer, validator);
      await handed();
      await pass(first, validator, buyer);
      expect(await access()).to.equal(first);
    });

    it("a first key that comes back takes nothing from what the agent chose", async () => {
      const first = await asked();
      const second = await asked({ scopes: BOTH });
      await pass(first, buyer, validator);
      await handed({ scopes: Scopes.DOWNLOAD });
      await pass(first, validator, buyer);
      expect(await access()).to.equal(second);
    });
  });

  describe("beside another unasked one", () => {
    it("a sold one never takes its place: a refund could take it back", async () => {
      await asked({ to: VALIDATOR });
      const given = await handed();
      await gift({ life: 1000 });
      const wide = await gift({ scopes: Scopes.ALL });
      expect(await access()).to.equal(given);
      await burn(wide);
      expect(await access()).to.equal(given);
    });

    it("a transferred one takes its place where it is at least as good", async () => {
      const given = await handed();
      await handed({ life: 1000 });
      expect(await access()).to.equal(given);
      const wide = await handed({ scopes: Scopes.ALL });
      expect(await access()).to.equal(wide);
    });

    it("any takes the place of one that is over", async () => {
      const own = await asked({ life: 100, scopes: Scopes.ALL });
      await gift({ life: 1000 });
      const given = await gift({ life: 2000 });
      await time.increaseTo(start + 1001);
      expect(await access(), "there was one in its place").to.equal(0n);
      await prefer(given);
      expect(await access()).to.equal(given);
      await burn(given);
      const last = await gift();
      expect(await access()).to.equal(last);
      await burn(own);
    });
  });

  describe("who asked", () => {
    /** The buyer's narrower second key, however it came: it answers when it was asked for. */
    async function isAsked(ekId: bigint, come: () => Promise<unknown>) {
      await issue(true, { ekId, scopes: Scopes.ALL });
      await come();
      const answer = await access(ekId);
      expect(await moa.keys.read.balanceOf([buyer.address]), "the second key came").to.equal(2n);
      return answer === keyOf(ekId, BUYER, 1n);
    }
    const EK1 = 1n;
    const buy = async (sender: Person) =>
      moa.exchange.write.buy([await purchaseOf(buyer, { ekId: EK1 })], by(sender));

    it("the buyer that buys for itself", async () => {
      expect(await isAsked(EK1, () => buy(buyer))).to.equal(true);
    });

    it("not the one for whom somebody else buys", async () => {
      expect(await isAsked(EK1, () => buy(sponsor))).to.equal(false);
    });

    it("the agent that claims, and whose operator claims", async () => {
      const claim = () => moa.exchange.write.claim([FREE, 1, 0n], by(buyer));
      expect(await isAsked(FREE, claim)).to.equal(true);
    });

    it("the signer of the payment into its till, whoever relays it", async () => {
      const payment = await paymentOf(moa);
      expect(await isAsked(EK1, () => redeem(moa, payment, stranger))).to.equal(true);
    });

    it("not the one whose till somebody else pays", async () => {
      const payment = await paymentOf(moa, {}, sponsor);
      expect(await isAsked(EK1, () => redeem(moa, payment, sponsor))).to.equal(false);
    });

    it("T12 the signer of a payment that somebody else submitted first", async () => {
      const payment = await paymentOf(moa);
      await submit(moa, payment);
      expect(await isAsked(EK1, () => redeem(moa, payment, stranger))).to.equal(true);
    });

    it("the signer of a part of the price, into a till that somebody else filled", async () => {
      const payment = await paymentOf(moa, {}, buyer, 1n);
      await fund(moa, payment.quote, PRICE, sponsor);
      expect(await isAsked(EK1, () => redeem(moa, payment, stranger))).to.equal(true);
    });

    it("the sender of a till's sale for itself, nobody for whom another sends it", async () => {
      const finalize = async (sender: Person) => {
        const quote = await quoteOf(moa, buyer);
        await fund(moa, quote, PRICE, sponsor);
        return moa.tills.write.finalizeTill([quote], by(sender));
      };
      expect(await isAsked(EK1, () => finalize(buyer))).to.equal(true);
      moa = await loadFixture(deployMarket);
      await impersonateExchange(moa);
      expect(await isAsked(EK1, () => finalize(stranger))).to.equal(false);
    });

    it("not the former EOA of the agent, by its signature", async () => {
      const payment = await paymentOf(moa);
      await rotate(moa, BUYER, buyer, next);
      await issue(true, { ekId: EK1, scopes: Scopes.ALL });
      await redeem(moa, payment, stranger);
      expect(await moa.keys.read.balanceOf([next.address])).to.equal(2n);
      expect(await access(EK1)).to.equal(keyOf(EK1, BUYER));
    });
  });
});
