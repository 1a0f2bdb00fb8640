/** `moa-gateway check`: settings, store and everything in it, without the exchange. */
import { inspectVersion } from "../inspect.ts";
import { openStore } from "../store-config.ts";
import type { Command } from "./command.ts";

export async function check({ env, print, say }: Command): Promise<number> {
  const { store, shelf, close } = await openStore(env().store);
  let faulty = 0;
  let versions = 0;
  try {
    await store.check();
    for await (const hash of shelf.hashes()) {
      const { expId, items, bytes, faults } = await inspectVersion(store, hash);
      versions += 1;
      if (faults.length > 0) faulty += 1;
      print(
        `${faults.length === 0 ? "ok   " : "FAULT"} ${hash} ${expId ?? ""} ${items} items, ${bytes} bytes`,
      );
      for (const fault of faults) print(`      ${fault}`);
    }
  } finally {
    await close();
  }
  say(`${versions} versions, ${faulty} with faults.`);
  return faulty === 0 ? 0 : 1;
}
