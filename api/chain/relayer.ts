/**
 * Sends transactions for agents, from one account. One at a time from signing to sending, whatever the number of APIs that share the
 * account: nonces never collide. Every call is simulated first, so that what the contract refuses costs no gas.
 */
import {
  type Abi,
  type Address,
  BaseError,
  type ContractFunctionArgs,
  type ContractFunctionName,
  encodeFunctionData,
  type Hash,
  type Hex,
  HttpRequestError,
  keccak256,
  TimeoutError,
  TransactionNotFoundError,
  type TransactionReceipt,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { ExchangeError } from "../../sdk/errors.ts";
import type { Sql } from "../store/database.ts";
import type { Chain } from "./client.ts";
import type { ChainGuard } from "./guard.ts";
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

/** The transaction was refused before it left: nothing was sent. */
export class TransactionNotSent extends ExchangeError {
  override readonly name = "TransactionNotSent";
  constructor({ reason, cause }: { reason: string; cause: unknown }) {
    super("SERVICE_UNAVAILABLE", `The exchange could not send its transaction: ${reason}.`, {
      hint: "Nothing was done. Try again later; GET /health tells how the relayer is.",
      details: { check: "relayer" },
      cause,
    });
  }
}

export type Relayer = {
  address: Address;
  /** Why the contract would refuse the call in the next block; undefined when it would not. */
  simulate(call: Call): Promise<Revert | undefined>;
  /**
   * Sends the call and waits for its receipt; undefined when it was not mined in time, and may be later. `signed` is awaited with the
   * transaction's hash before anything is sent. Throws {@link ContractRefusal} and {@link TransactionNotSent}.
   */
  send(call: Call, signed?: (hash: Hash) => Promise<void>): Promise<TransactionReceipt | undefined>;
  /** {@link send} for callers that can only wait. Throws SERVICE_UNAVAILABLE, with the transaction, when it was not mined in time. */
  relay(call: Call): Promise<TransactionReceipt>;
};

export function createRelayer({
  chain,
  guard,
  lock,
  privateKey,
}: {
  chain: Chain;
  guard: ChainGuard;
  lock: Sql;
  privateKey: Hex;
}): Relayer {
  const account = privateKeyToAccount(privateKey);
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

  const estimateGas = async (call: Call): Promise<bigint> => {
    try {
      return await client.estimateContractGas(inNextBlock(call));
    } catch (error) {
      throw refusalIn(error); // something came in between
    }
  };

  const sign = async (call: Call) => {
    const { address: to } = call;
    const data = encodeFunctionData(call);
    const [gas, fees] = await Promise.all([estimateGas(call), client.estimateFeesPerGas()]);
    return (nonce: number): Promise<Hex> =>
      account.signTransaction({
        type: "eip1559",
        chainId: chain.id,
        to,
        data,
        nonce,
        // What the sale before this one changed may make it dearer.
        gas: (gas * 13n) / 10n,
        maxFeePerGas: fees.maxFeePerGas,
        maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
      });
  };

  const broadcast = (
    signWith: (nonce: number) => Promise<Hex>,
    signed: (hash: Hash) => Promise<void>,
  ): Promise<Hash> =>
    lock.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`relayer ${chain.id} ${account.address}`}, 0))`;
      const nonce = await client.getTransactionCount({ address: account.address, blockTag: "pending" });
      const serializedTransaction = await signWith(nonce);
      const hash = keccak256(serializedTransaction);
      await signed(hash);
      await client.sendRawTransaction({ serializedTransaction }).catch(async (error: unknown) => {
        if (await mayBeSent(chain, hash, error)) return;
        const reason = error instanceof BaseError ? error.shortMessage : "the RPC refused it";
        throw new TransactionNotSent({ reason, cause: error });
      });
      return hash;
    }) as Promise<Hash>;

  const send: Relayer["send"] = async (call, signed = async () => {}) => {
    await guard.assertTrusted();
    const refusal = await simulate(call);
    if (refusal) throw new ContractRefusal(refusal);
    const hash = await broadcast(await sign(call), signed);
    const receipt = await receiptOf(chain, hash, chain.patience);
    if (receipt?.status !== "reverted") return receipt;
    // Something came between: what would it say now?
    throw new ContractRefusal((await simulate(call)) ?? { name: "Reverted", args: { transaction: hash } });
  };

  return {
    address: account.address,
    simulate,
    send,
    async relay(call) {
      let hash: Hash | undefined;
      const receipt = await send(call, async (signed) => {
        hash = signed;
      });
      if (receipt) return receipt;
      throw new ExchangeError("SERVICE_UNAVAILABLE", `Transaction ${hash} was sent and is not mined yet.`, {
        hint: "Do not send it again: look the transaction up, it may still be mined.",
        details: { tx: hash },
      });
    },
  };
}

/** The contract's refusal in what viem threw; anything else is thrown on. */
function refusalIn(error: unknown): ContractRefusal {
  const revert = revertOf(error);
  if (!revert) throw error;
  return new ContractRefusal(revert);
}

/** The receipt, as soon as there is one; undefined when patience (in milliseconds) ends first. */
export async function receiptOf(
  { client }: Chain,
  hash: Hash,
  patience: number,
): Promise<TransactionReceipt | undefined> {
  const end = performance.now() + patience;
  for (;;) {
    const receipt = await client.getTransactionReceipt({ hash }).catch((error: unknown) => {
      if (error instanceof BaseError) return undefined; // not mined, or the RPC is out of breath
      throw error;
    });
    if (receipt || performance.now() >= end) return receipt;
    await new Promise((resolve) => setTimeout(resolve, client.pollingInterval));
  }
}

/**
 * Whether a transaction may be on its way although sending it failed: Hardhat answers with the revert of one that it has mined, other
 * nodes with "already known", and a connection may break after the request.
 */
async function mayBeSent({ client }: Chain, hash: Hash, error: unknown): Promise<boolean> {
  const silent = (e: unknown) =>
    e instanceof BaseError &&
    e.walk((c) => c instanceof HttpRequestError || c instanceof TimeoutError) !== null;
  try {
    await client.getTransaction({ hash });
    return true;
  } catch (lookup) {
    return !(lookup instanceof TransactionNotFoundError) || silent(error);
  }
}
