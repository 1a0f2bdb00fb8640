/**
 * ContentManifest v1 as a JSON Schema (draft 2020-12), made of the zod schema. Beyond it `parseManifest` checks what JSON Schema can't say:
 * that no id is used twice, that `default_entrypoint` names an item, and that the whole has a canonical form (RFC 8785).
 */
import { z } from "zod";
import { contentManifestSchema } from "./manifest.ts";

/** Where an exchange serves it, and its name below its own address. */
export const MANIFEST_SCHEMA_PATH = "/schemas/content-manifest-v1.json";

type JsonSchema = Record<string, unknown>;

/** The hex digits of a hash, by its algorithm: the one rule here between two members. */
const lengths = {
  if: { properties: { alg: { const: "sha1" } }, required: ["alg"] },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so
  then: { properties: { value: { pattern: "^[0-9a-f]{40}$" } } },
  else: { properties: { value: { pattern: "^[0-9a-f]{64}$" } } },
};

/** @example manifestJsonSchema().title; // "ContentManifest v1" */
export function manifestJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(contentManifestSchema, {
    io: "input",
    metadata: z.registry<Record<string, unknown>>(), // names that others gave are not ours
    override({ jsonSchema }) {
      const { properties } = jsonSchema;
      if (properties && "alg" in properties) Object.assign(jsonSchema, lengths);
      // An item's id has no "..", which zod checks apart.
      if (jsonSchema.pattern === "^[A-Za-z0-9][A-Za-z0-9._-]*$") jsonSchema.not = { pattern: "\\.\\." };
    },
  });
  const { $schema, ...rest } = schema;
  return { $schema, $id: "urn:moa:content-manifest:1.0", title: "ContentManifest v1", ...rest };
}
