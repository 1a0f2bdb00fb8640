/** Events as Server-Sent Events (HTML Living Standard, 9.2), each made into bytes once. */
import { ekId as ekIds } from "../../sdk/ids.ts";
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
    event({ seq, kind, payload }: LoggedEvent): Buffer {
      const { seq: told, at, ek_number, ...fields } = payload as Record<string, unknown> & Payload;
      if (kind === "retracted") return message(kind, { event_id: id(told ?? 0), ...fields }, seq);
      if (kind === "payment") {
        const { ek_id, tx, reason, ...payment } = {
          ek_id: ekIds.serialize({ chainId, ekId: BigInt(ek_number ?? 0) }),
          ...fields,
        } as Record<string, unknown>;
        return message(kind, { kind, timestamp: timeOf(at), ek_id, ...given({ tx, reason }), payment }, seq);
      }
      if (kind === "usage") {
        const { ek_id, agent_id, reason, ...usage } = fields;
        return message(
          kind,
          { kind, timestamp: timeOf(at), ek_id, agent_id, ...given({ reason }), usage },
          seq,
        );
      }
      return message(kind, payload, seq);
    },
  };
}

export type Frames = ReturnType<typeof createFrames>;

/** What the database's own triggers write: Unix seconds with a fraction, a listing's number, the place of what is retracted. */
type Payload = { at?: number; ek_number?: string; seq?: number };

const hints: Readonly<Record<Resync["reason"], string>> = {
  slow: "You read slower than events come. Connect again with the last id: nothing is lost.",
  moved: "Connect again with the last id.",
  lost: "The place that you named is none of this log any more. Read the lists again; the stream goes on from here.",
  session_over: "Sign in again, or take a new ticket.",
};

const timeOf = (seconds: number | undefined) => new Date((seconds ?? 0) * 1000).toISOString();
const given = (fields: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
