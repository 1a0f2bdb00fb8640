import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { CompactSign, type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { createWalletClient, type Hex, http, type PrivateKeyAccount, publicActions, zeroHash } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { hardhat } from "viem/chains";
import type { z } from "zod";
import { repoRoot } from "../../scripts/system/repo.ts";
import { receiptAnchorAbi } from "../../sdk/abis/index.ts";
import { anchorArguments, anchoredDay, anchoredGatewayId } from "../../sdk/anchor.ts";
import { countersign } from "../../sdk/countersignature.ts";
import { createDpopKey } from "../../sdk/dpop.ts";
import { type LeafProof, provesAbsence, verifyLeaf } from "../../sdk/receipt-proofs.ts";
import { receiptTree } from "../../sdk/receipt-tree.ts";
import { leafOf, type Receipt } from "../../sdk/receipts.ts";
import type { ReceiptDay, receiptProofSchema, UsageEvent } from "../../sdk/wire/public.ts";
import type { AgentReputation } from "../../sdk/wire/reputation.ts";
import { createIndexReader } from "../support/index-reader.ts";
import { summaryText } from "../support/market.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

type Outcome = { accepted: string[]; rejected: { event_id: string; reason: string }[] };

/*
POST /gateway/events
├── signed by the listing's gateway key   accepted, and counted once however often it comes
└── by another key, of another seller, unknown, malformed, in the future   rejected with the reason
*/
describe("api: usage events", () => {
  const shared = useApi();
  let gateway: CryptoKey;
  let number: bigint;
  let seller: PrivateKeyAccount;
  let thumbprint: Promise<string>;
  let sellerId: bigint;

  before(async () => {
    const pair = await generateKeyPair("EdDSA");
    gateway = pair.privateKey;
    const { x } = await exportJWK(pair.publicKey);
    thumbprint = calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x: String(x) });
    const joined = await shared.api.market.join();
    sellerId = joined.agentId;
    seller = joined.account;
    const access_policy = { gateway: "http://127.0.0.1:8788", token_scheme: "jwt", gateway_key: String(x) };
    number = await shared.api.market.list(seller, {}, summaryText({ access_policy }));
  });

  const event = (changes: Partial<UsageEvent> = {}): UsageEvent => ({
    event_id: randomUUID(),
    event_type: "UsageEvent",
    timestamp: new Date().toISOString(),
    ek_id: shared.api.ekIdOf(number),
    exp_id: "exp_rain",
    seller_id: `agt_31337_${sellerId}`,
    buyer_agent_id: "agt_31337_1",
    action: "fetch",
    item_id: "answer.csv",
    bytes: 120,
    latency_ms: 3,
    result: "ok",
    ...changes,
  });
  const sign = (payload: unknown, key = gateway) =>
    new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
      .setProtectedHeader({ alg: "EdDSA" })
      .sign(key);
  const send = (events: string[]) => shared.api.get<Outcome>("/gateway/events", { body: { events } });

  it("takes each event once, and counts it", async () => {
    const index = createIndexReader(shared.api.run);
    await index.caughtUp();
    await index.end();
    const events = [
      event(),
      event(),
      event({ action: "quote" }),
      event({ result: "denied", reason: "expired" }),
    ];
    const batch = await Promise.all(events.map((e) => sign(e)));
    const ids = events.map(({ event_id }) => event_id);
    for (const outcome of await Promise.all([send(batch), send(batch), send([...batch, ...batch])])) {
      expect([...new Set(outcome.accepted)]).to.deep.equal(ids);
      expect(outcome.rejected).to.deep.equal([]);
    }
    const { metrics } = await shared.api.get<{ metrics: object }>(`/listings/${shared.api.ekIdOf(number)}`);
    expect(metrics).to.include({ usage_count: 2, quote_count: 1 });
    // One buyer's two uses weigh one and a half.
    const { seller: role } = await shared.api.get<AgentReputation>(
      `/agents/agt_31337_${sellerId}/reputation`,
    );
    expect(role?.facts.receipts).to.include({ use_weight: 1_500 });
    expect(role?.score, "nobody bought what was used").to.equal(0);
  });

  it("rejects, with the reason, what it can't believe, and takes the rest of the batch", async () => {
    const { privateKey: foreign } = await generateKeyPair("EdDSA");
    const other = await shared.api.market.join();
    const keyless = await shared.api.market.list(other.account);
    const good = event();
    const wrong: [reason: RegExp, event: UsageEvent, key?: CryptoKey][] = [
      [/not signed by the listing's gateway_key/, event(), foreign],
      [/not the listing's seller/, event({ seller_id: `agt_31337_${other.agentId}` })],
      [/unknown listing/, event({ ek_id: "ek_31337_999999" })],
      [/unknown listing/, event({ ek_id: "ek_1_1" })],
      [
        /no gateway_key/,
        event({ ek_id: shared.api.ekIdOf(keyless), seller_id: `agt_31337_${other.agentId}` }),
      ],
      [/malformed: \/bytes/, event({ bytes: -1 })],
      [/NUL/, event({ item_id: "a\u0000b" })],
      [/surrogate/, event({ item_id: "\ud800" })],
      [/in the future/, event({ timestamp: new Date(Date.now() + 3_600_000).toISOString() })],
    ];
    const batch = await Promise.all(wrong.map(([, e, key]) => sign(e, key)));
    const outcome = await send([...batch, await sign(good), "no jws"]);
    expect(outcome.accepted).to.deep.equal([good.event_id]);
    expect(outcome.rejected).to.have.length(wrong.length + 1);
    wrong.forEach(([reason, { event_id }], i) => {
      expect(outcome.rejected[i]).to.include({ event_id });
      expect(outcome.rejected[i]?.reason).to.match(reason);
    });
    expect(outcome.rejected.at(-1)?.event_id).to.match(/^sha256:/);
  });

  /** What the API proves, the contract believes. */
  const anchorAndVerify = async (of: ReceiptDay, { leaf, index, path }: LeafProof) => {
    const { rpcUrl, deployment } = shared.api.run;
    const wallet = createWalletClient({
      account: seller,
      chain: hardhat,
      transport: http(rpcUrl),
      pollingInterval: 50,
    }).extend(publicActions);
    const at = { address: deployment.contracts.ReceiptAnchor, abi: receiptAnchorAbi };
    const args = anchorArguments(sellerId, of);
    const hash = await wallet.writeContract({ ...at, functionName: "anchor", args });
    await wallet.waitForTransactionReceipt({ hash });
    const [agent, id, day] = args;
    const verify = (n: bigint) =>
      wallet.readContract({ ...at, functionName: "verify", args: [agent, id, day, leaf, n, path] });
    expect(await verify(BigInt(index))).to.equal(true);
    expect(await verify(BigInt(1 - index))).to.equal(false);
  };

  it("keeps receipts, and proves what is among a day's and what is not", async () => {
    const day = new Date().toISOString().slice(0, 10);
    const key = await createDpopKey();
    const receipt = (n: number) => ({
      listing_id: `lst_31337_${number}_v1`,
      key_id: `key_31337_${number}_1_0`,
      chain: `key_31337_${number}_1_0`,
      number: n,
      jti: randomUUID(),
      request_hash: `sha256:${"a".repeat(64)}`,
      response_hash: `sha256:${"b".repeat(64)}`,
      jkt: key.jkt,
      watermark_id: "wm_1",
    });
    const events = [1, 2, 3].map((n) => event({ receipt: receipt(n) }));
    const [first = "", second = "", kept = ""] = await Promise.all(events.map((e) => sign(e)));
    const signed = await countersign(key, {
      receipt: events[0] as Receipt,
      jws: first,
      verdict: "received",
    });
    expect((await send([signed])).rejected[0]?.reason).to.match(/not here/);
    await Promise.all([send([first, second]), send([second, first])]);
    expect((await send([signed])).accepted).to.have.length(1);
    const forged = await countersign(await createDpopKey(), {
      receipt: events[1] as Receipt,
      jws: second,
      verdict: "received",
    });
    expect((await send([forged])).rejected[0]?.reason).to.match(/another key/);

    const path = `/gateways/${await thumbprint}/receipts/${day}`;
    const { root, count } = await shared.api.get<ReceiptDay>(path);
    expect({ root, count }).to.deep.equal({ root: receiptTree([first, second].map(leafOf)).root, count: 2 });
    const proofOf = (jws: string) =>
      shared.api.get<z.infer<typeof receiptProofSchema>>(`${path}/${leafOf(jws)}`);
    const there = await proofOf(second);
    if (!there.proof) throw new Error("no proof");
    expect(verifyLeaf(root as Hex, there.proof as LeafProof)).to.equal(true);
    await anchorAndVerify(await shared.api.get<ReceiptDay>(path), there.proof as LeafProof);
    const omitted = await proofOf(kept);
    expect(omitted).not.to.have.property("proof");
    const around = { before: omitted.before as LeafProof, after: omitted.after as LeafProof };
    expect(provesAbsence({ root: root as Hex, count }, leafOf(kept), around)).to.equal(true);
    const empty = await shared.api.get<ReceiptDay>(`${path.slice(0, -10)}2026-01-01`);
    expect([empty.root, empty.count]).to.deep.equal([zeroHash, 0]);
    expectError(await shared.api.ask(`${path.slice(0, -10)}yesterday`), "INVALID_REQUEST", 400);
  });

  it("anchors a day by the script, once both sides have the same of it", async () => {
    const { market, run } = shared.api;
    const key = generatePrivateKey();
    const account = privateKeyToAccount(key);
    await market.giveEther(account.address);
    const { result: agent } = await market.send(account, market.contracts.registry, "register", [""]);
    const timestamp = new Date(Date.now() - 86_400_000).toISOString();
    const day = timestamp.slice(0, 10);
    const chain = `key_31337_${number}_7_0`;
    const receipt = (n: number) => ({
      ...{ listing_id: `lst_31337_${number}_v1`, key_id: chain, chain, number: n, jti: randomUUID() },
      request_hash: `sha256:${"a".repeat(64)}`,
    });
    const jwss = await Promise.all([1, 2].map((n) => sign(event({ timestamp, receipt: receipt(n) }))));
    const mine = { gateway_id: await thumbprint, day, open: false };
    const { root } = receiptTree(jwss.map(leafOf));
    const here: ReceiptDay = { ...mine, root, count: 2 };
    const seller = createServer((req, res) => {
      res.writeHead(req.url === `/receipts/days/${day}` ? 200 : 404, { "content-type": "application/json" });
      res.end(JSON.stringify(here));
    }).listen(0, "127.0.0.1");
    await once(seller, "listening");
    const { port } = seller.address() as AddressInfo;
    const anchor = () =>
      promisify(execFile)(process.execPath, [join(repoRoot, "scripts/anchor-receipts.ts"), day], {
        env: {
          ...{ GATEWAY_URL: `http://127.0.0.1:${port}`, EXCHANGE_URL: run.apiUrl, RPC_URL: run.rpcUrl },
          ...{ DEPLOYMENT_FILE: run.deploymentFile, SELLER_KEY: key },
        },
      }).then(
        ({ stdout }) => stdout,
        ({ stderr }: { stderr: string }) => stderr,
      );
    try {
      await send(jwss.slice(0, 1));
      expect(await anchor(), "the exchange lacks one").to.include("wait until all have arrived");
      await send(jwss.slice(1));
      expect(await anchor()).to.match(
        new RegExp(`^2 receipts of ${day}, root ${root}, anchored by 0x[0-9a-f]{64}`),
      );
    } finally {
      seller.close();
    }
    const anchored = await market.client.readContract({
      ...market.contracts.anchor,
      functionName: "anchorOf",
      args: [agent, anchoredGatewayId(mine.gateway_id), anchoredDay(day)],
    });
    expect(anchored).to.include({ root, count: 2n });
  });

  it("takes a dispute, and counts it as no use", async () => {
    const dispute = event({ event_type: "DisputeEvent", result: "error", disputed: randomUUID() });
    expect((await send([await sign(dispute)])).accepted).to.deep.equal([dispute.event_id]);
  });

  it("refuses a batch that is none", async () => {
    for (const body of [{}, { events: [] }, { events: [1] }]) {
      expectError(await shared.api.ask("/gateway/events", { body }), "INVALID_REQUEST", 400);
    }
  });
});
