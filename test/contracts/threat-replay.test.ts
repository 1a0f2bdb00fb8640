/*
 * T9: one signature, made once for one chain, contract, function, nonce and time, does one thing once.
 * signatures  registration, grant, rotation by the old EOA, rotation by the new one, ERC-8004's AgentWalletSet
 * replays     on another chain, at a clone of the registry, to every other function, twice, late: none has any effect
 *
 * T10: the same signatures in every other form (high s, 64 bytes, 66 bytes, v of 0 or 1, of the other parity, zeros, nothing) have no
 * effect before the right one nor after it. So with the authorization that pays a till.
 */
import { expect } from "chai";
import { type Address, getContract, type Hex, hashTypedData } from "viem";
import { agentRegistryAbi } from "../../sdk/abis/index.ts";
import { loadFixture, nextBlockAt, now } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, client, create, deployMoa, type Moa, people } from "./support/deploy.ts";
import { Actions, BUYER, balances, deployMarket, FUNDS, PRICE, quoteOf, SELLER } from "./support/market.ts";
import { authorizationOf, type Domain, domainOf, mutate, sign, signAuthorization } from "./support/sign.ts";

const { buyer, newcomer, next, operator, relayer, seller, stranger, unit, validator } = people;

type Registry = Moa["registry"];
type Kind = {
  signer: Address;
  sign(at: Domain): Promise<Hex>;
  submit(registry: Registry, signature: Hex): Promise<Hex>;
  /** What a second submission meets. */
  twice: [
    error: "InvalidSignature" | "InvalidNonce" | "NotAgentOwner" | "AddressAlreadyBound",
    args: unknown[],
  ];
};

/** The market, and a clone of its registry with the same agents. */
async function deployTwins() {
  const moa = await deployMarket();
  const address = await create("AgentRegistry", [moa.exchange.address, moa.catalog.address]);
  const clone = getContract({ address, abi: agentRegistryAbi, client });
  for (const agent of [seller, buyer, validator, unit]) await clone.write.register(by(agent));
  return { moa, clone };
}

/** Every message that the registry takes, all valid until `deadline`. */
function kindsOf(deadline: bigint): Record<string, Kind> {
  const registration = { agent: newcomer.address, agentURI: "ipfs://me", nonce: 0n, deadline };
  const grant = {
    agent: seller.address,
    operator: operator.address,
    actions: Actions.ALL,
    expiry: deadline + 1000n,
    nonce: 0n,
    deadline,
  };
  const rotation = { agentId: BUYER, from: buyer.address, to: next.address, nonce: 0n, deadline };
  const walletSet = { agentId: BUYER, newWallet: next.address, owner: buyer.address, deadline };
  return {
    registration: {
      signer: newcomer.address,
      sign: (at) => sign(newcomer, at, "Registration", registration),
      submit: ({ write }, signature) =>
        write.registerFor([newcomer.address, "ipfs://me", deadline, signature], by(relayer)),
      twice: ["InvalidSignature", [newcomer.address]],
    },
    grant: {
      signer: seller.address,
      sign: (at) => sign(seller, at, "OperatorGrant", grant),
      submit: ({ write }, signature) => write.grantBySig([grant, signature], by(relayer)),
      twice: ["InvalidNonce", [seller.address, 1n, 0n]],
    },
    "rotation by the old EOA": {
      signer: buyer.address,
      sign: (at) => sign(buyer, at, "Rotation", rotation),
      submit: ({ write }, signature) =>
        write.rotate([BUYER, next.address, deadline, signature, "0x"], by(next)),
      twice: ["AddressAlreadyBound", [next.address, BUYER]],
    },
    "rotation by the new EOA": {
      signer: next.address,
      sign: (at) => sign(next, at, "Rotation", rotation),
      submit: ({ write }, signature) =>
        write.rotate([BUYER, next.address, deadline, "0x", signature], by(buyer)),
      twice: ["InvalidSignature", [next.address]],
    },
    AgentWalletSet: {
      signer: next.address,
      sign: (at) => sign(next, at, "AgentWalletSet", walletSet),
      submit: ({ write }, signature) =>
        write.setAgentWallet([BUYER, next.address, deadline, signature], by(buyer)),
      twice: ["NotAgentOwner", [BUYER, buyer.address]],
    },
  };
}

const names = Object.keys(kindsOf(0n));

describe("signatures of the registry", () => {
  let moa: Moa;
  let clone: Registry;
  let kinds: Record<string, Kind>;
  let deadline: bigint;
  beforeEach(async () => {
    ({ moa, clone } = await loadFixture(deployTwins));
    deadline = (await now()) + 200n;
    kinds = kindsOf(deadline);
  });

  const kindOf = (name: string) => kinds[name] as Kind;

  async function expectUntouched(registry: Registry) {
    expect(await registry.read.agentCount()).to.equal(4n);
    expect(await registry.read.eoaOf([BUYER])).to.equal(buyer.address);
    expect(await registry.read.canAct([SELLER, operator.address, Actions.LIST])).to.equal(false);
    for (const who of [newcomer, seller, buyer, next]) {
      expect(await registry.read.nonces([who.address])).to.equal(0n);
    }
  }

  for (const name of names) {
    describe(name, () => {
      it("T9 works once, where it was meant to", async () => {
        const { sign, submit, twice } = kindOf(name);
        const signature = await sign(domainOf(moa));
        await submit(moa.registry, signature);
        await reverts(submit(moa.registry, signature), moa.registry, ...twice);
      });

      it("T9 has no effect on another chain, at a clone, or late", async () => {
        const { sign, submit, signer } = kindOf(name);
        const here = domainOf(moa);
        const foreign = await sign({ ...here, chainId: here.chainId + 1 });
        await reverts(submit(moa.registry, foreign), moa.registry, "InvalidSignature", [signer]);
        await reverts(submit(clone, await sign(here)), clone, "InvalidSignature", [signer]);
        const signature = await sign(here);
        const at = await nextBlockAt(deadline + 1n);
        await reverts(submit(moa.registry, signature), moa.registry, "SignatureExpired", [deadline, at]);
        await expectUntouched(moa.registry);
        await expectUntouched(clone);
      });

      for (const other of names.filter((candidate) => candidate !== name)) {
        it(`T9 does not pass for ${other}`, async () => {
          // The two parties of one rotation sign the same words: there it is the signer that is another.
          const signature = await kindOf(name).sign(domainOf(moa));
          const { submit, signer } = kindOf(other);
          await reverts(submit(moa.registry, signature), moa.registry, "InvalidSignature", [signer]);
          await expectUntouched(moa.registry);
        });
      }

      it("T10 has no effect in any other form, before or after", async () => {
        const { sign, submit, signer } = kindOf(name);
        const signature = await sign(domainOf(moa));
        for (const [form, mutated] of Object.entries(mutate(signature))) {
          await reverts(submit(moa.registry, mutated), moa.registry, "InvalidSignature", [signer]).catch(
            (error: unknown) => {
              throw new Error(`${form}: ${error}`);
            },
          );
        }
        await expectUntouched(moa.registry);
        await submit(moa.registry, signature);
        for (const [form, mutated] of Object.entries(mutate(signature))) {
          const outcome = await submit(moa.registry, mutated).then(
            () => "accepted",
            () => "refused",
          );
          expect(outcome, form).to.equal("refused");
        }
      });
    });
  }
});

describe("payments into a till", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  it("T9 a quote names its chain and its tills, as EIP-712 has it", async () => {
    const quote = await quoteOf(moa, buyer);
    const hash = (chainId: number, verifyingContract: Address) =>
      hashTypedData({
        domain: { name: "MOA Tills", version: "1", chainId, verifyingContract },
        types: {
          Quote: [
            { name: "ekId", type: "uint256" },
            { name: "version", type: "uint32" },
            { name: "buyer", type: "address" },
            { name: "token", type: "address" },
            { name: "maxPrice", type: "uint256" },
            { name: "deadline", type: "uint256" },
            { name: "salt", type: "bytes32" },
          ],
        },
        primaryType: "Quote",
        message: quote,
      });
    const here = domainOf(moa).chainId;
    expect(await moa.tills.read.quoteHashOf([quote])).to.equal(hash(here, moa.tills.address));
    const { tills: twin } = await deployMoa();
    expect(await twin.read.quoteHashOf([quote])).to.equal(hash(here, twin.address));
    expect(await twin.read.tillOf([quote])).not.to.equal(await moa.tills.read.tillOf([quote]));
    expect(hash(here + 1, moa.tills.address)).not.to.equal(hash(here, moa.tills.address));
  });

  it("T10 an authorization in any other form pays nothing, and the right one once", async () => {
    const quote = await quoteOf(moa, buyer);
    const till = await moa.tills.read.tillOf([quote]);
    const authorization = authorizationOf(buyer.address, PRICE);
    const signature = await signAuthorization(moa, buyer, till, authorization);
    const redeem = (form: Hex) => moa.tills.write.buyViaTill([quote, authorization, form], by(stranger));
    for (const form of Object.values(mutate(signature))) {
      await reverts(redeem(form), moa.usdc, "ERC3009InvalidSignature");
    }
    expect(await balances(moa, buyer, { address: till })).to.deep.equal([FUNDS, 0n]);
    await redeem(signature);
    const used = [await moa.tills.read.quoteHashOf([quote])];
    for (const form of Object.values(mutate(signature))) {
      await reverts(redeem(form), moa.tills, "QuoteUsed", used);
    }
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
    expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS - PRICE, PRICE]);
  });
});
