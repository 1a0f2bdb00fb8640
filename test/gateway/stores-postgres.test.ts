/** The stores in Postgres: bytes in the system's own Postgres, vectors in pgvector as PGlite ships it, over the Postgres protocol. */
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { expect } from "chai";
import postgres from "postgres";
import { createPostgresStore } from "../../gateway/stores/postgres.ts";
import { createPostgresShelf } from "../../gateway/stores/postgres-shelf.ts";
import { createVectorStore } from "../../gateway/stores/vector.ts";
import { createVectorShelf } from "../../gateway/stores/vector-shelf.ts";
import type { ManifestItem } from "../../sdk/manifest.ts";
import { useSystem } from "../support/system.ts";
import { itemOf } from "./support/store.ts";
import { collect, describeStore, type Harness, putVia } from "./support/store-contract.ts";

let databaseUrl = "";
const SCHEMA = "moa_store_test";

describe("gateway: stores in Postgres", () => {
  const shared = useSystem();
  before(() => {
    databaseUrl = shared.system.run.databaseUrl;
  });

  describeStore("Postgres", async () => {
    const sql = postgres(databaseUrl, { max: 8, fetch_types: false, onnotice: () => {} });
    const shelf = createPostgresShelf(sql, SCHEMA);
    expect(
      await createPostgresStore(sql, SCHEMA)
        .check()
        .catch(({ code }) => code),
      "not before it was prepared",
    ).to.equal("42P01");
    await shelf.prepare();
    await shelf.prepare();
    return tables(sql, shelf, createPostgresStore(sql, SCHEMA));
  });

  it("bytes are never changed in place, not even by who may", async () => {
    const sql = postgres(databaseUrl, { max: 1, fetch_types: false, onnotice: () => {} });
    const shelf = createPostgresShelf(sql, "moa_store_frozen");
    await shelf.prepare();
    const bytes = Buffer.from("as it was sold");
    const { hash } = await putVia(shelf)(new Map([["a", bytes]]), [itemOf("a", bytes)]);
    const change = () => sql`update moa_store_frozen.chunks set bytes = 'x'`;
    expect(String(await change().catch((error: Error) => error))).to.include("never changed");
    const store = createPostgresStore(sql, "moa_store_frozen");
    const before = (await store.open(hash, "a"))?.version;
    await sql`alter table moa_store_frozen.chunks disable trigger all`;
    await change();
    expect((await store.open(hash, "a"))?.version, "and who does it all the same is noticed").not.to.equal(
      before,
    );
    await sql`drop schema moa_store_frozen cascade`;
    await sql.end();
  });
});

/** NDJSON of vectors, of exactly `size` bytes; what is too short for a line is text of no kind. */
function lines(size: number, seed: number): Buffer {
  if (size < 100) return Buffer.alloc(size, "n");
  const whole: string[] = [];
  for (let left = size, i = 0; left > 0; i++) {
    const length = left < 131_200 ? left : 65_543;
    const head = `{"id":${i},"vector":[${seed},${i % 7},${Math.sin(i + seed).toFixed(6)}],"text":"`;
    whole.push(`${head}${"a".repeat(length - head.length - 3)}"}\n`);
    left -= length;
  }
  return Buffer.from(whole.join(""));
}
const vectorItem = (id: string, bytes: Uint8Array): ManifestItem =>
  bytes.length < 100
    ? itemOf(id, bytes)
    : itemOf(id, bytes, { role: "embedding", media_type: "application/x-ndjson" });

async function startVectors(): Promise<Harness & { sql: postgres.Sql }> {
  const db = await PGlite.create({ extensions: { vector } });
  const server = new PGLiteSocketServer({ db, port: 0, host: "127.0.0.1", maxConnections: 4 });
  const listening = new Promise<number>((resolve) =>
    server.addEventListener("listening", (event) =>
      resolve((event as CustomEvent<{ port: number }>).detail.port),
    ),
  );
  await server.start();
  // One connection: behind the sockets is one session.
  const url = `postgres://postgres@127.0.0.1:${await listening}/postgres`;
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {}, connect_timeout: 5 });
  const shelf = createVectorShelf(sql, SCHEMA);
  await shelf.prepare();
  const harness = tables(sql, shelf, createVectorStore(sql, SCHEMA));
  const end = async () => {
    await harness.end();
    await server.stop();
    await db.close();
  };
  return { ...harness, sql, end };
}

describeStore("pgvector", startVectors, {
  bytes: lines,
  item: vectorItem,
  // Only letters of a text can change without the line ceasing to be what the table takes.
  flip(bytes, at) {
    if (bytes[at] !== 0x61) return null;
    const copy = Buffer.from(bytes);
    copy[at] = 0x62;
    return copy;
  },
});

describe("gateway: store: pgvector by its neighbours", function () {
  this.timeout(30_000);
  it("finds the nearest lines, exactly, each a range of the item", async () => {
    const harness = await startVectors();
    const store = createVectorStore(harness.sql, SCHEMA);
    const vectors = Array.from({ length: 50 }, (_, i) => [Math.cos(i), Math.sin(i), i / 50]);
    const text = vectors.map((v, i) => `${JSON.stringify({ id: `v${i}`, vector: v, note: "ö" })}\n`).join("");
    const bytes = Buffer.from(text);
    const { hash } = await harness.put(new Map([["embeddings.ndjson", bytes]]), [
      vectorItem("embeddings.ndjson", bytes),
    ]);
    const wanted = [0.3, 0.9, 0.5];
    for (const metric of ["cosine", "l2", "inner"] as const) {
      const found = await store.nearest(hash, "embeddings.ndjson", { vector: wanted, count: 5, metric });
      const expected = vectors
        .map((v, i) => ({ id: `v${i}`, distance: distance[metric](v, wanted) }))
        .toSorted((a, b) => a.distance - b.distance)
        .slice(0, 5);
      expect(
        found?.map(({ line }) => JSON.parse(line).id),
        metric,
      ).to.deep.equal(expected.map(({ id }) => id));
      for (const { range, line } of found ?? [])
        expect(bytes.subarray(range.first, range.last + 1).toString()).to.equal(line);
    }
    expect(await store.nearest(hash, "absent", { vector: wanted, count: 5 })).to.equal(null);
    const wrong = await store
      .nearest(hash, "embeddings.ndjson", { vector: [1], count: 1 })
      .catch((error: Error) => error);
    expect(String(wrong)).to.include("different vector dimensions");
    const poisoned = Buffer.from('{"id":1,"text":"no vector"}\n');
    const refused = await harness
      .put(new Map([["e.ndjson", poisoned]]), [
        vectorItem("e.ndjson", Buffer.concat([poisoned, Buffer.alloc(100)])),
      ])
      .catch((error: Error) => error);
    expect(String(refused)).to.match(/null value|violates/);
    const stored = await store.open(hash, "embeddings.ndjson");
    expect(
      Buffer.concat(await collect((stored as NonNullable<typeof stored>).stream())).equals(bytes),
    ).to.equal(true);
    await harness.end();
  });
});

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
const distance = {
  cosine: (a: readonly number[], b: readonly number[]) => 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)),
  l2: (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((x, i) => x - (b[i] ?? 0))),
  inner: (a: readonly number[], b: readonly number[]) => -dot(a, b),
};

function tables(sql: postgres.Sql, shelf: Parameters<typeof putVia>[0], store: Harness["store"]): Harness {
  const put = putVia(shelf);
  let ended = false;
  const end = async () => {
    if (ended) return;
    ended = true;
    await sql`drop schema ${sql(SCHEMA)} cascade`.catch(() => undefined); // the connection may be gone, which was the test
    await sql.end({ timeout: 1 });
  };
  return {
    store,
    put,
    async putManifest(hash, text) {
      await sql`insert into ${sql(`${SCHEMA}.manifests`)} (hash, body) values (${hash}, ${text})`;
    },
    async replace(hash, item, bytes) {
      const [kept] = await sql<
        { body: string }[]
      >`delete from ${sql(`${SCHEMA}.manifests`)} where hash = ${hash} returning body`;
      const again = {
        item,
        size: bytes.length,
        bytes: async function* () {
          yield bytes;
        },
      };
      await shelf.put({ hash, json: kept?.body ?? "", items: [again] });
      return item;
    },
    breakDown: end,
    end,
  };
}
