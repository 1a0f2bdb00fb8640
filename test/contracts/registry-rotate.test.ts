/*
 * rotate(agentId, to, deadline, fromSignature, toSignature)
 * ├── when past the deadline                        reverts SignatureExpired(deadline, time)
 * ├── given no such agent                           reverts UnknownAgent(agentId)
 * ├── without the present EOA's authority           reverts InvalidSignature(from)
 * ├── without the new EOA's consent                 reverts InvalidSignature(to)
 * ├── given another deadline, nonce, agent or EOA than signed  reverts InvalidSignature
 * ├── given a `to` that is
 * │   ├── the zero address                          reverts InvalidSignature(0), by its own caller's signature alone
 * │   ├── an agent's EOA (also `from`)              reverts AddressAlreadyBound(to, agentId)
 * │   └── another agent's former EOA                reverts AddressRetired(to, agentId)
 * └── with both sides' will
 *     ├── the present EOA calls, the new one signed  rotates
 *     ├── the new EOA calls, the present one signed  rotates
 *     ├── a third party relays both signatures       rotates
 *     └── either side, or both, are smart accounts   rotates
 *         emits Transfer, AgentRotated, MetadataSet; counts the epoch up; voids what the old EOA signed
 *
 * invalidateNonce()                                 voids what the caller signed with its present nonce; emits NonceInvalidated
 */
import { expect } from "chai";
import { type Address, encodePacked, type Hex, keccak256, toHex } from "viem";
import { loadFixture, nextBlockAt, now } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import { BUYER, deployMarket, rotate, SELLER, ZERO } from "./support/market.ts";
import { domainOf, type Rotation, sign } from "./support/sign.ts";

const { afterNext, buyer, newcomer, next, relayer, seller, stranger } = people;

describe("AgentRegistry.rotate", () => {
  let moa: Moa;
  let message: Rotation;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    const deadline = (await now()) + 600n;
    message = { agentId: BUYER, from: buyer.address, to: next.address, nonce: 0n, deadline };
  });

  const signed = (signer: Person, fields: Partial<Rotation> = {}) =>
    sign(signer, domainOf(moa), "Rotation", { ...message, ...fields });

  function send(sender: Person, fromSignature: Hex, toSignature: Hex, fields: Partial<Rotation> = {}) {
    const { agentId, to, deadline } = { ...message, ...fields };
    return moa.registry.write.rotate([agentId, to, deadline, fromSignature, toSignature], by(sender));
  }

  function rotated(from: Address, to: Address, epoch: number, sender: Address) {
    const metadata = {
      agentId: BUYER,
      indexedMetadataKey: keccak256(toHex("agentWallet")),
      metadataKey: "agentWallet",
      metadataValue: encodePacked(["address"], [to]),
    };
    return [
      ["AgentRegistry.Transfer", { from, to, tokenId: BUYER }],
      ["AgentRegistry.AgentRotated", { agentId: BUYER, from, to, epoch, by: sender }],
      ["AgentRegistry.MetadataSet", metadata],
    ];
  }

  async function expectMoved(from: Address, to: Address, epoch: number) {
    const { read } = moa.registry;
    expect(await read.eoaOf([BUYER])).to.equal(to);
    expect(await read.ownerOf([BUYER])).to.equal(to);
    expect(await read.getAgentWallet([BUYER])).to.equal(to);
    expect(await read.getMetadata([BUYER, "agentWallet"])).to.equal(encodePacked(["address"], [to]));
    expect(await read.bindingOf([to])).to.deep.equal([BUYER, epoch]);
    expect(await read.bindingOf([from])).to.deep.equal([0n, 0]);
    expect(await read.agentOf([from])).to.equal(0n);
    expect(await read.lastAgentOf([from])).to.equal(BUYER);
    expect(await read.balanceOf([from])).to.equal(0n);
    expect(await read.balanceOf([to])).to.equal(1n);
    expect(await read.epochOf([BUYER])).to.equal(epoch);
    expect(await read.eoaAt([BUYER, epoch])).to.equal(to);
    expect(await read.eoaAt([BUYER, epoch - 1])).to.equal(from);
    expect(await read.agentCount()).to.equal(4n);
  }

  it("rotates when the present EOA calls and the new one signed", async () => {
    const hash = send(buyer, "0x", await signed(next));
    expect(await logsOf(moa, hash)).to.deep.equal(rotated(buyer.address, next.address, 1, buyer.address));
    await expectMoved(buyer.address, next.address, 1);
  });

  it("rotates when the new EOA calls and the present one signed", async () => {
    const hash = send(next, await signed(buyer), "0x");
    expect(await logsOf(moa, hash)).to.deep.equal(rotated(buyer.address, next.address, 1, next.address));
    await expectMoved(buyer.address, next.address, 1);
  });

  it("rotates when a third party relays both signatures, up to the deadline itself", async () => {
    await nextBlockAt(message.deadline);
    const hash = send(relayer, await signed(buyer), await signed(next));
    expect(await logsOf(moa, hash)).to.deep.equal(rotated(buyer.address, next.address, 1, relayer.address));
    await expectMoved(buyer.address, next.address, 1);
  });

  it("rotates to and from smart accounts (EIP-1271)", async () => {
    const first = await create("Wallet1271", [newcomer.address]);
    await send(relayer, await signed(buyer, { to: first }), await signed(newcomer, { to: first }), {
      to: first,
    });
    await expectMoved(buyer.address, first, 1);

    const second = await create("Wallet1271", [afterNext.address]);
    const fields = { from: first, to: second };
    await send(relayer, await signed(newcomer, fields), await signed(afterNext, fields), fields);
    await expectMoved(first, second, 2);
    expect(await moa.registry.read.eoaAt([BUYER, 0])).to.equal(buyer.address);
    expect(await moa.registry.read.eoaAt([BUYER, 3])).to.equal(ZERO);
  });

  it("returns to a former EOA of the same agent", async () => {
    await rotate(moa, BUYER, buyer, next);
    await rotate(moa, BUYER, next, buyer);
    await expectMoved(next.address, buyer.address, 2);
  });

  it("T23 needs the present EOA's authority", async () => {
    const consent = await signed(next);
    const refused = [buyer.address];
    await reverts(send(next, "0x", consent), moa.registry, "InvalidSignature", refused);
    await reverts(send(relayer, "0x", consent), moa.registry, "InvalidSignature", refused);
    await reverts(send(relayer, await signed(stranger), consent), moa.registry, "InvalidSignature", refused);
    await reverts(send(relayer, consent, consent), moa.registry, "InvalidSignature", refused);
    expect(await moa.registry.read.eoaOf([BUYER])).to.equal(buyer.address);
  });

  it("T23 needs the new EOA's consent", async () => {
    const authority = await signed(buyer);
    const refused = [next.address];
    await reverts(send(buyer, "0x", "0x"), moa.registry, "InvalidSignature", refused);
    await reverts(send(buyer, authority, authority), moa.registry, "InvalidSignature", refused);
    await reverts(send(relayer, authority, "0x"), moa.registry, "InvalidSignature", refused);
    await reverts(
      send(relayer, authority, await signed(stranger)),
      moa.registry,
      "InvalidSignature",
      refused,
    );
    expect(await moa.registry.read.eoaOf([BUYER])).to.equal(buyer.address);
    expect(await moa.registry.read.nonces([buyer.address])).to.equal(0n);
  });

  it("refuses whatever was not signed so", async () => {
    const wrong: [string, Partial<Rotation>][] = [
      ["agent", { agentId: SELLER }],
      ["from", { from: seller.address }],
      ["to", { to: newcomer.address }],
      ["nonce", { nonce: 1n }],
      ["deadline", { deadline: message.deadline + 1n }],
    ];
    for (const [what, fields] of wrong) {
      const byFrom = send(next, await signed(buyer, fields), "0x");
      await reverts(byFrom, moa.registry, "InvalidSignature", [buyer.address]).catch((error: unknown) => {
        throw new Error(`${what}: ${error}`);
      });
      const byTo = send(buyer, "0x", await signed(next, fields));
      await reverts(byTo, moa.registry, "InvalidSignature", [next.address]).catch((error: unknown) => {
        throw new Error(`${what}: ${error}`);
      });
    }
  });

  it("refuses a rotation past its deadline", async () => {
    const [authority, consent] = [await signed(buyer), await signed(next)];
    const time = await nextBlockAt(message.deadline + 1n);
    const call = send(relayer, authority, consent);
    await reverts(call, moa.registry, "SignatureExpired", [message.deadline, time]);
  });

  it("refuses an agent that is not there", async () => {
    await reverts(send(buyer, "0x", "0x", { agentId: 9n }), moa.registry, "UnknownAgent", [9n]);
    await reverts(send(buyer, "0x", "0x", { agentId: 0n }), moa.registry, "UnknownAgent", [0n]);
  });

  it("T10 refuses the zero address, whose signature nobody can make", async () => {
    const zeros = `0x${"00".repeat(65)}` as const;
    for (const signature of [zeros, "0x"] as const) {
      const call = send(buyer, "0x", signature, { to: ZERO });
      await reverts(call, moa.registry, "InvalidSignature", [ZERO]);
    }
  });

  it("T23 refuses an EOA that is an agent's, or was another's", async () => {
    const taken = { to: seller.address };
    const toSeller = send(buyer, "0x", await signed(seller, taken), taken);
    await reverts(toSeller, moa.registry, "AddressAlreadyBound", [seller.address, SELLER]);
    const toItself = send(buyer, "0x", "0x", { to: buyer.address });
    await reverts(toItself, moa.registry, "AddressAlreadyBound", [buyer.address, BUYER]);

    await rotate(moa, SELLER, seller, afterNext);
    const toFormer = send(buyer, "0x", await signed(seller, taken), taken);
    await reverts(toFormer, moa.registry, "AddressRetired", [seller.address, SELLER]);
  });

  it("T23 is not repeated by the same signatures, even when the agent is back", async () => {
    const [authority, consent] = [await signed(buyer), await signed(next)];
    await send(relayer, authority, consent);
    await reverts(send(relayer, authority, consent), moa.registry, "InvalidSignature", [next.address]);
    await rotate(moa, BUYER, next, buyer);
    await reverts(send(relayer, authority, consent), moa.registry, "InvalidSignature", [buyer.address]);
  });

  describe("invalidateNonce", () => {
    it("voids what was signed with the present nonce", async () => {
      const authority = await signed(buyer);
      const hash = moa.registry.write.invalidateNonce(by(buyer));
      expect(await logsOf(moa, hash)).to.deep.equal([
        ["AgentRegistry.NonceInvalidated", { owner: buyer.address, nonce: 0n }],
      ]);
      expect(await moa.registry.read.nonces([buyer.address])).to.equal(1n);
      await reverts(send(next, authority, "0x"), moa.registry, "InvalidSignature", [buyer.address]);
      await send(next, await signed(buyer, { nonce: 1n }), "0x");
      await expectMoved(buyer.address, next.address, 1);
    });
  });
});
