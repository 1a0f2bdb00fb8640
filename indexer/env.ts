/** The indexer's environment, read once. A wrong one ends the process with one line for each bad variable. */
import { z } from "zod";

const schema = z.object({
  RPC_URL: z.url({
    protocol: /^https?$/,
    error: "must be the chain's JSON-RPC endpoint, http:// or https://",
  }),
  DATABASE_URL: z.url({
    protocol: /^postgres(ql)?$/,
    error: "must be a Postgres, postgres://user:password@host:port/db",
  }),
  DEPLOYMENT_FILE: z.string({ error: "must be the path of the JSON that scripts/deploy.ts wrote" }).min(1),
  /** Milliseconds between two looks at a chain's head; Ponder takes no less than 100. Default: 100 locally, else 1000. */
  POLLING_INTERVAL_MS: z.coerce.number().int().min(100).max(60_000).optional(),
});

function readEnv(): Readonly<z.infer<typeof schema>> {
  const result = schema.safeParse(process.env);
  if (result.success) return Object.freeze(result.data);
  for (const { path, message } of result.error.issues) console.error(`${path.join(".")}: ${message}`);
  process.exit(1);
}

export const env = readEnv();
