/**
 * One simulated chain, shared by all contract tests: `loadFixture` brings it back to where a test wants it.
 *
 * Gas is fixed, so that a transaction that reverts is mined too, in a block whose time the test has set: errors that carry the time
 * can be compared to the second.
 */
import { network } from "hardhat";

export const chain = await network.create({ override: { gas: 14_000_000n } });

export const { viem, networkHelpers } = chain;
export const publicClient = await viem.getPublicClient();
export const { time, loadFixture } = networkHelpers;

/** The chain's time, in Unix seconds, at the last block. */
export async function now(): Promise<bigint> {
  return BigInt(await time.latest());
}

/** Gives the next block exactly this Unix time and returns it. Views still see the last block's. */
export async function nextBlockAt(timestamp: bigint): Promise<bigint> {
  await time.setNextBlockTimestamp(timestamp);
  return timestamp;
}
