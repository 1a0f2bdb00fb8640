/** A stand-in for the exchange, on real HTTP: publishes keys, signs tokens, takes usage events. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CryptoKey,
  calculateJwkThumbprint,
  compactVerify,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from "jose";
import {
  CAPABILITY_ALG,
  type CapabilityClaims,
  signCapability,
  type TokenScheme,
} from "../../../sdk/capability.ts";
import { countersignedSchema, type UsageEvent, usageEventSchema } from "../../../sdk/wire/public.ts";
import type { RevocationFeed } from "../../../sdk/wire/revocations.ts";

export type TestKey = { privateKey: CryptoKey; kid: string; jwk: JWK };

export async function makeKey(): Promise<TestKey> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { privateKey, kid, jwk: { ...jwk, kid, alg: CAPABILITY_ALG, use: "sig" } };
}

/** What POST /gateway/events answers to a batch, given as the parsed events. */
export type EventsAnswer = (events: UsageEvent[]) => { status: number; body: unknown };

export const acceptAll: EventsAnswer = (events) => ({
  status: 200,
  body: { accepted: events.map(({ event_id }) => event_id), rejected: [] },
});

export type TestExchange = {
  url: string;
  key: TestKey;
  /** What JWKS publishes; the signing key alone at first. */
  published: TestKey[];
  keyFetches: number;
  /** What the feed of revocations says; an answer names all of it, whatever the cursor. */
  revoked: RevocationFeed;
  /** Every event of every batch that was answered, in order of arrival, repeated when it was sent again. */
  received: UsageEvent[];
  batches: number;
  answer: EventsAnswer;
  /** Public key `x` by which all events have to be signed; not checked while null. */
  gatewayKey: string | null;
  claims(over?: Partial<CapabilityClaims>): CapabilityClaims;
  token(over?: Partial<CapabilityClaims>, key?: TestKey, scheme?: TokenScheme): Promise<string>;
  /** Closes the port: connections are refused. Without effect when it is closed. */
  goDown(): Promise<void>;
  /** Listens again on the same port. */
  comeUp(): Promise<void>;
};

/** Starts an exchange on a free port. */
export async function startExchange(): Promise<TestExchange> {
  const key = await makeKey();
  const server = createServer((req, res) => {
    respond(exchange, req, res).catch((error) => {
      res.writeHead(500).end(String(error));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const exchange: TestExchange = {
    url,
    key,
    published: [key],
    keyFetches: 0,
    revoked: { tokens: [], kids: [], cursor: 0, more: false },
    received: [],
    batches: 0,
    answer: acceptAll,
    gatewayKey: null,
    claims: (over) => makeClaims(url, over),
    token: (over, by = key, scheme = "jwt") => signCapability(makeClaims(url, over), by, scheme),
    async goDown() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
    async comeUp() {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
  };
  return exchange;
}

export function makeClaims(issuer: string, over: Partial<CapabilityClaims> = {}): CapabilityClaims {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    sub: "agt_31337_2",
    aud: "agt_31337_1",
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + 300,
    ek_id: "ek_31337_1",
    listing_id: "lst_31337_1_v1",
    key_id: "key_31337_1_2_0",
    manifest_hash: `0x${"00".repeat(32)}`,
    scopes: ["read", "download"],
    purpose: "use",
    ...over,
  };
}

async function respond(exchange: TestExchange, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.url === "/.well-known/jwks.json") {
    exchange.keyFetches += 1;
    json(res, 200, { keys: exchange.published.map(({ jwk }) => jwk) });
    return;
  }
  if (req.url?.startsWith("/gateway/revocations?since=")) return json(res, 200, exchange.revoked);
  if (req.method !== "POST" || req.url !== "/gateway/events") return json(res, 404, { code: "NOT_FOUND" });
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const { events } = JSON.parse(Buffer.concat(chunks).toString()) as { events: string[] };
  // Buyers' signatures come in the same batches; each is settled by its id.
  const signatures = events.map(readCountersignature).filter((id) => id !== undefined);
  const others = events.filter((jws) => readCountersignature(jws) === undefined);
  const parsed = await Promise.all(others.map((jws) => readEvent(jws, exchange.gatewayKey)));
  const { status, body } = exchange.answer(parsed);
  if (isSettled(body)) body.accepted.push(...signatures);
  exchange.batches += 1;
  if (status === 200) exchange.received.push(...parsed);
  json(res, status, body);
}

function readCountersignature(jws: string): string | undefined {
  const payload: unknown = JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString());
  return countersignedSchema.safeParse(payload).data?.event_id;
}

function isSettled(body: unknown): body is { accepted: string[] } {
  return typeof body === "object" && body !== null && "accepted" in body;
}

async function readEvent(jws: string, x: string | null): Promise<UsageEvent> {
  if (x !== null) {
    const jwk = { kty: "OKP", crv: "Ed25519", x };
    const { protectedHeader } = await compactVerify(jws, await importJWK(jwk, CAPABILITY_ALG), {
      algorithms: [CAPABILITY_ALG],
    });
    if (protectedHeader.kid !== (await calculateJwkThumbprint(jwk))) throw new Error("kid is no thumbprint");
  }
  decodeProtectedHeader(jws);
  return usageEventSchema.parse(JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString()));
}

function json(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
