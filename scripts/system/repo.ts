import { join } from "node:path";

/** The checkout that this file belongs to. */
export const repoRoot = join(import.meta.dirname, "..", "..");
