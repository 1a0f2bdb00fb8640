/*
 * The registry's ABI against ERC-8004's reference contracts, version 2.0.0 (erc-8004/erc-8004-contracts, IdentityRegistryUpgradeable):
 * every function and event of an identity registry is there, with its selector, answers and indexed arguments. Not taken over are the
 * reference's own machinery: ownership, proxy and initialization.
 */
import { expect } from "chai";
import { type AbiEvent, type AbiFunction, toEventSelector, toFunctionSelector } from "viem";
import { agentRegistryAbi } from "../../sdk/abis/index.ts";

/** Selector, and the types that the function returns. */
const functions: Record<string, [selector: string, returns: string]> = {
  "register()": ["0x1aa3a008", "uint256"],
  "register(string)": ["0xf2c298be", "uint256"],
  "register(string,(string,bytes)[])": ["0x8ea42286", "uint256"],
  "setAgentURI(uint256,string)": ["0x0af28bd3", ""],
  "getMetadata(uint256,string)": ["0xcb4799f2", "bytes"],
  "setMetadata(uint256,string,bytes)": ["0x466648da", ""],
  "getAgentWallet(uint256)": ["0x00339509", "address"],
  "setAgentWallet(uint256,address,uint256,bytes)": ["0x2d1ef5ae", ""],
  "unsetAgentWallet(uint256)": ["0x3fddcf19", ""],
  "isAuthorizedOrOwner(address,uint256)": [
    toFunctionSelector("isAuthorizedOrOwner(address,uint256)"),
    "bool",
  ],
  "getVersion()": ["0x0d8e6e2c", "string"],
  "eip712Domain()": ["0x84b0196e", "bytes1,string,string,uint256,address,bytes32,uint256[]"],
  "name()": ["0x06fdde03", "string"],
  "symbol()": ["0x95d89b41", "string"],
  "tokenURI(uint256)": ["0xc87b56dd", "string"],
  "balanceOf(address)": ["0x70a08231", "uint256"],
  "ownerOf(uint256)": ["0x6352211e", "address"],
  "approve(address,uint256)": ["0x095ea7b3", ""],
  "getApproved(uint256)": ["0x081812fc", "address"],
  "setApprovalForAll(address,bool)": ["0xa22cb465", ""],
  "isApprovedForAll(address,address)": ["0xe985e9c5", "bool"],
  "transferFrom(address,address,uint256)": ["0x23b872dd", ""],
  "safeTransferFrom(address,address,uint256)": ["0x42842e0e", ""],
  "safeTransferFrom(address,address,uint256,bytes)": ["0xb88d4fde", ""],
  "supportsInterface(bytes4)": ["0x01ffc9a7", "bool"],
};

/** Topic, and which arguments are indexed. */
const events: Record<string, [topic: string, indexed: string]> = {
  "Registered(uint256,string,address)": [
    "0xca52e62c367d81bb2e328eb795f7c7ba24afb478408a26c0e201d155c449bc4a",
    "yes no yes",
  ],
  "MetadataSet(uint256,string,string,bytes)": [
    "0x2c149ed548c6d2993cd73efe187df6eccabe4538091b33adbd25fafdb8a1468b",
    "yes yes no no",
  ],
  "URIUpdated(uint256,string,address)": [
    "0x3a2c7fffc2cba7582c690e3b82c453ea02a308326a98a3ad7576c606336409fb",
    "yes no yes",
  ],
  "Transfer(address,address,uint256)": [
    "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
    "yes yes yes",
  ],
  "Approval(address,address,uint256)": [
    "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",
    "yes yes yes",
  ],
  "ApprovalForAll(address,address,bool)": [
    "0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31",
    "yes yes no",
  ],
  "MetadataUpdate(uint256)": ["0xf8e1a15aba9398e019f0b49df1a4fde98ee17ae345cb5f6b5e2c27f5033e8ce7", "no"],
  "BatchMetadataUpdate(uint256,uint256)": [
    "0x6bd5c950a8d8df17f772f5af37cb3655737899cbf903264b9795592da439661c",
    "no no",
  ],
};

const abi: readonly unknown[] = agentRegistryAbi;
const itemsOf = <T>(type: string) => abi.filter((item) => (item as { type: string }).type === type) as T[];

describe("AgentRegistry as ERC-8004 identity registry", () => {
  for (const [signature, [selector, returns]] of Object.entries(functions)) {
    it(`has ${signature}`, () => {
      const found = itemsOf<AbiFunction>("function").find((item) => toFunctionSelector(item) === selector);
      expect(toFunctionSelector(signature)).to.equal(selector);
      expect(found?.outputs.map(({ type }) => type).join()).to.equal(returns);
    });
  }

  for (const [signature, [topic, indexed]] of Object.entries(events)) {
    it(`has event ${signature}`, () => {
      const found = itemsOf<AbiEvent>("event").find((item) => toEventSelector(item) === topic);
      expect(toEventSelector(signature)).to.equal(topic);
      const flags = found?.inputs.map((input) => (input.indexed ? "yes" : "no"));
      expect(flags?.join(" ")).to.equal(indexed);
    });
  }
});
