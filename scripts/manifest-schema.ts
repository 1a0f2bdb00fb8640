/** Writes ContentManifest v1 as a JSON Schema to `docs/schemas/`, as every exchange serves it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { manifestJsonSchema } from "../sdk/manifest-schema.ts";

const file = fileURLToPath(new URL("../docs/schemas/content-manifest-v1.json", import.meta.url));
mkdirSync(fileURLToPath(new URL(".", `file://${file}`)), { recursive: true });
writeFileSync(file, `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
console.log("docs/schemas/content-manifest-v1.json");
