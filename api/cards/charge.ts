/** A card's charge on the chain: the key that it bought, the float that pays for it, and the way back. */
import { erc20Abi, type Hash, keccak256, stringToBytes } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import { minedNow } from "../chain/broadcast.ts";
import { type Chain, chainTime } from "../chain/client.ts";
import { type Call, contractCall } from "../chain/relayer.ts";
import { type Sale, saleIn } from "../chain/sales.ts";
import type { Deps } from "../deps.ts";
import { type CardPurchase, reservedOf } from "../store/card-purchases.ts";

/** Seconds in which a transaction that issues a key must be mined. */
const ISSUE_SECONDS = 120n;

/** The charge's name on chain; it works once. */
export const chargeIdOf = (intentId: string): Hash => keccak256(stringToBytes(intentId));

/** What a charge bought. `keyId` 0: nothing yet. */
export type ChainCharge = { chargeId: Hash; keyId: bigint; reversed: boolean };

export async function readCharge({ cards }: Chain, intentId: string): Promise<ChainCharge> {
  const chargeId = chargeIdOf(intentId);
  const [keyId, reversed] = await cards.read.chargeOf([chargeId]);
  return { chargeId, keyId, reversed };
}

/** The charge's sale, from the chain's own log. */
export async function saleOfCharge(chain: Chain, chargeId: Hash, fromBlock: bigint): Promise<Sale> {
  const { client, cards } = chain;
  const [log] = await client.getContractEvents({
    ...{ address: cards.address, abi: cards.abi, eventName: "ChargeIssued", args: { chargeId } },
    ...{ fromBlock, strict: true },
  });
  const receipt = log && (await minedNow(chain, log.transactionHash));
  const sale = receipt && (await saleIn(chain, receipt, { keyId: log.args.keyId }));
  if (!sale) throw new Error(`The log does not show the sale of charge ${chargeId} yet.`);
  return sale;
}

/** The call that issues the purchase's key, and until when (Unix seconds) it can be mined. */
export async function issueCall(
  chain: Chain,
  purchase: Pick<CardPurchase, "agentId" | "ekId" | "version" | "maxPrice">,
  chargeId: Hash,
): Promise<{ call: Call; deadline: bigint }> {
  const { agentId, ekId, version, maxPrice } = purchase;
  // Whoever the agent is now: it may have rotated since.
  const [recipient, now] = await Promise.all([chain.registry.read.eoaOf([agentId]), chainTime(chain)]);
  const deadline = now + ISSUE_SECONDS;
  const { address, abi } = chain.cards;
  const args = [ekId, version, recipient, maxPrice, deadline, chargeId] as const;
  return { call: contractCall({ address, abi, functionName: "issueForCharge", args }), deadline };
}

/** Burns the charge's key and brings what its escrow holds back into the float. */
export function chargebackCall({ cards }: Chain, chargeId: Hash): Call {
  const { address, abi } = cards;
  return contractCall({ address, abi, functionName: "chargeback", args: [chargeId] });
}

/** Whether the order's money went back while the charge was not reversed: by the seller, who refunded it. */
export async function isOrderRefunded({ exchange }: Chain, keyId: bigint): Promise<boolean> {
  return (await exchange.read.orderOf([keyId])).status === REFUNDED;
}
/** `IOrders.OrderStatus.Refunded`. */
const REFUNDED = 4;

/**
 * Throws SERVICE_UNAVAILABLE unless the float and the day's cap cover one more key at this price, next to what is reserved already. The
 * contract has the last word; this one comes before a card is asked for money.
 */
export async function assertFloat(
  { chain, sql }: Pick<Deps, "chain" | "sql">,
  { token, maxPrice }: Pick<CardPurchase, "token" | "maxPrice">,
): Promise<void> {
  const balanceOf = { address: token, abi: erc20Abi, functionName: "balanceOf" } as const;
  const [[spent, cap], float, reserved] = await Promise.all([
    chain.cards.read.spentToday([token]),
    chain.client.readContract({ ...balanceOf, args: [chain.cards.address] }),
    reservedOf(sql, token),
  ]);
  const needed = reserved + maxPrice;
  if (spent + needed > cap) throw notCovered("card_daily_cap", { spent, reserved, price: maxPrice, cap });
  if (needed > float) throw notCovered("card_float", { reserved, price: maxPrice, float });
}

function notCovered(reason: "card_daily_cap" | "card_float", values: Record<string, bigint>): ExchangeError {
  const message =
    reason === "card_daily_cap"
      ? "The cap on keys for cards is reached for today."
      : "The money that pays for cards' keys does not cover this one.";
  return new ExchangeError("SERVICE_UNAVAILABLE", message, {
    hint:
      reason === "card_daily_cap"
        ? "Nothing was charged. Pay by crypto, or come back after 00:00 UTC."
        : "Nothing was charged. Pay by crypto, or come back later.",
    details: {
      reason,
      ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])),
    },
  });
}
