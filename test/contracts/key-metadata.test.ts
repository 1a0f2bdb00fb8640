/*
 * name, symbol, tokenURI, supportsInterface, and the views of keys that are not there
 * ├── tokenURI                   JSON that names listing, version, holder, scopes and end
 * ├── supportsInterface          ERC-165, ERC-721 and metadata, ERC-4906, ERC-5192, ERC-7858
 * └── given no such key          keyInfo, locked, startTime, endTime, isTokenExpired, tokenURI revert UnknownKey;
 *                                ownerOf reverts ERC721NonexistentToken; balanceOf of the zero address ERC721InvalidOwner
 */
import { expect } from "chai";
import { type AbiEvent, toEventSelector } from "viem";
import { experienceKeyAbi } from "../../sdk/abis/index.ts";
import { loadFixture } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { type Moa, people } from "./support/deploy.ts";
import { BUYER, deployMarket, keyOf, rotate, Scopes, sell, ZERO } from "./support/market.ts";

describe("ExperienceKey metadata", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  it("shows a key without asking any server", async () => {
    const { ekId, keyId } = await sell(moa, { keyTtl: 1000, scopes: Scopes.ALL });
    await rotate(moa, BUYER, people.buyer, people.next);
    const uri = await moa.keys.read.tokenURI([keyId]);
    const [prefix, body] = uri.split(",") as [string, string];
    expect(prefix).to.equal("data:application/json;base64");
    const { expiry } = await moa.keys.read.keyInfo([keyId]);
    expect(JSON.parse(Buffer.from(body, "base64").toString("utf8"))).to.deep.equal({
      name: `Experience Key for listing ${ekId}`,
      description: `The right to use version 1 of Experience ${ekId} on MOA.`,
      attributes: [
        { trait_type: "holder agent", value: "2" },
        { trait_type: "scopes", value: 31 },
        { display_type: "date", trait_type: "expires", value: expiry },
      ],
    });
  });

  it("says what it is", async () => {
    const { read } = moa.keys;
    expect(await read.name()).to.equal("MOA Experience Key");
    expect(await read.symbol()).to.equal("EK");
    expect(await read.registry()).to.equal(moa.registry.address);
    expect(await read.expiryType(), "time, not blocks").to.equal(1);
    const ids = {
      "ERC-165": "0x01ffc9a7",
      "ERC-721": "0x80ac58cd",
      "ERC-721 metadata": "0x5b5e139f",
      "ERC-4906": "0x49064906",
      "ERC-5192": "0xb45a3c0e",
      "ERC-7858": "0x3ebdfa31",
    } as const;
    for (const [erc, id] of Object.entries(ids)) {
      expect(await read.supportsInterface([id]), erc).to.equal(true);
    }
    expect(await read.supportsInterface(["0xffffffff"])).to.equal(false);
  });

  it("logs the standards' events", () => {
    const items: readonly { type: string }[] = experienceKeyAbi;
    const topics = items
      .filter(({ type }) => type === "event")
      .map((item) => toEventSelector(item as AbiEvent));
    for (const event of [
      "Transfer(address,address,uint256)",
      "Approval(address,address,uint256)",
      "ApprovalForAll(address,address,bool)",
      "MetadataUpdate(uint256)",
      "Locked(uint256)",
      "TokenExpiryUpdated(uint256,uint256,uint256)",
    ]) {
      expect(topics, event).to.include(toEventSelector(event));
    }
  });

  it("answers for keys that are not there with an error", async () => {
    const { read } = moa.keys;
    const keyId = keyOf(1n, BUYER);
    const views = [
      read.keyInfo,
      read.locked,
      read.startTime,
      read.endTime,
      read.isTokenExpired,
      read.tokenURI,
    ];
    for (const view of views) await reverts(view([keyId]), moa.keys, "UnknownKey", [keyId]);
    await reverts(read.ownerOf([keyId]), moa.keys, "ERC721NonexistentToken", [keyId]);
    await reverts(read.balanceOf([ZERO]), moa.keys, "ERC721InvalidOwner", [ZERO]);
    expect(await read.balanceOf([people.stranger.address])).to.equal(0n);
  });
});
