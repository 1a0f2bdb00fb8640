/**
 * `npm run verify-deployment`: whether the chain has what this repository's tables say.
 *
 *   RPC_URL=… DEPLOYMENT_FILE=deployments/1.json npm run verify-deployment
 *
 * One line per check, then `N passed, N failed`. Ends with 1 when one failed.
 */
import { readFileSync } from "node:fs";
import { createPublicClient, http } from "viem";
import { deploymentSchema } from "../sdk/deployment.ts";
import { verifyDeployment } from "./deploy/verify.ts";

try {
  const { RPC_URL, DEPLOYMENT_FILE } = process.env;
  if (!RPC_URL) throw new Error("Set RPC_URL to the chain's JSON-RPC endpoint.");
  if (!DEPLOYMENT_FILE) throw new Error("Set DEPLOYMENT_FILE to the file that `npm run deploy` wrote.");
  const deployment = deploymentSchema.parse(JSON.parse(readFileSync(DEPLOYMENT_FILE, "utf8")));
  const client = createPublicClient({ transport: http(RPC_URL), cacheTime: 0 });
  const checks = await verifyDeployment(client, deployment);
  for (const { what, fault } of checks) console.log(fault ? `FAILED ${what}: ${fault}` : `ok     ${what}`);
  const failed = checks.filter(({ fault }) => fault).length;
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message.split("\n")[0] : error);
  process.exitCode = 1;
}
