/**
 * Who may call which privileged function, and after which delay: the one table of roles. The deployment applies it, a test compares it
 * with the code, `docs/ROLES.md` is written from it, and `npm run verify-deployment` checks it on the chain.
 *
 * A role without functions is not set up: it waits for its contract.
 */
import type { ContractName } from "../../sdk/deployment.ts";

export type RoleName = keyof typeof roles;

export type Role = {
  /** OpenZeppelin's `roleId`; never used again for something else. */
  id: bigint;
  purpose: string;
  /** Seconds until somebody who is given the role has it. */
  grantDelay: number;
  /** Seconds between scheduling a call and making it. */
  executionDelay: number;
  /** The names of the `restricted` functions that it may call. */
  functions: Partial<Record<ContractName, readonly string[]>>;
};

const DAY = 86_400;
const parameters = { grantDelay: 2 * DAY, executionDelay: 2 * DAY };
/** What must act within minutes: only the choice of its holder is slow. */
const prompt = { grantDelay: 2 * DAY, executionDelay: 0 };

export const roles = {
  ADMIN: { id: 0n, purpose: "gives and takes the other roles", ...parameters, functions: {} },
  FEES: {
    id: 1n,
    purpose: "sets the exchange's fee and the court's costs within their compiled maxima, and who earns them",
    ...parameters,
    functions: { Exchange: ["setFee"], HouseArbitrator: ["setCosts", "setPayee"] },
  },
  LISTER: {
    id: 2n,
    purpose: "says which tokens and curves new versions of listings may use",
    ...parameters,
    functions: { Catalog: ["allowToken", "allowCurve"] },
  },
  GUARDIAN: {
    id: 3n,
    purpose: "stops entry for a while, which ends by itself",
    ...prompt,
    functions: { Exchange: ["pause"] },
  },
  CURATOR: {
    id: 4n,
    purpose: "says which validators are linked, and so have one vote",
    ...parameters,
    functions: { Consensus: ["link"] },
  },
  POLICY: {
    id: 5n,
    purpose: "sets points and consensus parameters within compiled bounds",
    ...parameters,
    functions: { PointsLedger: ["setPolicy"], Consensus: ["setPolicy"] },
  },
  ARBITER: {
    id: 6n,
    purpose: "decides disputes at the house's own arbitrator",
    ...prompt,
    functions: { HouseArbitrator: ["giveRuling"] },
  },
  APPEAL: {
    id: 7n,
    purpose: "decides appeals against the arbiter",
    ...prompt,
    functions: { HouseArbitrator: ["giveFinalRuling"] },
  },
  ISSUER: {
    id: 8n,
    purpose: "issues keys for card charges, under a daily cap",
    ...prompt,
    functions: { CardIssuer: ["issueForCharge", "chargeback"] },
  },
  RECORDER: {
    id: 9n,
    purpose: "records that a key was used",
    ...prompt,
    functions: { Exchange: ["recordAccess"] },
  },
  TREASURY: {
    id: 10n,
    purpose: "keeps the float for card charges: its daily cap, how long their money waits, what leaves it",
    ...parameters,
    functions: { CardIssuer: ["setDailyCap", "setHold", "withdrawFloat"] },
  },
} as const satisfies Record<string, Role>;

export const roleEntries = Object.entries(roles) as [RoleName, Role][];

/** Those that are set up: ADMIN, and whichever have functions. */
export const activeRoles = roleEntries.filter(
  ([name, { functions }]) => name === "ADMIN" || Object.keys(functions).length > 0,
);

/** On a local chain nobody waits. */
export function delaysOf(role: Role, isLocal: boolean): { grantDelay: number; executionDelay: number } {
  return isLocal
    ? { grantDelay: 0, executionDelay: 0 }
    : { grantDelay: role.grantDelay, executionDelay: role.executionDelay };
}
