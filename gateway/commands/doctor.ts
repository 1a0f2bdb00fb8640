/** `moa-gateway doctor`: says what is wrong and what to do about it. */
import { join } from "node:path";
import { examine } from "../doctor.ts";
import { sellerOf } from "../seller.ts";
import { loadSigningKey } from "../signing-key.ts";
import { type Command, gatewayUrl } from "./command.ts";

export async function doctor({ env: readEnv, print, say }: Command): Promise<number> {
  const env = readEnv();
  const { x } = await loadSigningKey(join(env.stateDir, "gateway-key.json"));
  let faults = 0;
  for await (const finding of examine({
    env,
    seller: sellerOf(env.seller),
    gatewayKey: x,
    url: gatewayUrl(env),
  })) {
    if (!finding.ok) faults += 1;
    print(`${finding.ok ? "ok   " : "FAULT"} ${finding.name}: ${finding.detail}`);
    if (finding.fix !== undefined) print(`      → ${finding.fix}`);
  }
  say(faults === 0 ? "All is well." : `${faults} faults.`);
  return faults === 0 ? 0 : 1;
}
