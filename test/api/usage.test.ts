import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair } from "jose";
import type { UsageEvent } from "../../sdk/wire/public.ts";
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
  let sellerId: bigint;

  before(async () => {
    const pair = await generateKeyPair("EdDSA");
    gateway = pair.privateKey;
    const { x } = await exportJWK(pair.publicKey);
    const seller = await shared.api.market.join();
    sellerId = seller.agentId;
    const access_policy = { gateway: "http://127.0.0.1:8788", token_scheme: "jwt", gateway_key: String(x) };
    number = await shared.api.market.list(seller.account, {}, summaryText({ access_policy }));
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

  it("refuses a batch that is none", async () => {
    for (const body of [{}, { events: [] }, { events: [1] }]) {
      expectError(await shared.api.ask("/gateway/events", { body }), "INVALID_REQUEST", 400);
    }
  });
});
