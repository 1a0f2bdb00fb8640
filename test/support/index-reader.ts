/** Reads the indexer's tables as the API does, and waits until they have caught up with the chain. */
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { createPublicClient, http } from "viem";
import type { RunInfo } from "../../scripts/system/run-info.ts";
import { deploymentTag } from "../../sdk/deployment.ts";

const CATCH_UP_MS = 120_000;
const LOOK_MS = 20;

export type IndexReader = ReturnType<typeof createIndexReader>;

export function createIndexReader(run: RunInfo) {
  const chain = createPublicClient({ transport: http(run.rpcUrl), cacheTime: 0 });
  const sql = postgres(run.databaseUrl, {
    max: 2,
    connection: { search_path: `live_${deploymentTag(run.deployment)}` },
  });

  async function indexedBlock(): Promise<bigint> {
    const response = await fetch(`${run.indexerUrl}/status`);
    const status = (await response.json()) as Record<string, { id: number; block: { number: number } }>;
    const ours = Object.values(status).find(({ id }) => id === run.chainId);
    return BigInt(ours?.block.number ?? -1);
  }

  return {
    /** Query it with the tables of `indexer/ponder.schema.ts`. */
    db: drizzle(sql, { casing: "snake_case" }),
    /** Waits until the chain's present head is indexed, and returns its number. */
    async caughtUp(): Promise<bigint> {
      const head = await chain.getBlockNumber();
      for (const deadline = Date.now() + CATCH_UP_MS; (await indexedBlock()) < head; ) {
        if (Date.now() > deadline) {
          throw new Error(`The indexer is at block ${await indexedBlock()}, the chain at ${head}.`);
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      return head;
    },
    end: () => sql.end({ timeout: 1 }),
  };
}
