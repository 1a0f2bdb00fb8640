/** The chain reads of `POST /me/buy/token`, by the API's own functions, and nothing else: what they are of its cost. */
import { readFileSync } from "node:fs";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import type { Address } from "viem";
import { createChain } from "../../../../api/chain/client.ts";
import { createChainGuard } from "../../../../api/chain/guard.ts";
import { deploymentSchema } from "../../../../sdk/deployment.ts";
import { servePeer } from "../peer.ts";

export type ReadsSettings = { rpcUrl: string; deploymentFile: string; buyer: Address; ekNumber: string };

servePeer<ReadsSettings>(async ({ rpcUrl, deploymentFile, buyer, ekNumber }) => {
  const deployment = deploymentSchema.parse(JSON.parse(readFileSync(deploymentFile, "utf8")));
  const chain = createChain({ rpcUrl, deployment });
  const guard = createChainGuard(chain);
  const app = new Hono();
  app.post("/reads", async (c) => {
    await guard.assertTrusted();
    const { keyId, held } = await chain.tokenRights(buyer, BigInt(ekNumber));
    if (keyId === 0n) throw new Error(`${buyer} holds no key of ${ekNumber}.`);
    return c.json({ held });
  });
  return serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
});
