/**
 * A small request at the gateway, with a token that it sees for the first time and with one that it knows; and by itself the part of it
 * that decides: the gateway's own checks of the token, in a server as bare as the one beside it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { decodeJwt, type JSONWebKeySet } from "jose";
import { costPerRequest, type Subject } from "./cost.ts";
import { drive } from "./load.ts";
import { startPeer } from "./peer.ts";
import type { JsonSettings } from "./peers/json.ts";
import { interleave } from "./rounds.ts";
import { compare, type Row } from "./row.ts";
import type { Stage } from "./stage.ts";

/** Requests in one round: enough for some hundred ms of CPU on each side. */
const COUNT = { cold: 300, repeated: 1_000, bare: 6_000, verified: 2_000, known: 4_000 };
/** Milliseconds for which the gateway may still carry the records of a round to the exchange. */
const SETTLE_MS = 20_000;

/** The demo seller's gateway. It owes the exchange a record of each use: to have carried it there is a part of the request. */
export function gatewayOf({ system }: Stage): Subject {
  const { gatewayUrl: url, pids } = system.run;
  const pending = async () => {
    const [text = ""] = await drive(url, 1, () => ({ path: "/health" }));
    return (JSON.parse(text) as { outbox: { events: number } }).outbox.events;
  };
  return {
    ...{ url, pid: pids.gateway as number },
    async settled() {
      for (const end = Date.now() + SETTLE_MS; (await pending()) > 0; await sleep(250))
        if (Date.now() > end) throw new Error("The gateway can't get rid of its records of use.");
    },
  };
}

export async function measureGateway(stage: Stage): Promise<Row[]> {
  const { run, small } = stage;
  const [jwks = ""] = await drive(run.apiUrl, 1, () => ({ path: "/.well-known/jwks.json" }));
  const peer = await startPeer("json", {
    ...{ jwks: JSON.parse(jwks) as JSONWebKeySet, issuer: run.apiUrl, ekId: small.ekId },
    seller: String(decodeJwt((await stage.tokens(small.ekId, 1))[0] as string).aud),
  } satisfies JsonSettings);
  const gateway = gatewayOf(stage);
  const path = `/exp/${small.ekId}/metadata`;
  const asks = (at: string, tokens: readonly string[]) => (i: number) => ({
    path: at,
    headers: { authorization: `Bearer ${tokens[i % tokens.length]}` },
  });
  try {
    const { cold, verified, repeated, known, bare } = await interleave({
      cold: async () =>
        costPerRequest(gateway, COUNT.cold, asks(path, await stage.tokens(small.ekId, COUNT.cold))),
      verified: async () =>
        costPerRequest(peer, COUNT.verified, asks("/verified", await stage.tokens(small.ekId, 1))),
      repeated: async () =>
        costPerRequest(gateway, COUNT.repeated, asks(path, await stage.tokens(small.ekId, 1))),
      known: async () => costPerRequest(peer, COUNT.known, asks("/known", await stage.tokens(small.ekId, 1))),
      // The same request, token and all: to parse a kilobyte of headers is no part of the check.
      bare: async () => costPerRequest(peer, COUNT.bare, asks("/json", await stage.tokens(small.ekId, 1))),
    });
    return [
      compare({
        ...{
          name: "gateway, a new token each time: the whole request, on record",
          unit: "CPU-µs",
          ours: cold,
          peer: verified,
        },
        ...{ what: "bare Hono + jose verify, 1 KB of JSON", goal: null },
      }),
      compare({
        ...{ name: "gateway verify, a repeated token: its checks in bare Hono", unit: "CPU-µs", ours: known },
        ...{ peer: bare, what: "bare Hono, 1 KB of JSON", goal: { most: 1.25 } },
      }),
      compare({
        ...{
          name: "gateway, a repeated token: the whole request, on record",
          unit: "CPU-µs",
          ours: repeated,
        },
        ...{ peer: bare, what: "bare Hono, 1 KB of JSON", goal: null },
      }),
    ];
  } finally {
    await peer.stop();
  }
}
