/** Other projects' contracts doing comparable work on the same chain with the same token. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Address,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  parseEventLogs,
  zeroAddress,
  zeroHash,
} from "viem";
import { repoRoot } from "../../system/repo.ts";
import { type PeerArtifact, peerArtifact } from "./install-peers.ts";
import type { World } from "./world.ts";

const EAS = "@ethereum-attestation-service/eas-contracts/artifacts/contracts";
const UNLOCK = "@unlock-protocol/contracts/dist/abis";
/** Unlock lives behind a proxy, on every chain. */
const PROXY = join(repoRoot, "node_modules/@openzeppelin/contracts/build/contracts/ERC1967Proxy.json");
const PRICE = 250_000n;
const YEAR = 31_536_000n;

/** A label in two words, attested by somebody who has attested before. */
export async function easAttest({ create, call, newcomer }: World): Promise<number> {
  const registryArtifact = peerArtifact(`${EAS}/SchemaRegistry.sol/SchemaRegistry.json`);
  const easArtifact = peerArtifact(`${EAS}/EAS.sol/EAS.json`);
  const registry = { address: await create(registryArtifact), abi: registryArtifact.abi };
  const eas = { address: await create(easArtifact, [registry.address]), abi: easArtifact.abi };
  const validator = await newcomer();
  const { logs } = await call(validator, registry, "register", [
    "uint256 label, bytes32 evidence",
    zeroAddress,
    true,
  ]);
  const schema = logs[0]?.topics[1] as Hex;
  const attest = (label: bigint) => {
    const data = encodeAbiParameters(
      [{ type: "uint256" }, { type: "bytes32" }],
      [label, `0x${"ab".repeat(32)}`],
    );
    const recipient = validator.address;
    const request = { recipient, expirationTime: 0n, revocable: true, refUID: zeroHash, data, value: 0n };
    return call(validator, eas, "attest", [{ schema, data: request }]);
  };
  await attest(1n);
  return Number((await attest(2n ** 200n)).gasUsed);
}

/** A membership of a year, paid in the token, for an account that holds one of this lock already. */
export async function unlockPurchase({ create, call, newcomer, admin, market }: World): Promise<number> {
  const unlockArtifact = peerArtifact(`${UNLOCK}/Unlock/UnlockV14.json`);
  const lockArtifact = peerArtifact(`${UNLOCK}/PublicLock/PublicLockV15.json`);
  const proxy = JSON.parse(readFileSync(PROXY, "utf8")) as PeerArtifact;
  const initialize = encodeFunctionData({
    ...{ abi: unlockArtifact.abi, functionName: "initialize", args: [admin.address] },
  });
  const address = await create(proxy, [await create(unlockArtifact), initialize]);
  const unlock = { address, abi: unlockArtifact.abi };
  const template = await create(lockArtifact);
  await call(admin, unlock, "addLockTemplate", [template, 15]);
  await call(admin, unlock, "setLockTemplate", [template]);
  const { abi } = lockArtifact;
  const args = [admin.address, YEAR, market.token, PRICE, 1_000_000n, "lock"];
  const init = encodeFunctionData({ abi, functionName: "initialize", args });
  const { logs } = await call(admin, unlock, "createUpgradeableLockAtVersion", [init, 15]);
  const [created] = parseEventLogs({ abi: unlockArtifact.abi, logs, eventName: "NewLock" });
  if (!created) throw new Error("Unlock made no lock.");
  const lock = { address: (created.args as unknown as { newLockAddress: Address }).newLockAddress, abi };
  const buyer = await newcomer(lock.address);
  await call(admin, lock, "updateLockConfig", [YEAR, 1_000_000n, 1_000n]);
  const purchase = () =>
    call(buyer, lock, "purchase", [[PRICE], [buyer.address], [zeroAddress], [zeroAddress], ["0x"]]);
  await purchase();
  return Number((await purchase()).gasUsed);
}

export const peers = { "EAS attest": easAttest, "Unlock purchase repeat": unlockPurchase } as const;
