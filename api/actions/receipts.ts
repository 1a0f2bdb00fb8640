/** Receipts at the exchange: the tree of a gateway's day, proofs from it, and buyers' signatures. */
import { calculateJwkThumbprint } from "jose";
import type { Hex } from "viem";
import type { z } from "zod";
import { openCountersignature } from "../../sdk/countersignature.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { placeOf, proveLeaf } from "../../sdk/receipt-proofs.ts";
import { receiptTree } from "../../sdk/receipt-tree.ts";
import type { countersignedSchema, ReceiptDay, receiptProofSchema } from "../../sdk/wire/public.ts";
import type { Deps } from "../deps.ts";
import { findReceipt, leavesOf, saveCountersignature } from "../store/receipts.ts";

/** What a gateway sent will never be taken: it need not send it again. */
export class Rejected extends Error {
  override readonly name = "Rejected";
}

/** By what a gateway is known: the RFC 7638 thumbprint of its key, given as the JWK's `x`. */
export function gatewayIdOf(x: string): Promise<string> {
  return calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x });
}

/**
 * Keeps a buyer's signature. A gateway's outbox keeps the order, so its receipt has been here before, or never will be. Throws
 * {@link Rejected}.
 */
export async function takeCountersignature(
  { sql }: Deps,
  { receipt_id, receipt_hash }: z.infer<typeof countersignedSchema>,
  jws: string,
): Promise<void> {
  const receipt = await findReceipt(sql, receipt_id);
  if (!receipt) throw new Rejected("the receipt that it signs is not here");
  if (receipt.jkt === null || receipt.leaf !== receipt_hash)
    throw new Rejected("the countersignature is of another receipt");
  try {
    await openCountersignature(jws, receipt.jkt);
  } catch (error) {
    if (error instanceof ExchangeError) throw new Rejected(error.message);
    throw error;
  }
  await saveCountersignature(sql, receipt_id, jws);
}

type Day = { gatewayId: string; day: string };

/** Root and count of a day, as far as the gateway has reported it. */
export async function receiptDay({ sql }: Deps, { gatewayId, day }: Day): Promise<ReceiptDay> {
  const { leaves, root } = receiptTree(await leavesOf(sql, { gatewayId, day }));
  const open = day >= new Date().toISOString().slice(0, 10);
  return { gateway_id: gatewayId, day, root, count: leaves.length, open };
}

/** That a receipt is in the tree, or, by its neighbours, that it is not. */
export async function receiptProof(
  { sql }: Deps,
  { leaf, ...at }: Day & { leaf: Hex },
): Promise<z.infer<typeof receiptProofSchema>> {
  const tree = receiptTree(await leavesOf(sql, at));
  const { root } = tree;
  const { index, found } = placeOf(tree, leaf);
  const count = tree.leaves.length;
  if (found) return { root, count, proof: proveLeaf(tree, index) };
  return {
    root,
    count,
    ...(index > 0 ? { before: proveLeaf(tree, index - 1) } : {}),
    ...(index < count ? { after: proveLeaf(tree, index) } : {}),
  };
}
