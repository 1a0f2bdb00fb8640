/** `POST /me/buy/token` of the real API, against the least that such an endpoint can do. */
import * as ids from "../../../sdk/ids.ts";
import { costPerRequest } from "./cost.ts";
import { startPeer } from "./peer.ts";
import type { ReadsSettings } from "./peers/reads.ts";
import type { TokenSettings } from "./peers/token.ts";
import { interleave } from "./rounds.ts";
import { compare, type Row } from "./row.ts";
import type { Stage } from "./stage.ts";

/** Requests in one round: enough for some hundred ms of CPU on each side. */
const COUNT = { ours: 250, peer: 1_500, reads: 250 };

export async function measureTokens({ run, buyer, session, small }: Stage): Promise<Row[]> {
  const bare = await startPeer("token", { databaseUrl: run.databaseUrl } satisfies TokenSettings);
  const reads = await startPeer("reads", {
    ...{ rpcUrl: run.rpcUrl, deploymentFile: run.deploymentFile, buyer: buyer.account.address },
    ekNumber: String(ids.ekId.parse(small.ekId).ekId),
  } satisfies ReadsSettings);
  try {
    const api = { url: run.apiUrl, pid: run.pids.api as number };
    const json = { "content-type": "application/json" };
    const post = (path: string, headers: Record<string, string>, ek_id: string) => () => ({
      ...{ path, method: "POST", headers, body: JSON.stringify({ ek_id }) },
    });
    const signedIn = { ...json, authorization: `Bearer ${session}` };
    const results = await interleave({
      ours: () => costPerRequest(api, COUNT.ours, post("/me/buy/token", signedIn, small.ekId)),
      peer: () => costPerRequest(bare, COUNT.peer, post("/token", json, "ek_31337_1")),
      reads: () => costPerRequest(reads, COUNT.reads, post("/reads", json, small.ekId)),
    });
    return rowsOf(results);
  } finally {
    await Promise.all([bare.stop(), reads.stop()]);
  }
}

function rowsOf({ ours, peer, reads }: { ours: number[]; peer: number[]; reads: number[] }): Row[] {
  const unit = "CPU-µs";
  const what = "bare Hono + one look-up by primary key + one signature by jose";
  return [
    compare({ name: "token issue", unit, ours, peer, what, goal: { most: 1.5 } }),
    compare({
      ...{ name: "token issue: its chain reads alone", unit, ours: reads, peer: ours, what: "token issue" },
      goal: null,
    }),
  ];
}
