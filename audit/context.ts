/** What the replay of every contract works with: the books, the findings, what is promised, and how things are named. */
import type { Abi, Address, ContractEventArgsFromTopics, ContractEventName, Hex } from "viem";
import type { CurveType } from "../sdk/curves.ts";
import type { ContractName } from "../sdk/deployment.ts";
import * as ids from "../sdk/ids.ts";
import type { Agent, Books } from "./books.ts";
import { type Findings, type Place, same } from "./findings.ts";
import type { LawCode } from "./laws.ts";
import type { Script } from "./script.ts";

/** What no event tells: where things are, and what was fixed for ever when the contracts were made. Addresses in lower case. */
export type Constants = {
  chainId: number;
  contracts: Readonly<Record<ContractName, Address>>;
  curves: ReadonlyMap<Address, CurveType>;
  /** `ValidatorBonds.challengeStake`, its token, and the arbitrator of bonds and disputes. */
  challengeStake: bigint;
  bondToken: Address;
  arbitrator: Address;
  /** `HouseArbitrator.MAX_COST`. */
  maxCost: bigint;
};

/** An event's place, with what only some need. */
export type At = { place: Place; time: bigint; block: number; data: Hex };

export type Context = {
  books: Books;
  findings: Findings;
  script: Script;
  constants: Constants;
  tx: TxNotes;
};

/** What is remembered to the end of a transaction. */
export type TxNotes = {
  /** Booked payments into (or, negative, out of) a vault. */
  booked: Map<string, bigint>;
  /** What the tokens' logs say of the same. */
  moved: Map<string, bigint>;
  /** The key that is being made. */
  minting:
    | { keyId: bigint; eoa: Address; locked: boolean; term: { start: bigint; end: bigint } | undefined }
    | undefined;
  /** The last ruling handed over, by who took it. */
  rulings: Map<string, { disputeId: bigint; ruling: bigint }>;
  /** Cases made at the house's court, by number: what they cost. */
  opened: Map<bigint, bigint>;
  released: { validatorId: bigint; amount: bigint } | undefined;
  /** Fee credits that nothing promised, in their order. */
  looseFees: { account: Address; amount: bigint }[];
};

export const freshNotes = (): TxNotes => ({
  booked: new Map(),
  moved: new Map(),
  minting: undefined,
  rulings: new Map(),
  opened: new Map(),
  released: undefined,
  looseFees: [],
});

type Args<abi extends Abi, name extends ContractEventName<abi>> = ContractEventArgsFromTopics<
  abi,
  name,
  true
>;
/** A handler for every event that the contract can emit: one that is forgotten does not compile. */
export type Handlers<abi extends Abi> = {
  [name in ContractEventName<abi>]: (args: Readonly<Args<abi, name>>, at: At) => void;
};

/** For events that say nothing which another one does not say too. */
export const told = (): void => {};

export const LISTS = 1n << 0n;
export const LABELS = 1n << 1n;
export const CLAIMS = 1n << 2n;
export const SPENDS_POINTS = 1n << 3n;
export const ANCHORS = 1n << 4n;
export const ALL_ACTIONS = LISTS | LABELS | CLAIMS | SPENDS_POINTS | ANCHORS;
export const DAY = 86_400n;
export const BPS = 10_000n;
export const NOBODY = "0x0000000000000000000000000000000000000000";

export const lower = <T extends string>(address: T): T => address.toLowerCase() as T;

/** `Math.min` and `Math.max` take no bigints. */
export const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const most = (a: bigint, b: bigint): bigint => -least(-a, -b);

/** How the audit names things: by the ids of the wire. */
export function namesOf(chainId: number) {
  return {
    agt: (agentId: bigint) => ids.agentId.serialize({ chainId, agentId }),
    ek: (ekId: bigint) => ids.ekId.serialize({ chainId, ekId }),
    lst: (ekId: bigint, version: number) => ids.listingId.serialize({ chainId, ekId, version }),
    key: (keyId: bigint) => ids.keyId.serialize({ chainId, ...ids.splitTokenId(keyId) }),
    ord: (keyId: bigint) => ids.orderId.serialize({ chainId, ...ids.splitTokenId(keyId) }),
    lbl: (ekId: bigint, validatorId: bigint) => ids.labelId.serialize({ chainId, ekId, validatorId }),
  };
}
export type Names = ReturnType<typeof namesOf>;

/** The agent whose EOA it is now; 0n for nobody's. */
export function agentOf({ agents, eoas }: Books, eoa: Address): bigint {
  const agentId = eoas.get(lower(eoa));
  return agentId !== undefined && agents.get(agentId)?.eoa === lower(eoa) ? agentId : 0n;
}

/** What `operator` may do for the agent at `time`. */
export function grantOf(agent: Agent | undefined, operator: Address, time: bigint): bigint {
  const grant = agent?.grants.get(lower(operator));
  return grant && grant.expiry > time && grant.epoch === agent?.epoch ? grant.actions : 0n;
}

export function canAct(
  { agents }: Books,
  agentId: bigint,
  account: Address,
  action: bigint,
  time: bigint,
): boolean {
  const agent = agents.get(agentId);
  if (!agent) return false;
  return agent.eoa === lower(account) || (grantOf(agent, account, time) & action) === action;
}

/** Asks whether who acted for an agent might. */
export function checkRight(
  c: Context,
  law: { agentId: bigint; by: Address; action: bigint; subject: string; at: At },
): void {
  const { agentId, by, action, subject, at } = law;
  c.findings.check("RIGHT_TO_ACT", canAct(c.books, agentId, by, action, at.time), () => ({
    ...{ subject, field: "by", said: by, place: at.place },
    expected: `the EOA or an operator of ${namesOf(c.constants.chainId).agt(agentId)}`,
  }));
}

/** Asks whether the agent's EOA did it. */
export function checkOwner(
  c: Context,
  law: { agentId: bigint; by: Address; code: LawCode; subject: string; at: At },
): void {
  c.findings.equal(law.code, {
    ...{ subject: law.subject, field: "by", said: lower(law.by), place: law.at.place },
    expected: c.books.agents.get(law.agentId)?.eoa,
  });
}

export type Asker = ReturnType<typeof asker>;

/** Asks several laws of one thing at one place; `field` tells of what of it, where that is not the thing itself. */
export function asker({ findings }: Context, subject: string, { place }: At) {
  const named = (field: string | undefined) => ({ subject, ...(field !== undefined && { field }), place });
  return {
    /** Whether it is what it should be. */
    is(law: LawCode, field: string | undefined, expected: unknown, said: unknown): void {
      findings.check(law, same(expected, said), () => ({ ...named(field), expected, said }));
    },
    /** Whether something holds, which `expected` and `said` put into words. */
    holds(law: LawCode, holds: boolean, field: string | undefined, expected: unknown, said: unknown): void {
      findings.check(law, holds, () => ({ ...named(field), expected, said }));
    },
  };
}
