/**
 * Operator grants: by one signature an agent lets the exchange write for it, so that it needs no gas of its own. The client writes the
 * message itself. From what the exchange sends it takes the nonce alone, which gives nothing away.
 */
import type { Address } from "viem";
import { z } from "zod";
import { ExchangeError } from "./errors.ts";
import { type ActionName, actions, toBits } from "./records.ts";
import type { Signer } from "./signer.ts";
import { operatorGrantTypedData } from "./typed-data.ts";
import { grantNeededSchema, type grantRequestSchema } from "./wire/agent.ts";
import { unitsSchema } from "./wire/common.ts";

/** Seconds that a grant lives; a later write asks for the next one. */
export const GRANT_SECONDS = 7 * 24 * 3600;
/** Seconds in which the exchange must hand the signature in. */
export const SIGNATURE_SECONDS = 300;

const nonceInDetails = grantNeededSchema.extend({
  typed_data: z.object({ message: z.object({ nonce: unitsSchema }) }),
});

/** The nonce that the exchange says is next, when the error is a write that wants for a grant; else undefined. */
export function grantNonceOf(error: unknown): bigint | undefined {
  if (!(error instanceof ExchangeError)) return undefined;
  const details = nonceInDetails.safeParse(error.details);
  return details.success ? BigInt(details.data.typed_data.message.nonce) : undefined;
}

export type GrantTerms = {
  chainId: number;
  registry: Address;
  /** Who may act: the exchange's relayer. */
  operator: Address;
  actions: readonly ActionName[];
  nonce: bigint;
  /** Unix seconds. */
  now: number;
};

/** Signs a grant; the answer is the body of `POST /me/grants`. */
export async function signGrant(
  signer: Signer,
  terms: GrantTerms,
): Promise<z.infer<typeof grantRequestSchema>> {
  const expiry = BigInt(terms.now + GRANT_SECONDS);
  const deadline = BigInt(terms.now + SIGNATURE_SECONDS);
  const signature = await signer.signTypedData(
    operatorGrantTypedData(terms, {
      agent: signer.address,
      operator: terms.operator,
      actions: BigInt(toBits(actions, terms.actions)),
      expiry,
      nonce: terms.nonce,
      deadline,
    }),
  );
  return {
    actions: [...terms.actions],
    expiry: String(expiry),
    nonce: String(terms.nonce),
    deadline: String(deadline),
    signature,
  };
}
