/** Writes docs/ROLES.md: who may call which privileged function, after which delay. From `deploy/roles.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { activeRoles, type Role, roleEntries } from "./deploy/roles.ts";
import { repoRoot } from "./system/repo.ts";

const DAY = 86_400;

function delay(seconds: number): string {
  return seconds === 0 ? "none" : seconds % DAY === 0 ? `${seconds / DAY} days` : `${seconds} s`;
}

function functionsOf({ functions }: Role): string {
  const names = Object.entries(functions).flatMap(([contract, list]) =>
    list.map((name) => `\`${contract}.${name}\``),
  );
  return names.join("<br>") || "every function of `Authority` itself";
}

const rows = activeRoles.map(
  ([name, role]) =>
    `| ${name} | ${role.id} | ${role.purpose} | ${functionsOf(role)} | ${delay(role.grantDelay)} | ${delay(role.executionDelay)} |`,
);
const waiting = roleEntries.filter((entry) => !activeRoles.includes(entry));
const later = waiting.map(([name, { id, purpose }]) => `${name} (${id}: ${purpose})`);

writeFileSync(
  join(repoRoot, "docs/ROLES.md"),
  `# Roles

Every privileged function of the contracts, and who may call it. Written by \`npm run generate\` from \`scripts/deploy/roles.ts\`; a test
compares that table with the \`restricted\` functions of the compiled contracts, \`npm run deploy\` applies it, and
\`npm run verify-deployment\` checks it on a chain. The roles live in \`Authority\`, OpenZeppelin's AccessManager.

**Delay of grants**: how long after being given the role somebody has it. **Delay of calls**: how long a call is announced, for everyone to
see, before it can be made; ADMIN can cancel it meanwhile. On the local chain (31337) nobody waits. Who holds a role is in the deployment
file (\`holders\`); without \`ROLE_HOLDERS\` it is the deployer. A new delay of grants takes effect five days after it was set: the first five
days of a deployment are the deployer's to use with care.

| role | id | what for | functions | delay of grants | delay of calls |
|---|---|---|---|---|---|
${rows.join("\n")}
${later.length === 0 ? "" : `\nReserved, not set up while no contract has functions for them: ${later.join("; ")}.\n`}`,
);
console.log(`docs: ${activeRoles.length} roles`);
