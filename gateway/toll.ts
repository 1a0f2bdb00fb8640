/**
 * Pay per call, by x402 v2 (`exact`): the money is with the seller before anything runs, and one payment is one run, however often it is
 * sent. Whether it was paid is what the token's own log says, never what a facilitator answers.
 */
import {
  decodePaymentSignatureHeader,
  encodePaymentRequiredHeader,
  encodePaymentResponseHeader,
} from "@x402/core/http";
import { type FacilitatorClient, HTTPFacilitatorClient } from "@x402/core/server";
import type { Network, PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { x402ResourceServer } from "@x402/express";
import { type Address, createPublicClient, type Hex, http, isAddressEqual, parseAbi } from "viem";
import { z } from "zod";
import { addressSchema, unitsSchema } from "../sdk/wire/common.ts";
import type { TollSettings } from "./toll-settings.ts";

/** What a client has to pay, for its 402. */
export type Demand = { header: string; requirements: PaymentRequirements[] };

/** A payment that was read, and fits the demand. `id` is the same for all copies of it. */
export type Payment = {
  id: string;
  payload: PaymentPayload;
  requirements: PaymentRequirements;
  authorization: z.infer<typeof authorizationSchema>;
};

/** `refused`: no money moved, and by this payment none will. `unknown`: it can't be told yet. */
export type Settlement =
  | { state: "paid"; tx: Hex }
  | { state: "refused"; reason: string }
  | { state: "unknown" };

export type Toll = {
  demand(units: string, resource: { url: string; description: string }, error: string): Promise<Demand>;
  /** Undefined when the header holds no payment that fits the price. */
  read(units: string, header: string): Promise<Payment | undefined>;
  /** Has the payment submitted, unless it was before, and looks at the chain for what became of it. */
  settle(payment: Payment): Promise<Settlement>;
  /** The `PAYMENT-RESPONSE` header for a payment that was made by `tx`. */
  receipt(payment: Payment, tx: string): string;
};

/** Seconds that a client gets to pay. */
const MAX_SECONDS = 120;
/** Blocks to look back for a payment: those of the time in which it can be used. */
const LOOK_BACK = 5_000n;

const authorizationSchema = z.object({
  from: addressSchema,
  to: addressSchema,
  value: unitsSchema,
  validBefore: unitsSchema,
  nonce: z.string().regex(/^0x[0-9a-fA-F]{64}$/),
});
const tokenAbi = parseAbi([
  "event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)",
  "event Transfer(address indexed from, address indexed to, uint256 value)",
]);

export async function createToll(
  settings: TollSettings,
  facilitator: FacilitatorClient = new HTTPFacilitatorClient({ url: settings.facilitator_url }),
): Promise<Toll> {
  const network: Network = `eip155:${settings.chain_id}`;
  const server = new x402ResourceServer(facilitator).register(network, new ExactEvmScheme());
  await server.initialize();
  const { address: asset, name, version } = settings.token;
  const requirementsOf = (amount: string) =>
    server.buildPaymentRequirements({
      scheme: "exact",
      network,
      payTo: settings.pay_to,
      price: { asset, amount, extra: { name, version } },
      maxTimeoutSeconds: MAX_SECONDS,
      extra: { paymentFlow: "upfront" },
    });
  const find = createFinder(settings);
  return {
    async demand(units, { url, description }, error) {
      const requirements = await requirementsOf(units);
      const resource = { url, description, mimeType: "application/json" };
      const required = await server.createPaymentRequiredResponse(requirements, resource, error);
      return { header: encodePaymentRequiredHeader(required), requirements };
    },
    async read(units, header) {
      const payload = decode(header);
      if (payload === undefined) return undefined;
      const requirements = server.findMatchingRequirements(await requirementsOf(units), payload);
      const authorization = authorizationSchema.safeParse(payload.payload.authorization).data;
      if (!requirements || !authorization) return undefined;
      const { from, to, value, nonce } = authorization;
      if (!isAddressEqual(to, settings.pay_to) || value !== units) return undefined;
      return {
        id: `${network} ${asset} ${from} ${nonce}`.toLowerCase(),
        payload,
        requirements,
        authorization,
      };
    },
    async settle(payment) {
      const before = await find(payment);
      if (before) return { state: "paid", tx: before };
      const answer = await server
        .settlePayment(payment.payload, payment.requirements)
        .catch((error: unknown) => ({ success: false as const, thrown: error }));
      // Whatever the facilitator says: somebody else may have submitted it, or nobody.
      const tx = await find(payment);
      if (tx) return { state: "paid", tx };
      if ("thrown" in answer || answer.success) return { state: "unknown" };
      return { state: "refused", reason: answer.errorReason ?? "settlement_failed" };
    },
    receipt: ({ authorization: { from, value } }, tx) =>
      encodePaymentResponseHeader({ success: true, transaction: tx, network, payer: from, amount: value }),
  };
}

/** Finds the transaction in which the token says that this very authorization was used, and that it paid the seller. */
function createFinder({ rpc_url, token, pay_to }: TollSettings) {
  const client = createPublicClient({ transport: http(rpc_url, { timeout: 5_000, retryCount: 1 }) });
  return async ({ authorization: { from, nonce, value } }: Payment): Promise<Hex | null> => {
    const head = await client.getBlockNumber({ cacheTime: 0 });
    const range = { fromBlock: head > LOOK_BACK ? head - LOOK_BACK : 0n, toBlock: head };
    const [used] = await client.getContractEvents({
      ...{ address: token.address, abi: tokenAbi, eventName: "AuthorizationUsed" },
      args: { authorizer: from as Address, nonce: nonce as Hex },
      ...range,
    });
    if (!used) return null;
    const transfers = await client.getContractEvents({
      ...{ address: token.address, abi: tokenAbi, eventName: "Transfer" },
      args: { from: from as Address, to: pay_to as Address },
      fromBlock: used.blockNumber,
      toBlock: used.blockNumber,
    });
    const paid = transfers.some(
      ({ transactionHash, args }) => transactionHash === used.transactionHash && args.value === BigInt(value),
    );
    // A cancelled authorization counts as used, too, and pays nobody.
    return paid ? used.transactionHash : null;
  };
}

function decode(header: string): PaymentPayload | undefined {
  try {
    const payload = decodePaymentSignatureHeader(header);
    return typeof payload.payload === "object" && payload.payload !== null ? payload : undefined;
  } catch {
    return undefined; // neither base64 nor JSON
  }
}
