import { expect } from "chai";
import { z } from "zod";
import { processVariables } from "../../ops/env.ts";
import { createLog, type Level, withLogFields } from "../../ops/log.ts";

/*
the log
├── one line of JSON per event, with what surrounds it; levels
├── T54 secrets     by name, by form, by value, however deep: nothing of them is written
└── what is no secret stays as it is
*/
describe("ops: the log", () => {
  const jws = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlcGxhbnRlZA";
  const signature = `0x${"5a".repeat(65)}`;
  const relayerKey = `0x${"Ab12".repeat(16)}`;

  const logged = (fields: Record<string, unknown>, { level }: { level?: Level } = {}) => {
    let out = "";
    const write = (line: string) => {
      out += line;
    };
    const secrets = [relayerKey, "sk_of_nobody", "p4$$(word)", "rpc-key/abcdefgh"];
    createLog({ write, secrets, ...(level && { level }) })("info", "tried", fields);
    return out;
  };

  it("is one line of JSON per event, with the fields of what it happened in", async () => {
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line), level: "info" });
    await withLogFields({ request_id: "req_1" }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      log("warn", "deep\nwithin", { amount: 12n, error: new TypeError("no", { cause: new Error("why") }) });
      log("debug", "not now");
    });
    log("info", "outside");
    expect(lines).to.have.length(2);
    const [inside, outside] = lines.map((line) => JSON.parse(line));
    expect(inside).to.include({ level: "warn", event: "deep\nwithin", request_id: "req_1", amount: "12" });
    expect(inside.error).to.include({ name: "TypeError", message: "no" });
    expect(inside.error.cause.message).to.equal("why");
    expect(outside).not.to.have.property("request_id");
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(JSON.parse(logged({ circle })).unwritable).to.contain("circular");
  });

  it("T54 writes no token, signature, key, card, password or ticket, wherever it stands", () => {
    const secrets: Record<string, unknown> = {
      jws,
      "base64 of a payment": Buffer.from(JSON.stringify({ payload: "planted" })).toString("base64"),
      paseto: "v4.public.cGxhbnRlZHBsYW50ZWQ.Zm9v",
      signature,
      "signed transaction": `0x02f8${"ab".repeat(100)}`,
      "configured key": relayerKey,
      "configured key without 0x, in another case": relayerKey.slice(2).toLowerCase(),
      "configured password": "p4$$(word)",
      "configured path": "https://rpc.example/rpc-key/abcdefgh",
      "URL with a password": "postgres://moa:pl4nted@db.example/moa",
      "bearer header": "Bearer plantedplantedplanted",
      "Stripe's client secret": "pi_3Example_secret_planted",
      "Stripe's key": "sk_live_planted",
      "webhook secret": "whsec_planted",
      card: "4242 4242 4242 4242",
      "ticket in a URL": "/stream/me/events?ticket=planted&x=1",
      "presigned URL": "https://gateway.example/exp/ek/items/a?signed=planted",
    };
    const needles = [
      ...[
        "eyJ",
        "planted",
        "pl4nted",
        "cGxhbnRl",
        "5a5a5a",
        "abababab",
        "AB12AB12",
        "p4$$",
        "abcdefgh",
        "4242 4242",
      ],
    ];
    const places: ((value: unknown) => Record<string, unknown>)[] = [
      (value) => ({ text: value }),
      (value) => ({ text: `before ${value}, after` }),
      (value) => ({ deep: [{ list: ["x", { inner: value }] }] }),
      (value) => ({ error: new Error(`refused: ${value}`, { cause: new Error(String(value)) }) }),
    ];
    for (const [what, value] of Object.entries(secrets)) {
      for (const place of places) {
        const line = logged(place(value));
        for (const needle of needles) {
          expect(line.toLowerCase(), what).not.to.contain(needle.toLowerCase());
        }
      }
    }
    const named = [
      "authorization",
      "Cookie",
      "DPoP",
      "signature",
      "client_secret",
      "privateKey",
      "password",
      "cvc",
    ];
    for (const name of [
      ...named,
      "access_token",
      "token",
      "PAYMENT-SIGNATURE",
      "private_jwk",
      "raw",
      "ticket",
    ]) {
      expect(logged({ [name]: "plain" }), name).not.to.contain("plain");
      expect(logged({ headers: { [name]: ["plain"] } }), name).not.to.contain("plain");
    }
    expect(logged({ jwk: { kty: "OKP", x: "seen", d: "plain" } }))
      .to.contain("seen")
      .and.not.to.contain("plain");
    expect(logged({ parts: { r: "plain", s: "plain", v: 27 } })).not.to.contain("plain");
  });

  it("leaves what is no secret", () => {
    const harmless = {
      token: `0x${"ee".repeat(20)}`,
      tx: `0x${"f1".repeat(32)}`,
      quote_id: `0x${"01".repeat(32)}`,
      amount: "4242424242424243",
      key_id: "key_31337_1_2_0",
      gateway_key: "rbYmv8ohn9yj0LLKbVtTShjCdLMmRIaOLFFAMcvMpjA",
      agent: "agt_31337_7",
      jti: "22222222-2222-4222-8222-222222222222",
      path: "/listings/ek_31337_1/quote",
      intent: "pi_3Example",
      at: "at file:///srv/api/server.ts:12:3",
    };
    expect(JSON.parse(logged(harmless))).to.include(harmless);
  });

  it("metrics can't be put where the world reaches them", () => {
    const host = z.object(processVariables).pick({ METRICS_HOST: true });
    for (const inside of ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "fd00::1"]) {
      expect(host.safeParse({ METRICS_HOST: inside }).success, inside).to.equal(true);
    }
    for (const outside of ["0.0.0.0", "::", "8.8.8.8", "2606:4700::1111", "example.com", "localhost"]) {
      expect(host.safeParse({ METRICS_HOST: outside }).success, outside).to.equal(false);
    }
  });
});
