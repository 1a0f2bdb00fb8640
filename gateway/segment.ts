/** Appends lines to files of bounded length, each on disk before it is promised. Appends that wait together share one flush. */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing, syncFolder } from "./files.ts";

/** Nobody but its writer takes an open segment that was written to within this time, in ms: its writer seems to live. */
const BUSY_MS = 2000;

/** Lines in one segment, and so in one batch: what the exchange takes at once. */
export const SEGMENT_LINES = 500;

const OPEN = ".open";
const SEALED = ".sealed";

export type SegmentWriter = {
  /** Resolves when the line (with its line feed) would survive a power cut; rejects with the disk's error. */
  append(line: string): Promise<void>;
  /**
   * Makes sure that nobody appends to the segment any more and gives its name since then: null when another process was faster, `busy`
   * when one is still writing to it.
   */
  seal(name: string): Promise<{ sealed: string } | "busy" | null>;
  close(): Promise<void>;
};

type Waiting = { line: string; resolve: () => void; reject: (error: unknown) => void };
type Segment = { name: string; handle: FileHandle; ino: number; lines: number };

/** Whether a file name is a segment's. Names sort by age. */
export function isSegment(name: string): boolean {
  return name.endsWith(OPEN) || name.endsWith(SEALED);
}

/** When a segment was begun, in Unix ms, by its name. */
export function begunAt(name: string): number {
  return Number.parseInt(name, 10);
}

export function createSegmentWriter(dir: string): SegmentWriter {
  const queue: Waiting[] = [];
  let current: Segment | null = null;
  let last: Promise<unknown> = Promise.resolve();

  /** One at a time, in order. */
  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => undefined); // the caller of `work` sees the error
    return result;
  };
  const retire = async () => {
    if (current === null) return;
    const { handle, name } = current;
    current = null;
    await handle.close();
    await renameSealed(dir, name);
  };
  const write = async (group: Waiting[]): Promise<"written" | "taken"> => {
    current ??= await createSegment(dir);
    await current.handle.appendFile(group.map(({ line }) => line).join(""));
    await current.handle.datasync();
    current.lines += group.length;
    // Another process may have sealed and read the file before our lines were in it. The name tells: it seals by renaming.
    const named = await stat(join(dir, current.name)).catch(ignoreMissing);
    const taken = named?.ino !== current.ino;
    if (taken || current.lines >= SEGMENT_LINES) await retire();
    return taken ? "taken" : "written";
  };
  const drain = async () => {
    while (queue.length > 0) {
      const group = queue.splice(0, SEGMENT_LINES - (current?.lines ?? 0));
      try {
        if ((await write(group)) === "taken") queue.unshift(...group);
        else for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
        // It may end in half a line, which the next one must not be glued to.
        await retire().catch(() => undefined); // the disk's first error is the one that counts
      }
    }
  };

  return {
    append(line) {
      return new Promise((resolve, reject) => {
        queue.push({ line, resolve, reject });
        void exclusive(drain);
      });
    },
    async seal(name) {
      if (name.endsWith(SEALED)) return { sealed: name };
      return exclusive(async () => {
        if (current?.name === name) await retire();
        else if (await isBusy(dir, name)) return "busy";
        else if (!(await renameSealed(dir, name))) return null;
        return { sealed: sealedName(name) };
      });
    },
    close: () => exclusive(retire),
  };
}

function sealedName(name: string): string {
  return name.slice(0, -OPEN.length) + SEALED;
}

/** False when the segment is not there any more. */
async function renameSealed(dir: string, name: string): Promise<boolean> {
  const renamed = await rename(join(dir, name), join(dir, sealedName(name))).catch(ignoreMissing);
  return renamed !== null;
}

async function isBusy(dir: string, name: string): Promise<boolean> {
  const found = await stat(join(dir, name)).catch(ignoreMissing);
  return found !== null && Date.now() - found.mtimeMs < BUSY_MS;
}

async function createSegment(dir: string): Promise<Segment> {
  const name = `${Date.now().toString().padStart(15, "0")}-${randomUUID().slice(0, 8)}${OPEN}`;
  const handle = await open(join(dir, name), "ax", 0o600);
  await syncFolder(dir);
  const { ino } = await handle.stat();
  return { name, handle, ino, lines: 0 };
}
