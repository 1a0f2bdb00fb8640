/*
 * name, symbol, tokenURI, and the views of keys that are not there (interface ids: key-erc721.test.ts)
 * ├── tokenURI                   JSON that names listing, version, holder, scopes and end
 * └── given no such key          keyInfo, locked, startTime, endTime, isTokenExpired, tokenURI revert UnknownKey;
 *                                ownerOf reverts ERC721NonexistentToken; balanceOf of the zero address ERC721InvalidOwner
 */
import { expect } from "chai";
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
