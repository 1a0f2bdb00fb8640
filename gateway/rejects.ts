/** Usage events that the exchange refused for good, kept with the reason for the seller to look at. */
import { appendFile, mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing } from "./files.ts";
import type { Log } from "./log.ts";
import type { PendingEvent } from "./outbox.ts";

export type Rejects = { setAside(event: PendingEvent, reason: string): Promise<void> };

/** Size in bytes at which the file is turned over; one older file is kept. */
const FILE_BYTES = 4 * 1024 * 1024;

/** Appends to `rejected.jsonl` in the folder `dir`. */
export async function openRejects(dir: string, log: Log): Promise<Rejects> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, "rejected.jsonl");
  return {
    async setAside({ id, jws }, reason) {
      const { size } = (await stat(path).catch(ignoreMissing)) ?? { size: 0 };
      if (size > FILE_BYTES) await rename(path, join(dir, "rejected.old.jsonl"));
      const line = JSON.stringify({ at: new Date().toISOString(), event_id: id, reason, jws });
      await appendFile(path, `${line}\n`, { mode: 0o600, flush: true });
      log("warn", "event_rejected", { event_id: id, reason });
    },
  };
}
