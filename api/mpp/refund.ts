/**
 * Sends money back on Tempo, each sum once. What is sent was signed and stored before, with its nonce: whoever finds it sends the same
 * bytes again, and the chain takes them once. The next refund is signed when the one before is through.
 */
import { encodeFunctionData, keccak256, stringToBytes, TransactionNotFoundError } from "viem";
import { Abis } from "viem/tempo";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import {
  forgetSigned,
  getRefund,
  noteRefunded,
  type Refund,
  type SignedRefund,
  signNext,
} from "./refund-store.ts";
import { isSilence, type Tempo } from "./tempo.ts";

/** How many refunds one round sends. */
const BATCH = 10;
/** Milliseconds to wait for a refund to be mined, and between two looks. */
const PATIENCE = 5_000;
const LOOK_AGAIN = 150;
/** Seconds after which it counts that a transaction is nowhere to be found although its nonce is used. */
const LOST_AFTER = 600;

/** Sends what is due. */
export async function sendRefunds({ sql }: Pick<Deps, "sql">, tempo: Tempo): Promise<void> {
  await tempo.assertTrusted();
  for (let i = 0; i < BATCH; i++) {
    const refund = await signNext(sql, tempo.chainId, (next) => sign(tempo, next));
    if (!refund?.signed) return;
    if (!(await carryThrough({ sql }, tempo, refund, refund.signed))) return;
  }
}

/** Sends what is due until this refund is through, for as long as patience lasts. */
export async function awaitRefund(
  deps: Pick<Deps, "sql">,
  tempo: Tempo,
  { id }: Refund,
): Promise<Refund | undefined> {
  const end = performance.now() + PATIENCE;
  do {
    await sendRefunds(deps, tempo);
    const refund = await getRefund(deps.sql, id);
    if (refund.done) return refund;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  } while (performance.now() < end);
  return undefined;
}

/** The transfer back, whose memo tells the payer what for. Undefined when the token would refuse it now. */
async function sign(tempo: Tempo, { to, amount, challengeId }: Refund): Promise<SignedRefund | undefined> {
  const { client, account, token, chainId } = tempo;
  const call = {
    address: token,
    abi: Abis.tip20,
    functionName: "transferWithMemo",
    args: [to, amount, refundMemoOf(challengeId)],
  } as const;
  try {
    await client.simulateContract({ ...call, account: account.address });
  } catch (error) {
    if (isSilence(error)) throw error;
    log("error", "a refund on Tempo is refused", { to, amount: String(amount), ...errorFields(error) });
    return undefined;
  }
  const [nonce, gas, fees] = await Promise.all([
    client.getTransactionCount({ address: account.address, blockTag: "latest" }),
    client.estimateContractGas({ ...call, account: account.address }),
    client.estimateFeesPerGas(),
  ]);
  const raw = await account.signTransaction({
    ...{ type: "eip1559", chainId, to: token, data: encodeFunctionData(call), nonce },
    // Some node prices storage by what the block before left: a refund must not fail by that.
    gas: (gas * 3n) / 2n,
    maxFeePerGas: fees.maxFeePerGas * 2n,
    maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
  });
  return { nonce, raw, tx: keccak256(raw) };
}

/** What the transfer back says: the hash of the challenge that was paid for. */
export function refundMemoOf(challengeId: string) {
  return keccak256(stringToBytes(`refund ${challengeId}`));
}

/** True when the money is back. */
async function carryThrough(
  { sql }: Pick<Deps, "sql">,
  tempo: Tempo,
  refund: Refund,
  { nonce, raw, tx }: SignedRefund,
): Promise<boolean> {
  const { client, account } = tempo;
  let failure: unknown;
  await client.sendRawTransaction({ serializedTransaction: raw }).catch((error: unknown) => {
    failure = error; // sent before, or the node is out of breath: the receipt tells
  });
  const end = performance.now() + PATIENCE;
  do {
    const receipt = await client.getTransactionReceipt({ hash: tx }).catch(() => undefined);
    if (receipt?.status === "success") {
      await noteRefunded(sql, refund.id);
      return true;
    }
    if (receipt) {
      log("error", "a refund on Tempo was reverted", { refund: refund.id, tx });
      await forgetSigned(sql, refund);
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  } while (performance.now() < end);
  if (failure)
    log("warn", "a refund on Tempo is not mined yet", { refund: refund.id, ...errorFields(failure) });
  // Somebody used the account's nonce for something else: these bytes will never be taken.
  if (refund.age > LOST_AFTER && (await isLost(tempo, account.address, nonce, tx))) {
    await forgetSigned(sql, refund);
  }
  return false;
}

async function isLost(
  { client }: Tempo,
  address: Tempo["recipient"],
  nonce: number,
  hash: SignedRefund["tx"],
): Promise<boolean> {
  if ((await client.getTransactionCount({ address, blockTag: "latest" })) <= nonce) return false;
  try {
    await client.getTransaction({ hash });
    return false;
  } catch (error) {
    return error instanceof TransactionNotFoundError;
  }
}
