/** The API's tables, for commands: those of DATABASE_URL and DEPLOYMENT_FILE, or of the system that was started last (MOA_DATA_DIR). */
import { readFileSync } from "node:fs";
import { openStore, type Store } from "../../api/store/database.ts";
import { deploymentSchema, deploymentTag } from "../../sdk/deployment.ts";
import { readEnv } from "./env.ts";
import { readRunInfo } from "./run-info.ts";

export type CommandStore = Store & { tag: string };

/** Opens them, and closes them when `work` is done. Ends the process with one line, and 1, when it fails. */
export async function withStore(work: (store: CommandStore) => Promise<void>): Promise<void> {
  try {
    const store = open();
    try {
      await work(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message.split("\n")[0] : error);
    process.exitCode = 1;
  }
}

function open(): CommandStore {
  const { DATABASE_URL, DEPLOYMENT_FILE } = process.env;
  if (DATABASE_URL && DEPLOYMENT_FILE) {
    const deployment = deploymentSchema.parse(JSON.parse(readFileSync(DEPLOYMENT_FILE, "utf8")));
    return of(DATABASE_URL, deploymentTag(deployment));
  }
  const { databaseUrl, deployment } = readRunInfo(readEnv().MOA_DATA_DIR);
  return of(databaseUrl, deploymentTag(deployment));
}

function of(databaseUrl: string, tag: string): CommandStore {
  return { ...openStore({ databaseUrl, tag }), tag };
}
