/** Events as Server-Sent Events (HTML Living Standard, 9.2), each made into bytes once. */
import { agentId as agentIds, ekId as ekIds } from "../../sdk/ids.ts";
import type { Resync } from "../../sdk/wire/streams.ts";
import type { LoggedEvent } from "../store/events.ts";

/** Milliseconds after which a client that was cut off comes back. */
const RETRY_MS = 2_000;

/** A comment: it keeps proxies from closing what is silent. */
export const HEARTBEAT = Buffer.from(":\n\n");

/** Of one deployment: ids of another one's log are none of this one. */
export function createFrames({ tag, chainId }: { tag: string; chainId: number }) {
  const id = (seq: number) => `${tag}-${seq}`;
  const message = (event: string, data: object, seq?: number) =>
    Buffer.from(
      `${seq === undefined ? "" : `id: ${id(seq)}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
    );

  return {
    /** The place that a `Last-Event-ID` names; undefined when it is none of this log. */
    placeOf(text: string): number | undefined {
      const [of, digits = ""] = text.split("-");
      return of === tag && /^(0|[1-9][0-9]{0,14})$/.test(digits) ? Number(digits) : undefined;
    },
    /** How long to wait before coming back; the first bytes of every stream. */
    opening: Buffer.from(`retry: ${RETRY_MS}\n\n`),
    place: (seq: number) => message("place", { event_id: id(seq) }, seq),
    /** Where it changes the client's place, it says so. */
    resync: (reason: Resync["reason"], seq?: number) =>
      message("resync", { reason, hint: hints[reason] }, seq),
    event: ({ seq, kind, payload }: LoggedEvent): Buffer => message(kind, toWire(kind, payload), seq),
  };

  function toWire(kind: string, payload: LoggedEvent["payload"]): object {
    const { seq: told, at, ek_number, agent_number, ...fields } = payload as Payload;
    if (kind === "retracted") return { event_id: id(told ?? 0), ...fields };
    if (at === undefined) return payload; // it was written as the wire has it
    const { ek_id, agent_id, tx, reason, notification_id, store, ...rest } = fields;
    const common = {
      ...{ kind, timestamp: new Date(at * 1000).toISOString() },
      ek_id: ek_number === undefined ? ek_id : ekIds.serialize({ chainId, ekId: BigInt(ek_number) }),
      agent_id:
        agent_number === undefined
          ? agent_id
          : agentIds.serialize({ chainId, agentId: BigInt(agent_number) }),
      ...{ tx, reason, notification_id, store },
    };
    // JSON leaves out what is undefined.
    return kind === "payment" || kind === "usage" ? { ...common, [kind]: rest } : common;
  }
}

export type Frames = ReturnType<typeof createFrames>;

/** What the database's own triggers write: Unix seconds with a fraction, numbers of listings and agents, the place of what is retracted. */
type Payload = Record<string, unknown> & {
  at?: number;
  ek_number?: string;
  agent_number?: string;
  seq?: number;
};

const hints: Readonly<Record<Resync["reason"], string>> = {
  slow: "You read slower than events come. Connect again with the last id: nothing is lost.",
  moved: "Connect again with the last id.",
  lost: "The place that you named is none of this log any more. Read the lists again; the stream goes on from here.",
  session_over: "Sign in again, or take a new ticket.",
};
