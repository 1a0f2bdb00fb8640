/**
 * `npm run keys -- list | rotate | kill <kid>`: the exchange's signing keys.
 *
 *   list         every key, with what it does now
 *   rotate       the key that stands by begins to sign; the present one stays published until all that it signed is over
 *   kill <kid>   for a key that was stolen: every gateway refuses what it signed within a minute, and its successor signs at once
 *
 * Works on the database of DATABASE_URL and DEPLOYMENT_FILE, or else on the one of the system that was started last (MOA_DATA_DIR).
 */
import { readFileSync } from "node:fs";
import { openStore, type Store } from "../api/store/database.ts";
import { killKey, listKeys, rotateKeys } from "../api/store/key-rotation.ts";
import { deploymentSchema, deploymentTag } from "../sdk/deployment.ts";
import { readEnv } from "./system/env.ts";
import { readRunInfo } from "./system/run-info.ts";

const verbs: Record<string, (store: Store, args: string[]) => Promise<void>> = {
  list: ({ sql }) => print(sql),
  async rotate(store) {
    const { kid, signsFrom } = await rotateKeys(store);
    console.log(`${kid} signs from ${signsFrom.toISOString()}`);
    await print(store.sql);
  },
  async kill(store, [kid]) {
    if (kid === undefined) throw new Error("Name the key: npm run keys -- kill <kid>.");
    await killKey(store, kid);
    console.log(`${kid} is dead`);
    await print(store.sql);
  },
};

async function print(sql: Store["sql"]): Promise<void> {
  for (const { kid, state, createdAt, retiredAt } of await listKeys(sql)) {
    const end = retiredAt && state === "retiring" ? `, published until ${retiredAt.toISOString()}` : "";
    console.log(`${kid}  ${state.padEnd(8)}  made ${createdAt.toISOString()}${end}`);
  }
}

function open(): Store {
  const { DATABASE_URL, DEPLOYMENT_FILE } = process.env;
  if (DATABASE_URL && DEPLOYMENT_FILE) {
    const deployment = deploymentSchema.parse(JSON.parse(readFileSync(DEPLOYMENT_FILE, "utf8")));
    return openStore({ databaseUrl: DATABASE_URL, tag: deploymentTag(deployment) });
  }
  const { databaseUrl, deployment } = readRunInfo(readEnv().MOA_DATA_DIR);
  return openStore({ databaseUrl, tag: deploymentTag(deployment) });
}

try {
  const [name = "", ...args] = process.argv.slice(2);
  const verb = verbs[name];
  if (!verb) throw new Error("Usage: npm run keys -- list | rotate | kill <kid>");
  const store = open();
  try {
    await verb(store, args);
  } finally {
    await store.close();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message.split("\n")[0] : error);
  process.exitCode = 1;
}
