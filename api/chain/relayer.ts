/**
 * Sends transactions for agents, from one account: see `relay-queue.ts` for how it keeps its order. Every call is simulated first, so that
 * what the contract refuses costs no gas.
 */
import {
  type Abi,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  encodeFunctionData,
  type Hash,
  type Hex,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { Sql } from "../store/database.ts";
import { relayBacklog } from "../store/relayed.ts";
import type { Mined } from "./broadcast.ts";
import type { Chain } from "./client.ts";
import type { ChainGuard } from "./guard.ts";
import { notMinedYet } from "./relay-errors.ts";
import { createRelayQueue, type RelayQueue } from "./relay-queue.ts";
import { contractErrors, type Revert, revertOf } from "./revert.ts";

/** One call of a contract; made by {@link contractCall}, which knows its types. */
export type Call = { address: Address; abi: Abi; functionName: string; args: readonly unknown[] };

export function contractCall<
  const abi extends Abi,
  name extends ContractFunctionName<abi, "nonpayable">,
>(call: {
  address: Address;
  abi: abi;
  functionName: name;
  args: ContractFunctionArgs<abi, "nonpayable", name>;
}): Call {
  return call as Call;
}

/** A contract said no. What it means to the user depends on what was asked: see `refusals.ts`. */
export class ContractRefusal extends Error {
  override readonly name = "ContractRefusal";
  readonly revert: Revert;
  constructor(revert: Revert) {
    super(`The contract refused: ${revert.name}(${JSON.stringify(revert.args)})`);
    this.revert = revert;
  }
}

/** Who caused it: an EOA, whose gas is counted, or `HOUSE`. `signed` is awaited with the hash before anything is sent. */
export type SendOptions = { asker: string; signed?: (hash: Hash) => Promise<void> };

export type Relayer = Pick<RelayQueue, "fateOf" | "tend"> & {
  address: Address;
  /** Why the contract would refuse the call in the next block; undefined when it would not. */
  simulate(call: Call): Promise<Revert | undefined>;
  /**
   * Sends the call and waits for its receipt; undefined when it was not mined in time, and may be later. Throws {@link ContractRefusal};
   * `GasCapReached` and `TransactionNotSent` when nothing was sent.
   */
  send(call: Call, options: SendOptions): Promise<Mined | undefined>;
  /**
   * {@link send} for callers that can only wait. Throws SERVICE_UNAVAILABLE, with the transaction, when it was not mined in time. `note`
   * is awaited with the hash before anything is sent.
   */
  relay(call: Call, asker: string, note?: (hash: Hash) => Promise<void>): Promise<Mined>;
  /** What waits to be mined. */
  backlog(): ReturnType<typeof relayBacklog>;
};

export type RelayerOptions = {
  chain: Chain;
  guard: ChainGuard;
  sql: Sql;
  lock: Sql;
  privateKey: Hex;
  gasPerHour: bigint;
};

export function createRelayer({ chain, guard, privateKey, ...rest }: RelayerOptions): Relayer {
  const account = privateKeyToAccount(privateKey);
  const queue = createRelayQueue({ chain, account, ...rest });
  const { client } = chain;

  // The next block, not the last one: on a quiet chain that may be hours old, and ERC-3009 windows are short.
  const inNextBlock = (call: Call) =>
    ({
      ...call,
      abi: [...call.abi, ...contractErrors],
      account: account.address,
      blockTag: "pending",
    }) as const;

  const simulate = async (call: Call): Promise<Revert | undefined> => {
    try {
      await client.simulateContract(inNextBlock(call));
      return undefined;
    } catch (error) {
      return refusalIn(error).revert;
    }
  };

  const gasFor = async (call: Call): Promise<bigint> => {
    try {
      // What the sale before this one changed may make it dearer.
      return ((await client.estimateContractGas(inNextBlock(call))) * 13n) / 10n;
    } catch (error) {
      throw refusalIn(error); // something came in between
    }
  };

  const send: Relayer["send"] = async (call, { asker, signed = async () => {} }) => {
    await guard.assertTrusted();
    const refusal = await simulate(call);
    if (refusal) throw new ContractRefusal(refusal);
    const entry = { target: call.address, data: encodeFunctionData(call), gas: await gasFor(call) };
    const hash = await queue.enter({ ...entry, asker: asker.toLowerCase() }, signed);
    const receipt = await queue.receiptOf(hash, chain.patience);
    if (receipt) await guard.saw({ number: receipt.blockNumber, hash: receipt.blockHash });
    if (receipt?.status !== "reverted") return receipt;
    // Something came between: what would it say now?
    throw new ContractRefusal((await simulate(call)) ?? { name: "Reverted", args: { transaction: hash } });
  };

  return {
    address: account.address,
    simulate,
    send,
    async relay(call, asker, note = async () => {}) {
      let hash: Hash | undefined;
      const signed = async (signedHash: Hash) => {
        hash = signedHash;
        await note(signedHash);
      };
      const receipt = await send(call, { asker, signed });
      if (receipt) return receipt;
      throw notMinedYet(hash);
    },
    fateOf: queue.fateOf,
    tend: queue.tend,
    backlog: () =>
      relayBacklog(rest.sql, {
        chainId: chain.id,
        sender: account.address.toLowerCase() as Address,
      }),
  };
}

/** The contract's refusal in what viem threw; anything else is thrown on. */
function refusalIn(error: unknown): ContractRefusal {
  const revert = revertOf(error);
  if (!revert) throw error;
  return new ContractRefusal(revert);
}
