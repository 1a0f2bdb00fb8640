/**
 * Watermark handles: what stands for a buyer in the copies that it gets. The same buyer and key always have the same one; nobody without
 * the exchange's secret can tell it from any other, or make one up.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { Queryable, Store } from "./database.ts";

const SECRET = "watermark";
/** Bytes of the secret, and of a handle: 128 bits are not guessed. */
const SECRET_BYTES = 32;
const HANDLE_BYTES = 16;

/** Whose copy it is: a key's holder, or the validator of a version. */
export type Marked = { ekId: bigint; version: number; agentId: bigint; keyNumber?: bigint };

export type Watermarks = {
  /** The handle. It is stored with the token that names it (`saveToken`), so that it can be traced. */
  handleFor(marked: Marked): Promise<string>;
};

/** Makes the secret where there is none. It must never change: handles in copies would lead nowhere. */
export async function ensureWatermarkSecret({ sql }: Pick<Store, "sql">): Promise<void> {
  await sql`
    insert into secrets (name, value) values (${SECRET}, ${randomBytes(SECRET_BYTES)}) on conflict do nothing`;
}

export function createWatermarks({ sql }: Pick<Store, "sql">, chainId: number): Watermarks {
  let secret: Promise<Uint8Array> | undefined;
  return {
    async handleFor(marked) {
      secret ??= readSecret(sql).catch((error: unknown) => {
        secret = undefined;
        throw error;
      });
      return handleOf(await secret, chainId, marked);
    },
  };
}

function handleOf(
  secret: Uint8Array,
  chainId: number,
  { ekId, version, agentId, keyNumber }: Marked,
): string {
  const what = keyNumber === undefined ? `validator of ${ekId} v${version}` : `key ${keyNumber}`;
  const mac = createHmac("sha256", secret).update(`${chainId} ${what} agent ${agentId}`).digest();
  return `wm_${mac.subarray(0, HANDLE_BYTES).toString("base64url")}`;
}

async function readSecret(sql: Queryable): Promise<Uint8Array> {
  const [row] = await sql<{ value: Uint8Array }[]>`select value from secrets where name = ${SECRET}`;
  if (!row) throw new Error("There is no watermark secret.");
  return row.value;
}

export type Traced = Marked & { firstIssuedAt: Date };

/** Whose handle it is; undefined for one that the exchange never gave. */
export async function traceWatermark(sql: Queryable, handle: string): Promise<Traced | undefined> {
  const [row] = await sql<
    { ek_id: string; version: string; agent_id: string; key_number: string | null; first: Date }[]
  >`
    select ek_id, version, agent_id, key_number, first_issued_at as first from watermarks
    where watermark_id = ${handle}`;
  if (!row) return undefined;
  return {
    ekId: BigInt(row.ek_id),
    version: Number(row.version),
    agentId: BigInt(row.agent_id),
    ...(row.key_number === null ? {} : { keyNumber: BigInt(row.key_number) }),
    firstIssuedAt: row.first,
  };
}
