/** `moa-gateway add FILE…`: describes files, puts them into the store, and prints what to list them with. */
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { canonicalJson } from "../../sdk/canonical.ts";
import { parseJson } from "../../sdk/http.ts";
import { type ContentManifest, hashManifest, parseManifest } from "../../sdk/manifest.ts";
import { type CreateListingRequest, createListingRequestSchema } from "../../sdk/wire/listing.ts";
import { type Described, describeFiles } from "../describe.ts";
import { encrypt, isEncrypted } from "../encryption.ts";
import type { Env } from "../env.ts";
import { inspectVersion } from "../inspect.ts";
import type { ItemKeys } from "../item-keys.ts";
import type { Version } from "../shelf.ts";
import { loadSigningKey } from "../signing-key.ts";
import { openStore } from "../store-config.ts";
import { type Command, CommandError, gatewayUrl } from "./command.ts";

const options = {
  title: { type: "string" },
  summary: { type: "string" },
  domain: { type: "string", default: "general" },
  "task-type": { type: "string", default: "reference" },
  license: { type: "string" },
  price: { type: "string", default: "0" },
  packaging: { type: "string" },
  entrypoint: { type: "string" },
  "exp-id": { type: "string" },
  role: { type: "string", multiple: true, default: [] as string[] },
  type: { type: "string", multiple: true, default: [] as string[] },
  encrypt: { type: "string" },
  "key-ref": { type: "string", default: "items-1" },
  "part-bytes": { type: "string" },
  manifest: { type: "string" },
  out: { type: "string" },
} as const;
type Values = ReturnType<typeof parse>["values"];

function parse(args: string[]) {
  return parseArgs({ args, options, allowPositionals: true });
}

export async function add({ env: readEnv, args, print, say }: Command): Promise<number> {
  const { values, positionals: files } = parse(args);
  if ((files.length === 0) === (values.manifest === undefined))
    throw new CommandError(
      "add needs the files that are to be sold together, or --manifest FILE for items kept elsewhere.",
    );
  const env = readEnv();
  const { store, shelf, keys, close } = await openStore(env.store);
  try {
    const encryption = encryptionOf(values);
    if (encryption)
      say(`Key "${encryption.keyRef}": ${await keys.create(encryption.keyRef)}, in item-keys.json.`);
    const described = values.manifest ? await readManifest(values.manifest) : await describe(files, values);
    const listing = await listingOf(described.manifest, values, env);
    const version = await versionOf(described, keys);
    const outcome = await shelf.put(version);
    say(`Manifest ${version.hash}: ${outcome === "put" ? "put into the store" : "was in the store before"}.`);
    // What the files are was read a moment ago; what a manifest promises was not.
    const { faults } = values.manifest ? await inspectVersion(store, version.hash) : { faults: [] };
    if (faults.length > 0) throw new CommandError(`It can't be sold like this:\n${faults.join("\n")}`);
    const text = JSON.stringify(listing, null, 2);
    if (values.out === undefined) print(text);
    else {
      await writeFile(values.out, `${text}\n`);
      say(`Wrote ${values.out}: send it to the exchange, POST /me/sell/listings.`);
      print(version.hash);
    }
    return 0;
  } finally {
    await close();
  }
}

function describe(files: readonly string[], values: Values): Promise<Described> {
  return describeFiles(files, {
    expId: values["exp-id"] ?? `exp_${randomUUID()}`,
    packaging: values.packaging as ContentManifest["packaging"] | undefined,
    entrypoint: values.entrypoint,
    roles: pairs(values.role),
    types: pairs(values.type),
    encryption: encryptionOf(values),
    partBytes: values["part-bytes"] === undefined ? undefined : positive(values["part-bytes"]),
  });
}

/** A manifest that the seller wrote: its items are where their references say. */
async function readManifest(file: string): Promise<Described> {
  return { manifest: parseManifest(parseJson(await readFile(file, "utf8"))), bytes: new Map() };
}

async function versionOf({ manifest, bytes }: Described, keys: ItemKeys): Promise<Version> {
  const items: Version["items"][number][] = [];
  for (const item of manifest.items) {
    const plain = bytes.get(item.id);
    if (plain === undefined) continue;
    items.push({ item, ...(isEncrypted(item) ? await encrypt(item, plain, keys) : plain) });
  }
  return { hash: hashManifest(manifest), json: canonicalJson(manifest), items };
}

/** What `POST /me/sell/listings` takes, and the SDK's `list`. */
async function listingOf(manifest: ContentManifest, values: Values, env: Env): Promise<CreateListingRequest> {
  const primary = manifest.items.find(({ role }) => role === "primary") ?? manifest.items[0];
  const { x } = await loadSigningKey(join(env.stateDir, "gateway-key.json"));
  const parsed = createListingRequestSchema.safeParse({
    title: values.title ?? primary?.id,
    summary: values.summary ?? values.title ?? primary?.id,
    domain: values.domain,
    task_type: values["task-type"],
    modality: [
      ...new Set(
        manifest.items.flatMap(({ role, media_type }) =>
          role === "metadata" ? [] : [modalityOf(media_type)],
        ),
      ),
    ],
    output_artifacts: [
      ...new Set(
        manifest.items.flatMap(({ role, format }) =>
          role === "metadata" || format === undefined ? [] : [format],
        ),
      ),
    ],
    ...(values.license === undefined ? {} : { license: values.license }),
    pricing_policy: { curve_type: "fixed", base_price: values.price },
    access_policy: { gateway: gatewayUrl(env), gateway_key: x },
    content_manifest: manifest,
  });
  if (parsed.success) return parsed.data;
  throw new CommandError(
    parsed.error.issues.map(({ path, message }) => `/${path.join("/")}: should be ${message}`).join("\n"),
  );
}

function encryptionOf(values: Values) {
  const { encrypt: method, "key-ref": keyRef } = values;
  if (method === undefined) return undefined;
  if (method === "aes-256-gcm" || method === "kms-envelope") return { method, keyRef } as const;
  throw new CommandError(`--encrypt is aes-256-gcm or kms-envelope, not "${method}".`);
}

function pairs(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
      if (name === undefined || value === undefined) throw new CommandError(`"${text}" is not file=value.`);
      return [name, value];
    }),
  );
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new CommandError(`"${text}" is no number of bytes.`);
}

function modalityOf(mediaType: string): string {
  const [type = "", subtype = ""] = mediaType.split("/");
  if (["image", "audio", "video", "text"].includes(type)) return subtype.startsWith("csv") ? "dataset" : type;
  if (type === "model") return "3d";
  return /parquet|ndjson/.test(subtype) ? "dataset" : "file";
}
