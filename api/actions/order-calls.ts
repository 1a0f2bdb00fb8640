/**
 * What the parties of an order may do with its money. The contracts take these calls from the agent's own EOA alone, and no operator can
 * be granted them; so the exchange sends none of them. It asks the contract whether it would take the call now, and answers the
 * transaction to sign.
 */
import { type Abi, type Address, encodeFunctionData, type Hex } from "viem";
import type { z } from "zod";
import { disputesAbi, exchangeAbi } from "../../sdk/abis/index.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { joinTokenId, orderId as orderIds } from "../../sdk/ids.ts";
import {
  disputeCategories,
  type disputeRequestSchema,
  type TransactionRequest,
} from "../../sdk/wire/orders.ts";
import { refusalOf } from "../chain/refusals.ts";
import { contractErrors, revertOf } from "../chain/revert.ts";
import type { Deps } from "../deps.ts";
import type { Session } from "./session.ts";

/** Takes the order's money back: the buyer as far as the refund terms let it, the seller at any time. */
export function refundOrder(deps: Deps, session: Session, id: string): Promise<TransactionRequest> {
  return exchangeCall(deps, session, id, "refund");
}

/** Lets the money go before the window ends: the buyer alone. */
export function acceptOrder(deps: Deps, session: Session, id: string): Promise<TransactionRequest> {
  return exchangeCall(deps, session, id, "accept");
}

/** Disputes the order: the buyer alone, who pays the arbitration's cost in the chain's own coin. */
export async function disputeOrder(
  deps: Deps,
  session: Session,
  id: string,
  { category, evidence }: z.output<typeof disputeRequestSchema>,
): Promise<TransactionRequest> {
  await deps.guard.assertTrusted();
  const keyId = await orderNumber(deps, id);
  const { client, deployment } = deps.chain;
  const address = deployment.contracts.Disputes;
  const value = await client.readContract({ address, abi: disputesAbi, functionName: "arbitrationCost" });
  const args = [keyId, disputeCategories.indexOf(category), evidence] as const;
  const name = "Disputes.open(keyId, category, evidence)";
  return asked(deps, session, { address, abi: disputesAbi, functionName: "open", args, value, name });
}

async function exchangeCall(
  deps: Deps,
  session: Session,
  id: string,
  functionName: "refund" | "accept",
): Promise<TransactionRequest> {
  await deps.guard.assertTrusted();
  const keyId = await orderNumber(deps, id);
  const { address } = deps.chain.exchange;
  const name = `Exchange.${functionName}(keyId)`;
  return asked(deps, session, { address, abi: exchangeAbi, functionName, args: [keyId], value: 0n, name });
}

/** The order's number on chain. Throws NOT_FOUND for one that this chain does not have. */
async function orderNumber({ chain }: Deps, id: string): Promise<bigint> {
  const ref = orderIds.parse(id);
  const unknown = () =>
    new ExchangeError("NOT_FOUND", `There is no order ${id}.`, {
      hint: "A sale without a refund window leaves no order: its money was split at once.",
      details: { order_id: id },
    });
  if (ref.chainId !== chain.id) throw unknown();
  const number = joinTokenId(ref);
  const { status } = await chain.exchange.read.orderOf([number]).catch((error: unknown) => {
    throw revertOf(error) ? unknown() : error;
  });
  if (status === 0) throw unknown();
  return number;
}

type Asked = {
  address: Address;
  abi: Abi;
  functionName: string;
  args: readonly unknown[];
  value: bigint;
  name: string;
};

/** The transaction, once the contract has said that it would take it from the session's EOA now. Throws why it would not. */
async function asked(
  { chain }: Deps,
  { eoa }: Session,
  { address, abi, functionName, args, value, name }: Asked,
): Promise<TransactionRequest> {
  const all = [...abi, ...contractErrors];
  // Not the last block but the next one: windows end by its time. Whether the wallet has the value is its own matter.
  const state = {
    account: eoa,
    blockTag: "pending" as const,
    stateOverride: [{ address: eoa, balance: 2n ** 100n }],
  };
  await chain.client
    .simulateContract({ address, abi: all, functionName, args, value, ...state } as never)
    .catch((error: unknown) => {
      const revert = revertOf(error);
      throw revert ? refusalOf(revert) : error;
    });
  const data: Hex = encodeFunctionData({ abi, functionName, args });
  return { chain_id: chain.id, from: eoa, to: address, data, value: String(value), function: name };
}
