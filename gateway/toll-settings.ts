/** How runs that have a price are paid. Apart from toll.ts, since a gateway without prices need not load a payment library. */
import { z } from "zod";
import { addressSchema } from "../sdk/wire/common.ts";

export const tollSchema = z.strictObject({
  /** Who is paid. */
  pay_to: addressSchema,
  chain_id: z.int().positive(),
  rpc_url: z.url(),
  /** Who submits the payments: any x402 facilitator. */
  facilitator_url: z.url(),
  /** The token, with name and version of its EIP-712 domain. It has ERC-3009. */
  token: z.strictObject({ address: addressSchema, name: z.string(), version: z.string() }),
});
export type TollSettings = z.infer<typeof tollSchema>;
