/** Joining, and granting the exchange to write: both by the agent's signature, relayed. */
import { parseEventLogs } from "viem";
import type { z } from "zod";
import { agentRegistryAbi } from "../../sdk/abis/index.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import { actions, toBits } from "../../sdk/records.ts";
import type {
  grantRequestSchema,
  registerRequestSchema,
  relayedResponseSchema,
} from "../../sdk/wire/agent.ts";
import { chainTime } from "../chain/client.ts";
import { contractCall } from "../chain/relayer.ts";
import type { Deps } from "../deps.ts";
import type { Session } from "./session.ts";
import { readSignature } from "./signature.ts";
import { relay } from "./write.ts";

/** Seconds that a signature over a grant may be good for. */
export const STEP_UP_SECONDS = 300;
/** Seconds by which a signer's clock may be ahead. */
const CLOCK_SKEW = 30;

type Relayed = z.infer<typeof relayedResponseSchema>;

/** Registers the session's EOA as an agent. */
export async function register(
  deps: Deps,
  session: Session,
  { agent_uri, deadline, signature }: z.output<typeof registerRequestSchema>,
): Promise<Relayed> {
  const { eoa } = session;
  const { chain } = deps;
  const { address, abi } = chain.registry;
  const receipt = await relay(
    deps,
    session,
    contractCall({
      address,
      abi,
      functionName: "registerFor",
      args: [eoa, agent_uri, BigInt(deadline), readSignature(signature)],
    }),
  );
  const [event] = parseEventLogs({ abi: agentRegistryAbi, logs: receipt.logs, eventName: "Registered" });
  if (!event) throw new Error(`Transaction ${receipt.transactionHash} registered nobody.`);
  return {
    agent_id: agentIds.serialize({ chainId: chain.id, agentId: event.args.agentId }),
    tx: receipt.transactionHash,
  };
}

/** Hands in a grant to the exchange's relayer; an EOA that is no agent's yet becomes one. `actions` may be empty: that revokes. */
export async function grant(
  deps: Deps,
  session: Session,
  request: z.output<typeof grantRequestSchema>,
): Promise<Relayed> {
  const { eoa } = session;
  const { chain } = deps;
  const { address, abi } = chain.registry;
  await assertFresh(deps, request.deadline);
  const receipt = await relay(
    deps,
    session,
    contractCall({
      address,
      abi,
      functionName: "grantBySig",
      args: [
        {
          agent: eoa,
          operator: deps.relayer.address,
          actions: BigInt(toBits(actions, request.actions)),
          expiry: BigInt(request.expiry),
          nonce: BigInt(request.nonce),
          deadline: BigInt(request.deadline),
        },
        readSignature(request.signature),
      ],
    }),
  );
  const [event] = parseEventLogs({ abi: agentRegistryAbi, logs: receipt.logs, eventName: "OperatorGranted" });
  if (!event) throw new Error(`Transaction ${receipt.transactionHash} granted nothing.`);
  return {
    agent_id: agentIds.serialize({ chainId: chain.id, agentId: event.args.agentId }),
    tx: receipt.transactionHash,
  };
}

/**
 * A session alone grants nothing: the EOA signs the grant itself, with the registry's next nonce. Nor does a signature that was made long
 * before, for whoever finds it.
 */
async function assertFresh({ chain }: Deps, deadline: string): Promise<void> {
  const left = BigInt(deadline) - (await chainTime(chain));
  if (left <= BigInt(STEP_UP_SECONDS + CLOCK_SKEW)) return;
  throw new ExchangeError("INVALID_REQUEST", `The signature would be good for ${left} seconds.`, {
    hint: `Sign the grant with a deadline at most ${STEP_UP_SECONDS} seconds from now.`,
    details: { reason: "not_fresh", deadline, maximum_seconds: STEP_UP_SECONDS },
  });
}
