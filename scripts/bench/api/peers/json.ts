/** Bare Hono: one kilobyte of JSON, and where asked for a jose verification of the bearer's token before it. Nothing else. */
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { servePeer } from "../peer.ts";

export type JsonSettings = { jwks: JSONWebKeySet };

servePeer<JsonSettings>(async ({ jwks }) => {
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
  return serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
});
