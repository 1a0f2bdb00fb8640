/*
 * setAgentURI(agentId, uri), setMetadata(agentId, key, value)
 * ├── given no such agent              reverts UnknownAgent(agentId)
 * ├── when not called by its EOA       reverts NotAgentOwner(agentId, caller)
 * ├── under the key agentWallet        reverts ReservedMetadataKey(key)
 * └── else                             stores; emits URIUpdated, MetadataSet
 *
 * approve, setApprovalForAll           revert ApprovalRefused(); getApproved is zero, isApprovedForAll false
 * views of an agent that is not there  eoaOf, getAgentWallet, isAuthorizedOrOwner revert UnknownAgent; ownerOf, tokenURI, getApproved
 *                                      revert ERC721NonexistentToken; balanceOf of the zero address reverts ERC721InvalidOwner
 * supportsInterface                    ERC-165, ERC-721 and its metadata, ERC-4906
 * eip712Domain                         ERC-8004's
 */
import { expect } from "chai";
import { keccak256, toHex } from "viem";
import { loadFixture } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import { BUYER, deployMarket, rotate, SELLER, ZERO } from "./support/market.ts";
import { domainOf } from "./support/sign.ts";

const { buyer, next, seller, stranger } = people;

describe("AgentRegistry profile", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  it("keeps the URI that the EOA sets", async () => {
    const hash = moa.registry.write.setAgentURI([SELLER, "ipfs://new"], by(seller));
    const args = { agentId: SELLER, newURI: "ipfs://new", updatedBy: seller.address };
    expect(await logsOf(moa, hash)).to.deep.equal([
      ["AgentRegistry.MetadataUpdate", { _tokenId: SELLER }],
      ["AgentRegistry.URIUpdated", args],
    ]);
    expect(await moa.registry.read.tokenURI([SELLER])).to.equal("ipfs://new");
    await rotate(moa, SELLER, seller, next);
    expect(await moa.registry.read.tokenURI([SELLER])).to.equal("ipfs://new");
    const former = moa.registry.write.setAgentURI([SELLER, ""], by(seller));
    await reverts(former, moa.registry, "NotAgentOwner", [SELLER, seller.address]);
    await moa.registry.write.setAgentURI([SELLER, ""], by(next));
    expect(await moa.registry.read.tokenURI([SELLER])).to.equal("");
  });

  it("keeps the metadata that the EOA sets", async () => {
    const hash = moa.registry.write.setMetadata([SELLER, "model", "0x01"], by(seller));
    const args = {
      agentId: SELLER,
      indexedMetadataKey: keccak256(toHex("model")),
      metadataKey: "model",
      metadataValue: "0x01",
    };
    expect(await logsOf(moa, hash)).to.deep.equal([["AgentRegistry.MetadataSet", args]]);
    expect(await moa.registry.read.getMetadata([SELLER, "model"])).to.equal("0x01");
    expect(await moa.registry.read.getMetadata([BUYER, "model"])).to.equal("0x");
    expect(await moa.registry.read.getMetadata([SELLER, "agentWallet"])).to.equal(
      seller.address.toLowerCase(),
    );
  });

  it("refuses the reserved key, other people's agents, and agents that are not there", async () => {
    const { write } = moa.registry;
    const reserved = write.setMetadata([SELLER, "agentWallet", "0x01"], by(seller));
    await reverts(reserved, moa.registry, "ReservedMetadataKey", ["agentWallet"]);
    const foreign = [SELLER, buyer.address];
    const metadata = write.setMetadata([SELLER, "model", "0x01"], by(buyer));
    await reverts(metadata, moa.registry, "NotAgentOwner", foreign);
    await reverts(write.setAgentURI([SELLER, "x"], by(buyer)), moa.registry, "NotAgentOwner", foreign);
    await reverts(write.setAgentURI([9n, "x"], by(buyer)), moa.registry, "UnknownAgent", [9n]);
    await reverts(write.setMetadata([9n, "x", "0x"], by(buyer)), moa.registry, "UnknownAgent", [9n]);
  });

  it("T24 takes no approvals: a leaked one would be a stolen identity", async () => {
    const { read } = moa.registry; // both are pure, and so calls in the ABI
    const one = read.approve([stranger.address, SELLER], by(seller));
    await reverts(one, moa.registry, "ApprovalRefused");
    const all = read.setApprovalForAll([stranger.address, true], by(seller));
    await reverts(all, moa.registry, "ApprovalRefused");
    expect(await read.getApproved([SELLER])).to.equal(ZERO);
    expect(await read.isApprovedForAll([seller.address, stranger.address])).to.equal(false);
    expect(await read.isAuthorizedOrOwner([seller.address, SELLER])).to.equal(true);
    expect(await read.isAuthorizedOrOwner([buyer.address, SELLER])).to.equal(false);
  });

  it("answers for agents that are not there as the standards say", async () => {
    const { read } = moa.registry;
    for (const agentId of [0n, 9n]) {
      await reverts(read.eoaOf([agentId]), moa.registry, "UnknownAgent", [agentId]);
      await reverts(read.getAgentWallet([agentId]), moa.registry, "UnknownAgent", [agentId]);
      const wallet = read.getMetadata([agentId, "agentWallet"]);
      await reverts(wallet, moa.registry, "UnknownAgent", [agentId]);
      const authorized = read.isAuthorizedOrOwner([ZERO, agentId]);
      await reverts(authorized, moa.registry, "UnknownAgent", [agentId]);
      await reverts(read.ownerOf([agentId]), moa.registry, "ERC721NonexistentToken", [agentId]);
      await reverts(read.tokenURI([agentId]), moa.registry, "ERC721NonexistentToken", [agentId]);
      await reverts(read.getApproved([agentId]), moa.registry, "ERC721NonexistentToken", [agentId]);
      expect(await read.eoaAt([agentId, 0])).to.equal(ZERO);
      expect(await read.epochOf([agentId])).to.equal(0);
    }
    await reverts(read.balanceOf([ZERO]), moa.registry, "ERC721InvalidOwner", [ZERO]);
    expect(await read.balanceOf([stranger.address])).to.equal(0n);
    expect(await read.agentOf([stranger.address])).to.equal(0n);
    expect(await read.agentOf([ZERO])).to.equal(0n);
    expect(await read.lastAgentOf([stranger.address])).to.equal(0n);
  });

  it("says what it is", async () => {
    const { read } = moa.registry;
    expect(await read.name()).to.equal("MOA Agent");
    expect(await read.symbol()).to.equal("MOAA");
    for (const id of ["0x01ffc9a7", "0x80ac58cd", "0x5b5e139f", "0x49064906"] as const) {
      expect(await read.supportsInterface([id]), id).to.equal(true);
    }
    expect(await read.supportsInterface(["0xffffffff"])).to.equal(false);
    expect(await read.getVersion()).to.equal("2.0.0");
    const [fields, name, version, chainId, verifyingContract] = await read.eip712Domain();
    expect([fields, name, version]).to.deep.equal(["0x0f", "ERC8004IdentityRegistry", "1"]);
    expect(Number(chainId)).to.equal(domainOf(moa).chainId);
    expect(verifyingContract).to.equal(moa.registry.address);
  });
});
