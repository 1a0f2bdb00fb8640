/** `moa-gateway prepare`: makes what the store needs to be one. Nothing else ever does. */
import { openStore } from "../store-config.ts";
import type { Command } from "./command.ts";

export async function prepare({ env, say }: Command): Promise<number> {
  const { shelf, store, close } = await openStore(env().store);
  try {
    say(`There is ${await shelf.prepare()}.`);
    await store.check();
  } finally {
    await close();
  }
  return 0;
}
