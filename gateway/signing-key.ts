/** The gateway's own Ed25519 key, by which it signs usage events. Its public part stands in the seller's listings as `gateway_key`. */
import { createPrivateKey, hkdfSync, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { z } from "zod";
import { createFile, ignoreMissing } from "./files.ts";

export type SigningKey = {
  privateKey: KeyObject;
  /** RFC 7638 thumbprint of the public JWK. */
  kid: string;
  /** The `x` of the public JWK. */
  x: string;
  /** 32 bytes that only this key's holder knows: for what the gateway proves to itself. */
  secret: Uint8Array;
};

const jwkSchema = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().regex(/^[\w-]{43}$/),
  d: z.string().regex(/^[\w-]{43}$/),
});

/** Reads the key, or makes one the first time (mode 0600). Throws when the file is there but holds no such key. */
export async function loadSigningKey(path: string): Promise<SigningKey> {
  const text = (await readFile(path, "utf8").catch(ignoreMissing)) ?? (await create(path));
  const parsed = jwkSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new Error(
      `${path} holds no Ed25519 private JWK. Restore it, or remove it and list with the new gateway_key.`,
    );
  }
  const { kty, crv, x } = parsed.data;
  const privateKey = createPrivateKey({ key: parsed.data, format: "jwk" });
  const secret = Buffer.from(hkdfSync("sha256", parsed.data.d, "", "moa gateway: presigned URLs, v1", 32));
  return { privateKey, kid: await calculateJwkThumbprint({ kty, crv, x }), x, secret };
}

async function create(path: string): Promise<string> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const text = JSON.stringify(await exportJWK(privateKey));
  // Another process that starts at the same moment may have been first: then its key is ours too.
  return (await createFile(path, text)) ? text : readFile(path, "utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
