/*
 * register(), register(uri), register(uri, metadata)
 * ├── given an EOA that was never an agent's   makes it agent n + 1; emits Transfer, Registered, MetadataSet of agentWallet
 * │   ├── with a URI                           stores it
 * │   └── with metadata                        stores each entry and emits MetadataSet
 * │       └── under the key agentWallet        reverts ReservedMetadataKey(key)
 * ├── given an agent's EOA                     reverts AddressAlreadyBound(eoa, agentId)
 * └── given an agent's former EOA              reverts AddressRetired(eoa, agentId)
 *
 * registerFor(eoa, uri, deadline, signature)
 * ├── when past the deadline                   reverts SignatureExpired(deadline, time)
 * ├── when another URI, EOA or nonce was signed  reverts InvalidSignature(eoa)
 * ├── given the zero address                   reverts InvalidSignature(0)
 * └── with the EOA's signature, by anyone      registers it and uses up its nonce
 *     ├── at the deadline itself               likewise
 *     ├── given a smart account (EIP-1271)     likewise
 *     └── given an EOA with code (EIP-7702)    its own key is enough
 */
import { expect } from "chai";
import { encodePacked, keccak256, toHex } from "viem";
import { loadFixture, networkHelpers, nextBlockAt, now, publicClient } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, create, deployMoa, type Moa, people } from "./support/deploy.ts";
import { rotate, ZERO } from "./support/market.ts";
import { domainOf, type Registration, sign } from "./support/sign.ts";

const { bystander, newcomer, next, relayer, stranger } = people;

describe("AgentRegistry.register", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMoa);
  });

  function joined(agentId: bigint, owner: `0x${string}`, agentURI: string) {
    const packed = encodePacked(["address"], [owner]);
    const wallet = metadataSet(agentId, "agentWallet", packed);
    return [
      ["AgentRegistry.Transfer", { from: ZERO, to: owner, tokenId: agentId }],
      ...(agentURI === "" ? [] : [["AgentRegistry.MetadataUpdate", { _tokenId: agentId }]]),
      ["AgentRegistry.Registered", { agentId, agentURI, owner }],
      wallet,
    ];
  }

  function metadataSet(agentId: bigint, metadataKey: string, metadataValue: string) {
    const indexedMetadataKey = keccak256(toHex(metadataKey));
    return ["AgentRegistry.MetadataSet", { agentId, indexedMetadataKey, metadataKey, metadataValue }];
  }

  it("makes the caller the next agent, both ways", async () => {
    await moa.registry.write.register(by(stranger));
    const hash = await moa.registry.write.register(by(newcomer));
    expect(await logsOf(moa, hash)).to.deep.equal(joined(2n, newcomer.address, ""));
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(2n);
    expect(await moa.registry.read.bindingOf([newcomer.address])).to.deep.equal([2n, 0]);
    expect(await moa.registry.read.lastAgentOf([newcomer.address])).to.equal(2n);
    expect(await moa.registry.read.eoaOf([2n])).to.equal(newcomer.address);
    expect(await moa.registry.read.ownerOf([2n])).to.equal(newcomer.address);
    expect(await moa.registry.read.balanceOf([newcomer.address])).to.equal(1n);
    expect(await moa.registry.read.tokenURI([2n])).to.equal("");
    expect(await moa.registry.read.agentCount()).to.equal(2n);
  });

  it("stores a URI", async () => {
    const hash = await moa.registry.write.register(["ipfs://me"], by(newcomer));
    expect(await logsOf(moa, hash)).to.deep.equal(joined(1n, newcomer.address, "ipfs://me"));
    expect(await moa.registry.read.tokenURI([1n])).to.equal("ipfs://me");
  });

  it("stores metadata", async () => {
    const entries = [
      { metadataKey: "name", metadataValue: "0x6d65" as const },
      { metadataKey: "", metadataValue: "0x" as const },
    ];
    const hash = await moa.registry.write.register(["ipfs://me", entries], by(newcomer));
    expect(await logsOf(moa, hash)).to.deep.equal([
      ...joined(1n, newcomer.address, "ipfs://me"),
      metadataSet(1n, "name", "0x6d65"),
      metadataSet(1n, "", "0x"),
    ]);
    expect(await moa.registry.read.getMetadata([1n, "name"])).to.equal("0x6d65");
  });

  it("refuses metadata under the reserved key, and registers nobody", async () => {
    const entries = [{ metadataKey: "agentWallet", metadataValue: "0x6d65" as const }];
    const call = moa.registry.write.register(["", entries], by(newcomer));
    await reverts(call, moa.registry, "ReservedMetadataKey", ["agentWallet"]);
    expect(await moa.registry.read.agentCount()).to.equal(0n);
  });

  it("refuses an EOA that has an agent", async () => {
    await moa.registry.write.register(by(newcomer));
    const again = [newcomer.address, 1n];
    await reverts(moa.registry.write.register(by(newcomer)), moa.registry, "AddressAlreadyBound", again);
    await reverts(
      moa.registry.write.register([""], by(newcomer)),
      moa.registry,
      "AddressAlreadyBound",
      again,
    );
    const full = moa.registry.write.register(["", []], by(newcomer));
    await reverts(full, moa.registry, "AddressAlreadyBound", again);
  });

  it("T31 refuses an EOA that had an agent", async () => {
    await moa.registry.write.register(by(newcomer));
    await rotate(moa, 1n, newcomer, next);
    const retired = [newcomer.address, 1n];
    await reverts(moa.registry.write.register(by(newcomer)), moa.registry, "AddressRetired", retired);
  });

  describe("registerFor", () => {
    let message: Registration;
    beforeEach(async () => {
      message = { agent: newcomer.address, agentURI: "ipfs://me", nonce: 0n, deadline: (await now()) + 600n };
    });

    async function relay(fields: Partial<Registration> = {}, signed: Partial<Registration> = {}) {
      const signature = await sign(newcomer, domainOf(moa), "Registration", { ...message, ...signed });
      const { agent, agentURI, deadline } = { ...message, ...fields };
      return moa.registry.write.registerFor([agent, agentURI, deadline, signature], by(relayer));
    }

    it("registers an EOA by its signature, whoever relays it", async () => {
      expect(await logsOf(moa, relay())).to.deep.equal(joined(1n, newcomer.address, "ipfs://me"));
      expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(1n);
      expect(await moa.registry.read.agentOf([relayer.address])).to.equal(0n);
      expect(await moa.registry.read.nonces([newcomer.address])).to.equal(1n);
      expect(await moa.registry.read.tokenURI([1n])).to.equal("ipfs://me");
    });

    it("takes the deadline as inclusive", async () => {
      const deadline = (await now()) + 10n;
      await nextBlockAt(deadline);
      await relay({ deadline }, { deadline });
      expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(1n);
    });

    it("refuses a signature past its deadline", async () => {
      const time = await nextBlockAt(message.deadline + 1n);
      await reverts(relay(), moa.registry, "SignatureExpired", [message.deadline, time]);
    });

    it("refuses whatever was not signed so", async () => {
      const wrong: [string, Partial<Registration>, Partial<Registration>][] = [
        ["URI", { agentURI: "ipfs://you" }, {}],
        ["deadline", { deadline: message.deadline + 1n }, {}],
        ["nonce", {}, { nonce: 1n }],
        ["agent", {}, { agent: stranger.address }],
      ];
      for (const [what, fields, signed] of wrong) {
        const call = relay(fields, signed);
        await reverts(call, moa.registry, "InvalidSignature", [newcomer.address]).catch((error: unknown) => {
          throw new Error(`${what}: ${error}`);
        });
      }
      const other = relay({ agent: stranger.address });
      await reverts(other, moa.registry, "InvalidSignature", [stranger.address]);
      expect(await moa.registry.read.nonces([newcomer.address])).to.equal(0n);
      expect(await moa.registry.read.agentCount()).to.equal(0n);
    });

    it("T10 refuses to register the zero address", async () => {
      await reverts(relay({ agent: ZERO }), moa.registry, "InvalidSignature", [ZERO]);
    });

    it("refuses an agent's EOA", async () => {
      await moa.registry.write.register(by(newcomer));
      await reverts(relay(), moa.registry, "AddressAlreadyBound", [newcomer.address, 1n]);
    });

    it("registers a smart account by its owner's signature (EIP-1271)", async () => {
      const wallet = await create("Wallet1271", [newcomer.address]);
      await relay({ agent: wallet }, { agent: wallet });
      expect(await moa.registry.read.agentOf([wallet])).to.equal(1n);
      expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(0n);
      expect(await moa.registry.read.nonces([wallet])).to.equal(1n);
    });

    it("T10 refuses a smart account that writes when it is asked for a signature", async () => {
      const wallet = await create("HostileReceiver");
      await reverts(relay({ agent: wallet }), moa.registry, "InvalidSignature", [wallet]);
    });

    it("takes the own key of an EOA that delegates to code (EIP-7702)", async () => {
      // Nobody else in the tests: code that is set on a snapshot's own block outlives the snapshot.
      const code = await publicClient.getCode({ address: moa.usdc.address });
      await networkHelpers.setCode(bystander.address, code ?? "0x");
      const { agentURI, deadline } = message;
      const own = { ...message, agent: bystander.address };
      const signature = await sign(bystander, domainOf(moa), "Registration", own);
      await moa.registry.write.registerFor([bystander.address, agentURI, deadline, signature], by(relayer));
      expect(await moa.registry.read.agentOf([bystander.address])).to.equal(1n);
    });
  });
});
