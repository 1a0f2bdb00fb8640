/**
 * `npm run keys -- list | rotate | kill <kid>`: the exchange's signing keys.
 *
 *   list         every key, with what it does now
 *   rotate       the key that stands by begins to sign; the present one stays published until all that it signed is over
 *   kill <kid>   for a key that was stolen: every gateway refuses what it signed within a minute, and its successor signs at once
 *
 * Works on the database of DATABASE_URL and DEPLOYMENT_FILE, or else on the one of the system that was started last (MOA_DATA_DIR).
 */
import type { Store } from "../api/store/database.ts";
import { killKey, listKeys, rotateKeys } from "../api/store/key-rotation.ts";
import { withStore } from "./system/open-store.ts";

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

await withStore(async (store) => {
  const [name = "", ...args] = process.argv.slice(2);
  const verb = verbs[name];
  if (!verb) throw new Error("Usage: npm run keys -- list | rotate | kill <kid>");
  await verb(store, args);
});
