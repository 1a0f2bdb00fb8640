/** Payments into tills, and what happens to them on the way. */
import type { Address, Hex } from "viem";
import { by, type Moa, type Person, people } from "./deploy.ts";
import { PRICE, type Quote, quoteOf } from "./market.ts";
import { type Authorization, authorizationOf, signAuthorization, signCancel, split } from "./sign.ts";

/** A quote and the payer's signed payment into its till. */
export type Payment = { quote: Quote; till: Address; authorization: Authorization; signature: Hex };

/** A quote for the buyer, unless told otherwise, and a signed payment of `value` into its till. */
export async function paymentOf(
  moa: Moa,
  fields: Partial<Quote> = {},
  payer: Person = people.buyer,
  value = PRICE,
): Promise<Payment> {
  const quote = await quoteOf(moa, people.buyer, fields);
  const till = await moa.tills.read.tillOf([quote]);
  const authorization = authorizationOf(payer.address, value);
  return { quote, till, authorization, signature: await signAuthorization(moa, payer, till, authorization) };
}

/** Buys via the till, as the relayer does. */
export function redeem(
  moa: Moa,
  payment: Payment,
  sender: { address: Address } = people.relayer,
): Promise<Hex> {
  const { quote, authorization, signature } = payment;
  return moa.tills.write.buyViaTill([quote, authorization, signature], by(sender));
}

/** What a thief of pending transactions does: the token's own function, without the tills. */
export function submit(moa: Moa, { till, authorization: a, signature }: Payment): Promise<Hex> {
  const { v, r, s } = split(signature);
  const args = [a.from, till, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s] as const;
  return moa.usdc.write.transferWithAuthorization(args, by(people.stranger));
}

/** What a payer does who wants its money back before it was taken. */
export async function cancel(moa: Moa, payer: Person, { authorization: { nonce } }: Payment): Promise<Hex> {
  const { v, r, s } = split(await signCancel(moa, payer, nonce));
  return moa.usdc.write.cancelAuthorization([payer.address, nonce, v, r, s], by(payer));
}
