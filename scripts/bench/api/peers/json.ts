/**
 * Bare Hono: one kilobyte of JSON. Where asked for, before it: a jose verification of the bearer's token, or all that a gateway checks
 * before it lets a token in (signature or memory, end, revocation, audience, Experience, scope). Nothing else: no use is on record.
 */
import { serve } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { authenticate, permit, readCredentials } from "../../../../gateway/access.ts";
import { createRevocations } from "../../../../gateway/revocations.ts";
import { knownSeller } from "../../../../gateway/seller.ts";
import { createTokenVerifier } from "../../../../gateway/verified.ts";
import { servePeer } from "../peer.ts";

export type JsonSettings = { jwks: JSONWebKeySet; issuer: string; seller: string; ekId: string };

/** Without making Fetch headers of all that came. */
const headersOf = ({ req }: Context) => ({ get: (name: string) => req.header(name) ?? null });

servePeer<JsonSettings>(async ({ jwks, issuer, seller, ekId }) => {
  const app = new Hono();
  const text = JSON.stringify({ text: "x".repeat(1024 - '{"text":""}'.length) });
  const headers = { "content-type": "application/json" };
  const keys = createLocalJWKSet(jwks);
  app.get("/json", (c) => c.body(text, 200, headers));
  app.get("/verified", async (c) => {
    await jwtVerify(c.req.header("authorization")?.slice("Bearer ".length) ?? "", keys, {
      algorithms: ["EdDSA"],
    });
    return c.body(text, 200, headers);
  });
  const revocations = createRevocations({ url: new URL(`${issuer}/gateway/revocations`), log: () => {} });
  const gateway = {
    verify: createTokenVerifier({ keys: { find: keys }, issuer }),
    ...{ revocations, seller: knownSeller(seller) },
  };
  app.get("/known", async (c) => {
    const claims = await authenticate(readCredentials(headersOf(c)), gateway);
    permit(claims, ekId, "fetch");
    return c.body(text, 200, headers);
  });
  return serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
});
