/** `moa-gateway init`: the configuration file, the folders and the gateway's key. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readConfig } from "../config.ts";
import { loadSigningKey } from "../signing-key.ts";
import { type Command, CommandError } from "./command.ts";

export async function init({ configFile, args, print, say }: Command): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      exchange: { type: "string" },
      seller: { type: "string" },
      rpc: { type: "string" },
      deployment: { type: "string" },
      "public-url": { type: "string" },
      port: { type: "string", default: "8788" },
    },
  });
  if (existsSync(configFile))
    throw new CommandError(`${configFile} is there already. Edit it, or remove it first.`);
  if (values.exchange === undefined || values.seller === undefined) {
    throw new CommandError(
      "init needs --exchange (the exchange's URL) and --seller (your agent id, or your wallet's address with --rpc and --deployment).",
    );
  }
  await mkdir(dirname(resolve(configFile)), { recursive: true });
  const text = {
    exchange_url: values.exchange,
    seller: values.seller,
    ...(values.rpc && { rpc_url: values.rpc }),
    ...(values.deployment && { deployment_file: resolve(values.deployment) }),
    public_url: values["public-url"] ?? `http://127.0.0.1:${values.port}`,
    port: Number(values.port),
    state_dir: "./state",
    store: { kind: "disk", dir: "./store" },
  };
  await writeFile(configFile, `${JSON.stringify(text, null, 2)}\n`, { flag: "wx" });
  const { state_dir } = readConfig(configFile);
  await mkdir(state_dir, { recursive: true, mode: 0o700 });
  const { x } = await loadSigningKey(join(state_dir, "gateway-key.json"));
  say(`Wrote ${configFile}. The gateway's key is in ${state_dir}: keep it, the listings name it.`);
  say("Next: moa-gateway prepare makes the store; moa-gateway add puts something into it.");
  print(JSON.stringify({ config: resolve(configFile), gateway_key: x }));
  return 0;
}
