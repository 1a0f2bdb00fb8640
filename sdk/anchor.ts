/** A gateway's day as the contract `ReceiptAnchor` takes it. */
import { base64url } from "jose";
import { bytesToHex, type Hex } from "viem";
import type { ReceiptDay } from "./wire/public.ts";

const DAY_MS = 86_400_000;

/** By what the contract knows a gateway: the 32 bytes of its key's thumbprint. */
export function anchoredGatewayId(gatewayId: string): Hex {
  return bytesToHex(base64url.decode(gatewayId));
}

/** Days since 1970-01-01 UTC. */
export function anchoredDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / DAY_MS;
}

/**
 * The arguments of `ReceiptAnchor.anchor`.
 * @example
 * await wallet.writeContract({ address, abi: receiptAnchorAbi, functionName: "anchor", args: anchorArguments(7n, day) });
 */
export function anchorArguments(
  agentId: bigint,
  { gateway_id, day, root, count }: ReceiptDay,
): [bigint, Hex, number, Hex, bigint] {
  return [agentId, anchoredGatewayId(gateway_id), anchoredDay(day), root as Hex, BigInt(count)];
}
