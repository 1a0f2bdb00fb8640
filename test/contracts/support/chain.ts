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
export const { time } = networkHelpers;

/**
 * Brings the chain back to where `fixture` left it, and its clock with it. The node's own clock runs on with the wall's: what was signed for
 * some minutes would be over once the suite has run for longer.
 */
export async function loadFixture<T>(fixture: () => Promise<T>): Promise<T> {
  const loaded = await networkHelpers.loadFixture(fixture);
  await time.setNextBlockTimestamp((await now()) + 1n);
  await networkHelpers.mine();
  return loaded;
}

/** The chain's time, in Unix seconds, at the last block. */
export async function now(): Promise<bigint> {
  return BigInt(await time.latest());
}

/** Gives the next block exactly this Unix time and returns it. Views still see the last block's. */
export async function nextBlockAt(timestamp: bigint): Promise<bigint> {
  await time.setNextBlockTimestamp(timestamp);
  return timestamp;
}
