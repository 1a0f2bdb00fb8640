import { fileURLToPath } from "node:url";
import hardhatMocha from "@nomicfoundation/hardhat-mocha";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import hardhatViem from "@nomicfoundation/hardhat-viem";
import hardhatViemAssertions from "@nomicfoundation/hardhat-viem-assertions";
import { defineConfig } from "hardhat/config";

/**
 * How hard the property tests try. `npm run fuzz` sets more, `npm run mutate` less; a number from the environment, or the one that
 * `npm test` uses.
 */
function effort(name: "FUZZ_RUNS" | "INVARIANT_RUNS" | "INVARIANT_DEPTH", usual: number): number {
  const value = Number(process.env[name] ?? usual);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name} is "${process.env[name]}", not a number above 0.`);
  return value;
}

export default defineConfig({
  plugins: [hardhatMocha, hardhatNetworkHelpers, hardhatViem, hardhatViemAssertions],
  solidity: {
    version: "0.8.34",
    // The wasm compiler from npm: nothing is ever downloaded.
    path: fileURLToPath(import.meta.resolve("solc/soljson.js")),
    // At 1,000 runs `Exchange` would pass the 24,576 bytes of EIP-170.
    settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: "cancun" },
  },
  networks: {
    // What `hardhat node` serves. Under load automined blocks would run ahead of the wall clock, and ERC-3009's
    // one-minute windows would then fail.
    node: { type: "edr-simulated", chainId: 31337, allowBlocksWithSameTimestamp: true },
  },
  paths: { tests: { mocha: "./test", solidity: "./test/contracts" } },
  test: {
    solidity: {
      fuzz: { runs: effort("FUZZ_RUNS", 256), seed: process.env.FUZZ_SEED ?? "0x6d6f61" },
      invariant: {
        runs: effort("INVARIANT_RUNS", 128),
        depth: effort("INVARIANT_DEPTH", 64),
        failOnRevert: true,
      },
    },
    mocha: { timeout: 120_000 },
  },
});
