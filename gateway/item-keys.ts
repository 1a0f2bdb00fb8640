/** The keys of encrypted items. They stay with the seller: a manifest names them by a handle, buyers never see them. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { ignoreMissing, replaceFile } from "./files.ts";

/**
 * A key management service, as far as items need one: it holds keys by handle (`key_ref`) and gives out none of them. One for a cloud's
 * KMS is these two calls.
 */
export type Kms = {
  /** Encrypts a data key under the key `keyRef`. Rejects when there is none. */
  wrap(keyRef: string, dataKey: Uint8Array): Promise<Uint8Array>;
  /** Rejects for what was not wrapped under that key. */
  unwrap(keyRef: string, wrapped: Uint8Array): Promise<Uint8Array>;
};

/** Keys that the gateway itself holds, for `aes-256-gcm`; as a {@link Kms} they also wrap data keys, for `kms-envelope`. */
export type ItemKeys = Kms & {
  /** 32 bytes. Rejects when there is no key of that handle. */
  key(keyRef: string): Promise<Uint8Array>;
  /** Makes a key of that handle, unless there is one. */
  create(keyRef: string): Promise<"created" | "kept">;
};

const fileSchema = z.strictObject({ keys: z.record(z.string().min(1), z.base64url().length(43)) });
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Keys in a JSON file that only its owner may read: `{"keys": {"<key_ref>": "<32 bytes, base64url>"}}`. Read anew for every use. */
export function createKeyFile(path: string): ItemKeys {
  const key: ItemKeys["key"] = async (keyRef) => {
    const text = (await readKeys(path)).keys[keyRef];
    if (text !== undefined) return Buffer.from(text, "base64url");
    throw new Error(`${path} has no key "${keyRef}". Restore the file that has it.`);
  };
  return {
    key,
    async create(keyRef) {
      const { keys } = await readKeys(path);
      if (keys[keyRef] !== undefined) return "kept";
      const all = { keys: { ...keys, [keyRef]: randomBytes(32).toString("base64url") } };
      await replaceFile(path, `${JSON.stringify(all, null, 2)}\n`);
      return "created";
    },
    async wrap(keyRef, dataKey) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", await key(keyRef), nonce).setAAD(Buffer.from(keyRef));
      return Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
    },
    async unwrap(keyRef, wrapped) {
      const nonce = wrapped.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", await key(keyRef), nonce, {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(keyRef)).setAuthTag(wrapped.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    },
  };
}

async function readKeys(path: string): Promise<z.infer<typeof fileSchema>> {
  const found = await stat(path).catch(ignoreMissing);
  if (found === null) return { keys: {} };
  if ((found.mode & 0o077) !== 0) throw new Error(`${path} can be read by others: chmod 600 it.`);
  const parsed = fileSchema.safeParse(JSON.parse(await readFile(path, "utf8")));
  // Not the error's own text: it may quote a key.
  if (!parsed.success)
    throw new Error(`${path} is no file of item keys: {"keys": {"<key_ref>": "<32 bytes, base64url>"}}.`);
  return parsed.data;
}
