/** What sellers, agents and validators write goes into the chain unread. Nothing of it may stop the indexer. */
import { expect } from "chai";
import { eq } from "drizzle-orm";
import {
  type Abi,
  concat,
  createWalletClient,
  encodeAbiParameters,
  getAbiItem,
  type Hex,
  http,
  keccak256,
  type PrivateKeyAccount,
  stringToBytes,
  toFunctionSelector,
  toHex,
} from "viem";
import * as tables from "../../indexer/ponder.schema.ts";
import { readProfile } from "../../indexer/src/profile.ts";
import { readSummary } from "../../indexer/src/summary.ts";
import { catalogAbi } from "../../sdk/abis/index.ts";
import * as ids from "../../sdk/ids.ts";
import { registrationUri } from "../../sdk/registration.ts";
import { contentOf, summaryText } from "../support/market.ts";
import { useMarket } from "../support/use-market.ts";

const ekOf = (ekId: bigint) => ids.ekId.serialize({ chainId: 31337, ekId });
const agtOf = (agentId: bigint) => ids.agentId.serialize({ chainId: 31337, agentId });
const freshness = (created_at: string, recommended_ttl_days?: number) => ({
  freshness: { created_at, recommended_ttl_days },
});
const access = (change: object) => ({
  access_policy: { gateway: "http://127.0.0.1:8788", token_scheme: "jwt", ...change },
});

/** Summaries that are refused, each with its reason. */
const refused: [name: string, text: string, fault: RegExp][] = [
  ["no JSON", "{", /^the summary is not JSON$/],
  ["a raw NUL", summaryText({ title: "x" }).replace("x", "\0"), /^the summary is not JSON$/],
  ["null", "null", /^the summary: .*expected object/],
  ["a list", "[]", /^the summary: .*expected object/],
  ["8,000 brackets", "[".repeat(8_000) + "]".repeat(8_000), /^the summary: /],
  ["nothing in it", "{}", /^title: /],
  ["a prototype", '{"__proto__":{"title":"x"}}', /^title: /],
  ["a number for a title", summaryText({ title: 5 as never }), /^title: /],
  ["an empty title", summaryText({ title: "  " }), /^title: /],
  ["a huge title", summaryText({ title: "x".repeat(12_000) }), /^title: /],
  ["a huge domain", summaryText({ domain: "x".repeat(12_000) }), /^domain: /],
  ["an escaped NUL", summaryText({ title: "a\0b" }), /^title: holds a NUL/],
  ["a NUL in a list", summaryText({ modality: ["a\0b"] }), /^modality: holds a NUL/],
  ["half a surrogate pair", summaryText().replace("Rain in", "\\ud800"), /^title: .*surrogate/],
  ["no list of modalities", summaryText({ modality: "table" as never }), /^modality: /],
  ["1,000 modalities", summaryText({ modality: Array.from({ length: 1000 }, () => "m") }), /^modality: /],
  [
    "a path for an item id",
    summaryText({ content_preview: { preview_item_id: "../x" } }),
    /^content_preview/,
  ],
  ["a time that is none", summaryText(freshness("yesterday")), /^freshness.created_at: /],
  ["30 February", summaryText(freshness("2026-02-30T00:00:00Z")), /^freshness.created_at: /],
  [
    "a number that no integer column holds",
    summaryText(freshness("2026-02-01T00:00:00Z", 1e12)),
    /^freshness/,
  ],
  [
    "a script for a gateway",
    summaryText(access({ gateway: "javascript:alert(1)" })),
    /^access_policy.gateway: /,
  ],
  ["a gateway key that is none", summaryText(access({ gateway_key: "x" })), /^access_policy.gateway_key: /],
];

/** Text that is fine and hard to store: what COPY and SQL give a meaning to. */
const HOSTILE = `\\N \\. \\x41 \t \n \r \b \f \v ' " ; -- $$ {a,"b"} \u2028 ‮ 🐳 \u0007`;

describe("indexer: what strangers wrote", () => {
  describe("readSummary", () => {
    for (const [name, text, fault] of refused) {
      it(`refuses ${name}`, () => {
        const reading = readSummary(text, keccak256(stringToBytes(text)));
        expect(reading.indexable).to.equal(false);
        expect(reading.fault).to.match(fault);
        expect(Object.values(reading.fields).every((field) => field === null)).to.equal(true);
      });
    }

    it("refuses text whose hash is another's: its bytes were no UTF-8", () => {
      expect(readSummary(summaryText(), keccak256("0x00")).fault).to.equal("the summary is not UTF-8");
    });

    it("keeps the fault short, whatever the text", () => {
      const text = JSON.stringify({
        ...JSON.parse(summaryText()),
        content_preview: { preview_item_id: "x".repeat(9_000) },
      });
      expect(readSummary(text, keccak256(stringToBytes(text))).fault?.length).to.be.at.most(200);
    });

    it("takes hostile text as text, and ignores what it does not know", () => {
      const text = summaryText({ summary: HOSTILE, more: { deep: [1] } });
      const reading = readSummary(text, keccak256(stringToBytes(text)));
      expect(reading.fault).to.equal(null);
      expect(reading.fields.summary).to.equal(HOSTILE.trim());
    });
  });

  describe("readProfile", () => {
    const none = { displayName: null, agentType: null };
    const plain = (value: unknown) => `data:application/json,${encodeURIComponent(JSON.stringify(value))}`;

    it("reads base64 and percent-encoded registration files", () => {
      expect(readProfile(registrationUri({ name: "Zoë", type: "human" }))).to.deep.equal({
        displayName: "Zoë",
        agentType: "human",
      });
      expect(readProfile(plain({ name: "Zoë" }))).to.deep.equal({ displayName: "Zoë", agentType: null });
    });

    it("takes each field for itself: an unknown type does not hide the name", () => {
      expect(readProfile(plain({ name: "A", agentType: "god" }))).to.deep.equal({
        displayName: "A",
        agentType: null,
      });
      expect(readProfile(plain({ name: 7, agentType: "human" }))).to.deep.equal({
        displayName: null,
        agentType: "human",
      });
    });

    for (const uri of [
      "",
      "https://a.example/me.json",
      "data:text/html,<script>",
      "data:application/json,%E0%A4%A",
      "data:application/json,{",
      "data:application/json;base64,!!!!",
      plain(null),
      plain([]),
      plain({ name: "a\0b" }),
      plain({ name: "\ud800" }),
      plain({ name: "a\u001b[31mred" }),
      plain({ name: "x".repeat(65) }),
    ]) {
      it(`has nothing from ${JSON.stringify(uri.slice(0, 60))}`, () => {
        expect(readProfile(uri)).to.deep.equal(none);
      });
    }
  });

  describe("on the real indexer", () => {
    const shared = useMarket();

    const rowOf = async (ekId: bigint) => {
      await shared.index.caughtUp();
      const { listing } = tables;
      const [row] = await shared.index.db
        .select()
        .from(listing)
        .where(eq(listing.id, ekOf(ekId)));
      if (!row) throw new Error(`Listing ${ekId} has no row.`);
      return row;
    };

    it("a malformed summary makes its listing unfindable, with the reason, and the next listing is read", async () => {
      const { market } = shared;
      const { account } = await market.join();
      const made: [name: string, ekId: bigint, fault: RegExp][] = [];
      for (const [name, text, fault] of refused)
        made.push([name, await market.list(account, {}, text), fault]);
      const good = await market.list(account);
      for (const [name, ekId, fault] of made) {
        const row = await rowOf(ekId);
        expect(row.fault, name).to.match(fault);
        expect([row.indexable, row.title, row.status], name).to.deep.equal([false, null, "active"]);
      }
      expect((await rowOf(good)).indexable).to.equal(true);
    });

    it("bytes that are no UTF-8 are refused", async () => {
      const { market, run } = shared;
      const { account } = await market.join();
      const before = await market.client.readContract({
        ...market.contracts.catalog,
        functionName: "listingCount",
      });
      const bytes: Hex = concat([toHex(summaryText({ title: "x" }).slice(0, 30)), "0xc328ff", "0xeda080"]);
      await listBytes(account, run.rpcUrl, bytes);
      const row = await rowOf(before + 1n);
      expect([row.indexable, row.fault]).to.deep.equal([false, "the summary is not UTF-8"]);
      expect(row.summaryHash).to.equal(keccak256(bytes));
    });

    it("a summary that is elsewhere leaves the listing unfindable", async () => {
      const { market } = shared;
      const { account } = await market.join();
      const content = { ...contentOf(""), uri: "ipfs://x\0y", summaryHash: keccak256("0x01") };
      const { catalog } = market.contracts;
      const { result: ekId } = await market.send(account, catalog, "list", [0n, market.terms(), content]);
      expect(await rowOf(ekId)).to.include({
        indexable: false,
        fault: "the summary is not on chain",
        uri: "ipfs://x\ufffdy",
      });
    });

    it("a new version with a good summary is found, and one with a bad summary is lost again", async () => {
      const { market, index } = shared;
      const { account, agentId } = await market.join();
      const domain = `mended ${agentId}`;
      const countOf = async () => {
        await index.caughtUp();
        const { domainCount } = tables;
        const [row] = await index.db.select().from(domainCount).where(eq(domainCount.domain, domain));
        return row?.listings;
      };
      const ekId = await market.list(account, {}, "{");
      expect(await countOf()).to.equal(undefined);
      await market.update(account, ekId, {}, summaryText({ domain }));
      expect(await countOf()).to.equal(1);
      await market.update(account, ekId, {}, "[]");
      expect(await countOf()).to.equal(0);
      expect(await rowOf(ekId)).to.include({ indexable: false, title: null, version: 3 });
    });

    it("hostile text is stored as it is, one listing at a time and in bulk", async () => {
      const { market, index } = shared;
      const { account, agentId } = await market.join();
      const { catalog } = market.contracts;
      const text = summaryText({
        title: HOSTILE,
        summary: HOSTILE,
        license: HOSTILE,
        output_artifacts: [HOSTILE],
      });
      const first = await market.list(account, {}, text);
      // Above 20 rows of one block Ponder writes by COPY.
      await mineTogether(() =>
        Promise.all(
          Array.from({ length: 25 }, async (_, i) => {
            const nonce = i + (await market.client.getTransactionCount({ address: account.address }));
            return createWalletClient({ account, transport: http(shared.run.rpcUrl) }).writeContract({
              ...{ ...catalog, functionName: "list", args: [0n, market.terms(), contentOf(text)] },
              ...{ chain: null, nonce, gas: 2_000_000n },
            } as never);
          }),
        ),
      );
      await index.caughtUp();
      const { listing } = tables;
      const rows = await index.db
        .select()
        .from(listing)
        .where(eq(listing.sellerId, agtOf(agentId)));
      expect(rows).to.have.length(26);
      expect(
        new Set(rows.map(({ createdAt, id }) => (id === ekOf(first) ? "first" : createdAt))).size,
      ).to.equal(2);
      for (const row of rows) {
        expect([row.title, row.license, row.outputArtifacts, row.summaryJson]).to.deep.equal([
          HOSTILE.trim(),
          HOSTILE,
          [HOSTILE],
          text,
        ]);
      }
      expect(rows.map(({ id }) => id)).to.include(ekOf(first));
    });

    it("NULs in an agent's URI and in a label's text are replaced", async () => {
      const { market, index } = shared;
      const { account: seller } = await market.join();
      const { account, agentId } = await market.join("https://a.example/\0");
      const ekId = await market.list(seller);
      const input = market.labelInput(ekId, { tags: ["\0", HOSTILE.slice(0, 8)], summary: `${HOSTILE}\0` });
      await market.send(account, market.contracts.labels, "label", [agentId, input]);
      await index.caughtUp();
      const { agent, label } = tables;
      const [a] = await index.db
        .select()
        .from(agent)
        .where(eq(agent.id, agtOf(agentId)));
      const [l] = await index.db
        .select()
        .from(label)
        .where(eq(label.ekId, ekOf(ekId)));
      expect(a?.agentUri).to.equal("https://a.example/\ufffd");
      expect([l?.tags, l?.summary]).to.deep.equal([["\ufffd", HOSTILE.slice(0, 8)], `${HOSTILE}\ufffd`]);
    });

    /** Sends transactions into one block. */
    async function mineTogether(send: () => Promise<unknown>) {
      const { client } = shared.market;
      await client.request({ method: "evm_setAutomine", params: [false] } as never);
      try {
        await send();
        await client.request({ method: "evm_mine" } as never);
      } finally {
        await client.request({ method: "evm_setAutomine", params: [true] } as never);
      }
    }

    /** Lists a summary that is any bytes: the call's ABI with `bytes` for `string`, which are encoded alike. */
    async function listBytes(account: PrivateKeyAccount, rpcUrl: string, bytes: Hex) {
      const { market } = shared;
      const list = getAbiItem({ abi: catalogAbi, name: "list" });
      const inputs = JSON.parse(
        JSON.stringify(list.inputs).replaceAll('"string"', '"bytes"'),
      ) as Abi[number] & [];
      const content = { ...contentOf(""), summary: bytes, uri: "0x", summaryHash: keccak256(bytes) };
      const data = concat([
        toFunctionSelector(list),
        encodeAbiParameters(inputs as never, [0n, market.terms(), content] as never),
      ]);
      const wallet = createWalletClient({ account, transport: http(rpcUrl) });
      const hash = await wallet.sendTransaction({ to: market.contracts.catalog.address, data, chain: null });
      await market.client.waitForTransactionReceipt({ hash });
    }
  });
});
