/** The steps of a payment: which may follow which, and the one function that makes them. */
import type { Hash } from "viem";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import type { Queryable, Sql } from "./database.ts";
import type { Payment, PaymentState } from "./payments.ts";

/**
 * Where a payment may go from each state. To Unknown from behind EKIssued only when the chain took the block back that issued the key;
 * from Failed only by `takePayment`, when the same payment is tried again.
 */
export const moves: Readonly<Record<PaymentState, readonly PaymentState[]>> = {
  PaymentAuthorized: ["PaymentConfirmed", "Unknown", "Failed"],
  // Refunded: the money came, and no key could be issued for it. Failed: it was only held, and was let go.
  PaymentConfirmed: ["EKIssued", "Unknown", "Failed", "Refunded", "Disputed"],
  EKIssued: ["AccessGranted", "Disputed", "Refunded", "Unknown"],
  AccessGranted: ["Disputed", "Refunded", "Unknown"],
  // Back to where it was, when the buyer lost.
  Disputed: ["EKIssued", "AccessGranted", "Refunded", "Unknown"],
  Refunded: ["Unknown"],
  Unknown: ["PaymentConfirmed", "Failed", "Refunded"],
  Failed: ["PaymentAuthorized"],
};

export type Step = {
  /** What shows that it happened: a signature, a transaction, a receipt, a charge. JSON only; kept for ever. */
  evidence: Readonly<Record<string, unknown>>;
  tx?: Hash;
  keyId?: string;
  purchase?: PurchaseResponse;
  /** The block that issued the key. */
  block?: { number: bigint; hash: Hash };
  reason?: string;
};

/**
 * `moved`: this call did it. `already`: it is there, or has been and is past it. `refused`: there is no way to it from `state`. Only the
 * first changed anything.
 */
export type Moved = { outcome: "moved" | "already" | "refused"; state: PaymentState };

/**
 * Moves a payment, and stores the step with its evidence in the same statement. Safe to repeat, and for any number of callers at once:
 * one of them moves.
 */
export async function move(sql: Queryable, id: string, to: PaymentState, step: Step): Promise<Moved> {
  const sources = stateNames.filter((state) => moves[state].includes(to));
  const gone = to === "Unknown";
  const { tx = null, keyId = null, purchase, block, reason = null } = step;
  const rows = await sql`
    with before as (
      select id, state from payments where id = ${id} and state in ${sql(sources)} for update
    ), moved as (
      update payments p set
        state = ${to}, updated_at = now(), tx = coalesce(${tx}, tx), reason = coalesce(${reason}, reason),
        -- What is unknown again has no key to show.
        key_id = coalesce(${keyId}, case when ${gone} then null else key_id end),
        purchase = coalesce(${purchase ? sql.json(purchase) : null}::jsonb, case when ${gone} then null else purchase end),
        block_number = coalesce(${block ? String(block.number) : null}, case when ${gone} then null else block_number end),
        block_hash = coalesce(${block?.hash ?? null}, case when ${gone} then null else block_hash end),
        review_at = case when ${to === "EKIssued"} then now() + interval '1 minute' else review_at end
      from before where p.id = before.id returning p.id
    )
    insert into payment_transitions (payment_id, from_state, state, evidence)
    select before.id, before.state, ${to}, ${sql.json(step.evidence as never)} from before join moved using (id)
    returning id`;
  if (rows.length === 1) return { outcome: "moved", state: to };
  const [now] = await sql<{ state: PaymentState; been: boolean }[]>`
    select state, exists (
      select from payment_transitions t where t.payment_id = p.id and t.state = ${to}
    ) as been from payments p where id = ${id}`;
  if (!now) throw new Error(`Payment ${id} is gone.`); // rows are never deleted
  return { outcome: now.state === to || now.been ? "already" : "refused", state: now.state };
}

const stateNames = Object.keys(moves) as PaymentState[];

/** The transaction was not mined in time. What it did is unknown, until the chain tells. */
export async function markUnknown(sql: Queryable, id: string, tx: Hash | undefined): Promise<Moved> {
  return move(sql, id, "Unknown", { evidence: tx === undefined ? {} : { tx } });
}

/** Nothing was paid by it. */
export async function markFailed(sql: Queryable, id: string, reason: string): Promise<Moved> {
  return move(sql, id, "Failed", { evidence: { reason }, reason });
}

/** Nothing was sent for it, as far as the caller knows: `tx` is what it knows of. Where another one was noted meanwhile nothing changes. */
export async function markNotSent(sql: Sql, { id, tx }: Pick<Payment, "id" | "tx">): Promise<void> {
  await sql.begin(async (begun) => {
    const rows = await begun`
      select 1 from payments where id = ${id} and tx is not distinct from ${tx ?? null} for update`;
    if (rows.length === 1) await markFailed(begun, id, "not_sent");
  });
}

/** A sale as its receipt shows it. */
export type Issue = { purchase: PurchaseResponse; block: { number: bigint; hash: Hash } };

/**
 * The key is there. Where its transaction also moved the money, or showed that it had moved, that is a step of its own before it:
 * nothing is skipped.
 */
export async function markIssued(sql: Sql, id: string, { purchase, block }: Issue): Promise<void> {
  const tx = purchase.tx as Hash;
  const at = { block_number: String(block.number), block_hash: block.hash };
  await sql.begin(async (begun) => {
    await move(begun, id, "PaymentConfirmed", { evidence: { tx, ...at }, tx });
    const evidence = { tx, key_id: purchase.key_id, ...at };
    await move(begun, id, "EKIssued", { evidence, tx, keyId: purchase.key_id, purchase, block });
  });
}

/** The payments' key was turned into a first token. */
export async function markAccessGranted(
  sql: Sql,
  payments: readonly string[],
  evidence: Step["evidence"],
): Promise<void> {
  for (const id of payments) await move(sql, id, "AccessGranted", { evidence });
}
