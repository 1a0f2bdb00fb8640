/** Questions to the exchange's API, patient where it asks for patience. */
import type { Context } from "./context.ts";
import { AuditError, each, type Node, reasonOf } from "./node.ts";

const PAGE = 200;
const TRIES = 5;
const AT_ONCE = 8;

export const apiLaws = { row: "API_ROW", missing: "API_MISSING", invented: "API_INVENTED" } as const;

/** The node by which the API's words are held against the chain, and the last block that was replayed. */
export type Followed = { node: Node; c: Context; block: bigint };

export type Answer<T> = { status: number; body: T };
export type Ask = <T>(path: string) => Promise<Answer<T>>;

/** Waits when it is told to. Throws an AuditError when there is no answer. */
export function asker(url: string): Ask {
  const base = url.replace(/\/$/, "");
  return async <T>(path: string): Promise<Answer<T>> => {
    for (let left = TRIES; ; left--) {
      try {
        const response = await fetch(base + path, { headers: { accept: "application/json" } });
        if (response.status !== 429 || left === 0)
          return { status: response.status, body: (await response.json()) as T };
        const seconds = Number(response.headers.get("retry-after")) || 1;
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      } catch (error) {
        if (left === 0)
          throw new AuditError(`The API at ${base} gives no answer to ${path}: ${reasonOf(error)}`, {
            cause: error,
          });
      }
    }
  };
}

/** Throws an AuditError for any answer but a good one. */
export function expectOk<T>({ status, body }: Answer<T>, path: string): T {
  if (status === 200) return body;
  throw new AuditError(`The API answers ${path} with ${status}.`, {
    hint: "Is it up, and does its health say ok?",
  });
}

/** All items of a list that goes page by page; undefined where the API has no such list. */
export async function allPages<T>(ask: Ask, path: string): Promise<T[] | undefined> {
  const items: T[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page: string = `${path}?limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    const answer: Answer<{ items: T[]; cursor_next?: string }> = await ask(page);
    if (answer.status === 404 && items.length === 0) return undefined;
    const body = expectOk(answer, page);
    items.push(...body.items);
    cursor = body.cursor_next;
  }
  return items;
}

/** A time as both sides write it. */
/** The last second of the year 9999: what is later is told as that. */
const LATEST = 253_402_300_799n;
export const isoOf = (time: bigint) =>
  new Date(Number(time > LATEST ? LATEST : time) * 1000).toISOString().replace(".000Z", "Z");
export const sameTime = (text: string) => isoOf(BigInt(Math.floor(Date.parse(text) / 1000)));

/** Which transactions are in blocks after the last one that was replayed. */
export async function laterThan(
  { node, block }: Pick<Followed, "node" | "block">,
  txs: ReadonlySet<string>,
): Promise<Set<string>> {
  const later = new Set<string>();
  await each([...txs], AT_ONCE, async (tx) => {
    const receipt = await node.receiptOrNothing(tx as `0x${string}`);
    if (receipt && BigInt(receipt.blockNumber) > block) later.add(tx);
  });
  return later;
}
