/** The verbs after the sale: what moves an agent's money is its own transaction. */
import { type Address, encodeFunctionData, type Hash, type Hex } from "viem";
import { disputesAbi, exchangeAbi } from "../abis/index.ts";
import type { Exchange } from "../client.ts";
import { ExchangeError } from "../errors.ts";
import * as ids from "../ids.ts";
import {
  disputeCategories,
  type PayoutsResponse,
  payoutsResponseSchema,
  type TransactionRequest,
  transactionRequestSchema,
} from "../wire/orders.ts";
import type { Core } from "./core.ts";

export function orderers(core: Core) {
  const { session, signer, send } = core;

  const ask = (orderId: string, verb: string, body?: unknown): Promise<TransactionRequest> => {
    const id = ids.orderId.serialize(ids.orderId.parse(orderId));
    const path = `/me/orders/${id}/${verb}`;
    return session.call({ method: "POST", path, body, schema: transactionRequestSchema });
  };

  /** What the exchange proposes is sent only when it is what this client would have written itself. */
  const sendChecked = async (
    proposed: TransactionRequest,
    expected: { to: Address | undefined; data: Hex; maxValue: bigint },
  ): Promise<{ tx: Hash }> => {
    const { chainId } = await core.place();
    const { to, data, maxValue } = expected;
    const same =
      proposed.chain_id === chainId &&
      proposed.to.toLowerCase() === to?.toLowerCase() &&
      proposed.data.toLowerCase() === data.toLowerCase();
    if (same && BigInt(proposed.value) <= maxValue) return { tx: await send(proposed) };
    throw new ExchangeError(
      "INVALID_REQUEST",
      same
        ? `${proposed.function} costs ${proposed.value} wei, more than the ${maxValue} that it may. Nothing was sent.`
        : `The exchange proposes another transaction than ${proposed.function} on its own contract. Nothing was sent.`,
      {
        hint: same ? "Raise maxFee." : "Do not send it. Is the url right, and the pinned deployment?",
        details: { proposed, expected: { to: to ?? null, data, max_value: String(maxValue) } },
      },
    );
  };

  const orderCall = async (orderId: string, functionName: "refund" | "accept") => {
    const { exchange } = await core.place();
    const args = [ids.joinTokenId(ids.orderId.parse(orderId))] as const;
    const data = encodeFunctionData({ abi: exchangeAbi, functionName, args });
    return sendChecked(await ask(orderId, functionName), { to: exchange, data, maxValue: 0n });
  };

  const payouts: Exchange["payouts"] = (page) =>
    session.call({ path: "/me/sell/payouts", query: page, schema: payoutsResponseSchema });

  const withdrawOne = async ({ agent_id }: PayoutsResponse, payout: PayoutsResponse["tokens"][number]) => {
    const { exchange } = await core.place();
    const { agentId } = ids.agentId.parse(agent_id);
    const args = [agentId, payout.token as Address, signer.address] as const;
    const data = encodeFunctionData({ abi: exchangeAbi, functionName: "withdraw", args });
    const { tx } = await sendChecked(payout.withdraw as TransactionRequest, {
      to: exchange,
      data,
      maxValue: 0n,
    });
    return { token: payout.token, amount: payout.credit, tx };
  };

  return {
    payouts,
    refund: (orderId) => orderCall(orderId, "refund"),
    accept: (orderId) => orderCall(orderId, "accept"),
    async dispute(orderId, { category, evidence = "", maxFee }) {
      const { disputes } = await core.place();
      const number = ids.joinTokenId(ids.orderId.parse(orderId));
      const args = [number, disputeCategories.indexOf(category), evidence] as const;
      const data = encodeFunctionData({ abi: disputesAbi, functionName: "open", args });
      const proposed = await ask(orderId, "dispute", { category, evidence });
      return sendChecked(proposed, { to: disputes, data, maxValue: maxFee });
    },
    async withdraw(token) {
      const owed = await payouts();
      const chosen = owed.tokens.filter(
        (payout) => payout.withdraw && (!token || payout.token.toLowerCase() === token.toLowerCase()),
      );
      const done: Awaited<ReturnType<typeof withdrawOne>>[] = [];
      for (const payout of chosen) done.push(await withdrawOne(owed, payout)); // one nonce after the other
      return done;
    },
  } satisfies Partial<Exchange>;
}
