/** The least that an endpoint for tokens can do: bare Hono, one look-up by primary key, one Ed25519 signature by jose. */
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { generateKeyPair, SignJWT } from "jose";
import postgres from "postgres";
import { servePeer } from "../peer.ts";

export type TokenSettings = { databaseUrl: string };

const TTL = 300; // seconds, as the exchange's

servePeer<TokenSettings>(async ({ databaseUrl }) => {
  const sql = postgres(databaseUrl, { max: 10, onnotice: () => {} });
  await sql`create schema if not exists bench`;
  await sql`create table if not exists bench.rights (id text primary key, buyer text not null, scopes text[] not null)`;
  await sql`insert into bench.rights values ('ek_31337_1', 'agt_31337_2', '{read,download}') on conflict do nothing`;
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const app = new Hono();
  app.post("/token", async (c) => {
    const { ek_id } = await c.req.json<{ ek_id: string }>();
    const [right] = await sql<{ buyer: string; scopes: string[] }[]>`
      select buyer, scopes from bench.rights where id = ${ek_id}`;
    if (!right) return c.json({ code: "EK_NOT_OWNED" }, 403);
    const iat = Math.floor(Date.now() / 1000);
    const claims = {
      iss: "bench",
      sub: right.buyer,
      aud: "agt_31337_1",
      jti: crypto.randomUUID(),
      ek_id,
      scopes: right.scopes,
    };
    const ek_token = await new SignJWT({ ...claims, iat, exp: iat + TTL })
      .setProtectedHeader({ alg: "EdDSA", kid: "bench", typ: "ek+jwt" })
      .sign(privateKey);
    return c.json({ ek_token, expires_at: new Date((iat + TTL) * 1000).toISOString() });
  });
  return serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
});
