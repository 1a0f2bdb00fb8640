/** Writes that the exchange makes for an agent: only what the agent granted, asked from the chain first. */
import type { Hash } from "viem";
import { type ErrorCode, ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import { type ActionName, actions, fromBits } from "../../sdk/records.ts";
import { operatorGrantTypedData } from "../../sdk/typed-data.ts";
import { mayAct } from "../chain/agents.ts";
import type { Mined } from "../chain/broadcast.ts";
import { chainTime } from "../chain/client.ts";
import { refusalOf } from "../chain/refusals.ts";
import { notMinedYet } from "../chain/relay-errors.ts";
import { type Call, ContractRefusal } from "../chain/relayer.ts";
import type { Deps } from "../deps.ts";
import type { Session } from "./session.ts";

/** Seconds that a grant lives which the exchange proposes, and in which its signature must be handed in. */
const GRANT_SECONDS = 30 * 24 * 3600;
const SIGNATURE_SECONDS = 300;
/** Milliseconds between two looks at a transaction that was sent before. */
const LOOK_AGAIN = 250;

/** Throws SCOPE_DENIED, with the grant to sign in its details, unless the session's agent lets the exchange do this. */
export async function assertGranted(deps: Deps, session: Session, action: ActionName): Promise<void> {
  await deps.guard.assertTrusted();
  const { agentId } = session;
  const operator = deps.relayer.address;
  if (agentId !== 0n && (await mayAct(deps.chain, { agentId, operator, action }))) return;
  throw await grantNeeded(deps, session, action);
}

async function grantNeeded(
  deps: Deps,
  { eoa, agentId }: Session,
  action: ActionName,
): Promise<ExchangeError> {
  const { registry, id } = deps.chain;
  const operator = deps.relayer.address;
  const [nonce, now, [granted]] = await Promise.all([
    registry.read.nonces([eoa]),
    chainTime(deps.chain),
    registry.read.grantOf([agentId, operator]),
  ]);
  // A grant replaces the one before: what was granted stays.
  const bits = granted | (1n << BigInt(actions[action].bit));
  const typedData = operatorGrantTypedData(
    { chainId: id, registry: registry.address },
    {
      agent: eoa,
      operator,
      actions: bits,
      expiry: now + BigInt(GRANT_SECONDS),
      nonce,
      deadline: now + BigInt(SIGNATURE_SECONDS),
    },
  );
  const who = agentId === 0n ? eoa : agentIds.serialize({ chainId: id, agentId });
  return new ExchangeError(
    "SCOPE_DENIED",
    `${who} has not granted "${action}" to the exchange (${operator}).`,
    {
      hint: "Sign details.typed_data (EIP-712) with the session's EOA and hand it in at POST /me/grants; then try again. It moves no money.",
      details: {
        reason: "operator_grant_needed",
        typed_data: withoutBigints(typedData),
        actions: fromBits(actions, bits),
        submit_to: "/me/grants",
      },
    },
  );
}

function withoutBigints(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, v: unknown) => (typeof v === "bigint" ? String(v) : v)));
}

/**
 * Sends the call for the session's agent, and waits for its block. `codes` says what a contract's error means here, where that differs. What
 * an operation has sent before is not sent again, unless it never will be mined.
 */
export async function relay(
  deps: Deps,
  { eoa, operation }: Pick<Session, "eoa" | "operation">,
  call: Call,
  codes: Readonly<Record<string, ErrorCode>> = {},
): Promise<Mined> {
  try {
    if (!operation) return await deps.relayer.relay(call, eoa);
    const step = operation.next();
    const sent = operation.transactions[step];
    return (
      (sent && (await earlier(deps, sent))) ??
      (await deps.relayer.relay(call, eoa, (hash) => operation.note(step, hash)))
    );
  } catch (error) {
    throw error instanceof ContractRefusal ? refusalOf(error.revert, codes) : error;
  }
}

/** The receipt of what was sent before; undefined where it came to nothing, and may be sent again. */
async function earlier({ relayer, chain }: Deps, hash: Hash): Promise<Mined | undefined> {
  for (const end = performance.now() + chain.patience; ; ) {
    const fate = await relayer.fateOf(hash);
    if (fate === "gone") return undefined;
    if (fate !== "waiting") return fate.receipt.status === "success" ? fate.receipt : undefined;
    if (performance.now() >= end) throw notMinedYet(hash);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}
