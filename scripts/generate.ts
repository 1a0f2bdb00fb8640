/** Generates what is derived and committed: the ABIs in `sdk/abis`, by TypeChain with our viem target. Needs a build. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { glob, runTypeChain } from "typechain";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The contracts whose ABI some room uses; mocks only where the demo and the tests need them. */
const CONTRACTS = [
  "AccessPredicate",
  "AgentRegistry",
  "BountyPot",
  "CardIssuer",
  "Catalog",
  "Consensus",
  "Disputes",
  "Exchange",
  "ExperienceKey",
  "ExponentialPrice",
  "FixedPrice",
  "HouseArbitrator",
  "LabelRegistry",
  "LinearPrice",
  "LogisticPrice",
  "PiecewisePrice",
  "PointsLedger",
  "QuotaPrice",
  "ReceiptAnchor",
  "ReceiptProofs",
  "SeasonalPrice",
  "TestArbitrator",
  "TestUSDC",
  "Till",
  "Tills",
  "TimeDecayPrice",
  "TokenRights",
  "ValidatorBonds",
];

const artifacts = glob(root, ["artifacts/contracts/**/*.json"]).filter((file) => {
  const name = file
    .split("/")
    .at(-1)
    ?.replace(/\.json$/, "");
  return name !== undefined && CONTRACTS.includes(name);
});
const missing = CONTRACTS.filter((name) => !artifacts.some((file) => file.endsWith(`/${name}.json`)));
if (missing.length > 0)
  throw new Error(`No artifacts of ${missing.join(", ")}: run \`npm run build\` first.`);

await runTypeChain({
  cwd: root,
  target: fileURLToPath(new URL("./typechain/viem-target.ts", import.meta.url)),
  outDir: "sdk/abis",
  filesToProcess: artifacts.sort(),
  allFiles: artifacts.sort(),
  flags: {
    alwaysGenerateOverloads: false,
    discriminateTypes: false,
    environment: undefined,
    node16Modules: false,
    tsNocheck: false,
  },
});
for (const name of [...CONTRACTS, "index"]) {
  readFileSync(`${root}/sdk/abis/${name}.ts`); // throws when TypeChain did not write it
}
console.log(`sdk/abis: ${CONTRACTS.length} ABIs`);
