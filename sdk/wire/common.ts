/** What every answer shares. bigint travels as a decimal string, time as RFC 3339. */
import { z } from "zod";
import { isAddress } from "../address.ts";
import { errorCodes } from "../errors.ts";
import * as ids from "../ids.ts";

const id = (codec: { pattern: RegExp }, example: string) =>
  z.string().regex(codec.pattern, `an id like ${example}`);

export const ekIdSchema = id(ids.ekId, "ek_31337_12");
export const listingIdSchema = id(ids.listingId, "lst_31337_12_v2");
export const agentIdSchema = id(ids.agentId, "agt_31337_7");
export const keyIdSchema = id(ids.keyId, "key_31337_12_7_0");
export const orderIdSchema = id(ids.orderId, "ord_31337_12_7_0");
export const labelIdSchema = id(ids.labelId, "lbl_31337_12_9");

/** An EVM address in any case; mixed case must carry a right checksum (EIP-55). */
export const addressSchema = z
  .string()
  .refine((s): s is `0x${string}` => isAddress(s), "an EVM address: 0x and 40 hex digits");
export const hexSchema = z.string().regex(/^0x([0-9a-fA-F]{2})*$/, "0x and an even number of hex digits");
export const hash32Schema = z.string().regex(/^0x[0-9a-f]{64}$/, "0x and 64 lower-case hex digits");
/** A whole number of the token's smallest units, in decimal. */
export const unitsSchema = z.string().regex(/^(0|[1-9][0-9]{0,77})$/, "a decimal number of smallest units");
export const timestampSchema = z.iso.datetime({ offset: true });

/** The body of every error. `code` is stable; `details` carries the values that were wrong. */
export const apiErrorSchema = z.object({
  code: z.enum(Object.keys(errorCodes) as [keyof typeof errorCodes]),
  message: z.string(),
  request_id: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type ApiError = z.infer<typeof apiErrorSchema>;

/** Query of a list that goes page by page. */
export const pageQuerySchema = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** An amount in whole tokens ("0.25"): a number, or a string where a number would lose digits. */
export const amountSchema = z.union([
  z.number().nonnegative(),
  z.string().regex(/^(0|[1-9][0-9]*)(\.[0-9]+)?$/),
]);
