/** The API's own tables, past the API. */
import postgres from "postgres";
import type { RunInfo } from "../../../scripts/system/run-info.ts";
import { deploymentTag } from "../../../sdk/deployment.ts";

export function openTables(run: RunInfo): postgres.Sql {
  return postgres(run.databaseUrl, {
    max: 2,
    connection: { search_path: `exchange_${deploymentTag(run.deployment)}` },
  });
}
