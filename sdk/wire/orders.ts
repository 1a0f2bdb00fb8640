/** Orders after the sale, and what sellers are owed. Moving money is the agent's own: the exchange answers the transaction, the wallet sends it. */
import { z } from "zod";
import {
  addressSchema,
  agentIdSchema,
  ekIdSchema,
  hexSchema,
  keyIdSchema,
  orderIdSchema,
  timestampSchema,
  unitsSchema,
} from "./common.ts";

/** A transaction that `from` signs and sends. `value` in wei. The contract has been asked: it would take it now. */
export const transactionRequestSchema = z.object({
  chain_id: z.int(),
  from: addressSchema,
  to: addressSchema,
  data: hexSchema,
  value: unitsSchema,
  /** What `data` calls, for people. */
  function: z.string(),
});
export type TransactionRequest = z.infer<typeof transactionRequestSchema>;

/** What a buyer complains of, by the number in `IDisputes.Category`. */
export const disputeCategories = [
  "unfair_fee",
  "failed_service",
  "reputation_abuse",
  "contract_violation",
  "data_integrity",
] as const;

export const disputeRequestSchema = z.object({
  category: z.enum(disputeCategories),
  /** URI of the complaint (ERC-1497); may be left out. */
  evidence: z.string().max(2_048).default(""),
});

/** An order whose money waits. */
export const heldOrderSchema = z.object({
  order_id: orderIdSchema,
  key_id: keyIdSchema,
  ek_id: ekIdSchema,
  buyer_id: agentIdSchema,
  token: addressSchema,
  amount: unitsSchema,
  status: z.enum(["held", "disputed"]),
  /** From then on anybody may let a held order's money go: Exchange.release. */
  release_at: timestampSchema,
});

/** One token's sums, in its smallest units, of all that the agent sells. Amounts of orders are gross: the split comes out of them. */
export const payoutSchema = z.object({
  token: addressSchema,
  currency: z.string(),
  /** What the agent can withdraw now, as the chain has it: of all shares that it ever earned, less what it took out. */
  credit: unitsSchema,
  /** Sold without a refund window. */
  sold_at_once: unitsSchema,
  held: unitsSchema,
  disputed: unitsSchema,
  released: unitsSchema,
  refunded: unitsSchema,
  /** What the listings' validators can still share. */
  bounties: unitsSchema,
  withdrawn: unitsSchema,
  /** Pays the credit out to the agent's EOA; absent where there is none. */
  withdraw: transactionRequestSchema.optional(),
});

export const payoutsResponseSchema = z.object({
  agent_id: agentIdSchema,
  tokens: z.array(payoutSchema),
  /** The next to be released first. */
  held_orders: z.array(heldOrderSchema),
  cursor_next: z.string().optional(),
});
export type PayoutsResponse = z.infer<typeof payoutsResponseSchema>;
