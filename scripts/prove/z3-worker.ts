/** The thread in which z3 works. It writes its answer into shared memory and then wakes the one that waits. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";

type Z3 = {
  mk_config(): unknown;
  mk_context(config: unknown): unknown;
  del_context(context: unknown): void;
  eval_smtlib2_string(context: unknown, query: string): Promise<string>;
};

const { folder, state, answer } = workerData as {
  folder: string;
  state: SharedArrayBuffer;
  answer: SharedArrayBuffer;
};
const { init } = createRequire(join(folder, "package.json"))("z3-solver") as { init(): Promise<{ Z3: Z3 }> };
const { Z3 } = await init();
const words = new Int32Array(state);
const bytes = new Uint8Array(answer);

parentPort?.on("message", async (query: string) => {
  const context = Z3.mk_context(Z3.mk_config());
  const text = await Z3.eval_smtlib2_string(context, query).catch((error: unknown) => `unknown\n; ${error}`);
  Z3.del_context(context);
  const encoded = Buffer.from(text).subarray(0, bytes.length);
  bytes.set(encoded);
  Atomics.store(words, 1, encoded.length);
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
});
parentPort?.postMessage("ready");
