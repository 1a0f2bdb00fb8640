/** What a well-behaved exchange answers; tests replace the part that misbehaves. */
import { encodePaymentRequiredHeader } from "@x402/core/http";
import { type Address, verifyMessage } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { createSiweMessage } from "viem/siwe";
import { tillAddress } from "../../../sdk/till.ts";
import type { QuoteResponse } from "../../../sdk/wire/listing.ts";
import type { Received, Routes, TestServer } from "./server.ts";

export const CHAIN_ID = 31337;
export const PRICE = 250_000n;
const address = (digit: string): Address => `0x${digit.repeat(40)}`;
export const contracts = {
  AgentRegistry: address("1"),
  ExperienceKey: address("2"),
  Exchange: address("3"),
  PointsLedger: address("4"),
  LabelRegistry: address("5"),
  Disputes: address("9"),
  HouseArbitrator: address("d"),
  Authority: address("6"),
  Catalog: address("a"),
  Tills: address("b"),
  CardIssuer: address("c"),
  ValidatorBonds: address("e"),
  Consensus: address("f"),
  ReceiptProofs: address("f"),
  ReceiptAnchor: address("f"),
} as const;
export const token = address("7");
export const relayer = address("8");

/** A wallet that counts what it signs. */
export function countingWallet() {
  const account = privateKeyToAccount(generatePrivateKey());
  const signed: unknown[] = [];
  return {
    address: account.address,
    signed,
    signMessage: (message: Parameters<typeof account.signMessage>[0]) => {
      signed.push(message);
      return account.signMessage(message);
    },
    signTypedData: ((data: Parameters<typeof account.signTypedData>[0]) => {
      signed.push(data);
      return account.signTypedData(data);
    }) as typeof account.signTypedData,
  };
}

export function health(changes: Record<string, unknown> = {}) {
  return {
    status: "ok",
    chain_id: CHAIN_ID,
    checks: {},
    contracts,
    relayer: { address: relayer, balance_wei: "1" },
    ...changes,
  };
}

export function signInMessage(url: string, eoa: Address, changes: Record<string, unknown> = {}): string {
  return createSiweMessage({
    domain: new URL(url).host,
    address: eoa,
    statement: "Sign in to the exchange.",
    uri: url,
    version: "1",
    chainId: CHAIN_ID,
    nonce: "0123456789abcdef",
    issuedAt: new Date(),
    expirationTime: new Date(Date.now() + 300_000),
    ...changes,
  });
}

export const profile = (eoa: string) => ({
  display_name: "",
  eoa,
  agent_type: "external",
  roles: [],
  reputation: { seller: 0, validator: 0 },
  points: { balance: 0, lifetime: 0 },
});

/** Health, and sign-in that checks the signature; sessions are `session-1`, `session-2`, … */
export function signInRoutes(server: TestServer): Routes {
  let sessions = 0;
  let message = "";
  return {
    "GET /health": () => ({ body: health() }),
    "GET /auth/nonce": ({ query }) => {
      message = signInMessage(server.url, query.get("eoa") as Address);
      return { body: { nonce: `${server.url} nonce`, message, expires_at: new Date().toISOString() } };
    },
    "POST /auth/verify": async ({ body }) => {
      const { eoa, signature } = body as { eoa: Address; signature: `0x${string}` };
      if (!(await verifyMessage({ address: eoa, message, signature }))) return { status: 401 };
      return {
        body: {
          ...{ token: `session-${++sessions}`, expires_at: new Date().toISOString() },
          ...{ refresh_token: `rt_${sessions}`, session_id: crypto.randomUUID(), agent: profile(eoa) },
        },
      };
    },
    "GET /me": ({ headers }) => ({ body: profile(String(headers.authorization)) }),
  };
}

/** A quote for listing 1 that holds. */
export function quoteFor(buyer: Address, changes: Partial<QuoteResponse["quote"]> = {}): QuoteResponse {
  const quote = {
    ekId: "1",
    version: 1,
    buyer,
    token,
    maxPrice: String(PRICE),
    deadline: String(Math.floor(Date.now() / 1000) + 300),
    salt: `0x${"9".repeat(64)}`,
    ...changes,
  };
  const till = tillAddress(
    { chainId: CHAIN_ID, tills: contracts.Tills },
    {
      ...quote,
      ekId: BigInt(quote.ekId),
      maxPrice: BigInt(quote.maxPrice),
      deadline: BigInt(quote.deadline),
      buyer: quote.buyer as Address,
      token,
      salt: quote.salt as `0x${string}`,
    },
  );
  return {
    quote_id: `0x${"e".repeat(64)}`,
    ek_id: "ek_31337_1",
    listing_id: "lst_31337_1_v1",
    buyer,
    price: { amount: quote.maxPrice, display: "0.25", currency: "tUSDC", token: quote.token },
    expires_at: new Date(Number(quote.deadline) * 1000).toISOString(),
    till,
    pay_url: "http://127.0.0.1:1/elsewhere",
    quote,
  };
}

export type Offer = {
  scheme: string;
  network: `${string}:${string}`;
  asset: string;
  amount: string;
  payTo: string;
  maxTimeoutSeconds: number;
  extra: Record<string, unknown>;
};

export function offerFor({ price, till }: QuoteResponse, changes: Partial<Offer> = {}): Offer {
  return {
    scheme: "exact",
    network: `eip155:${CHAIN_ID}`,
    asset: token,
    amount: price.amount,
    payTo: till,
    maxTimeoutSeconds: 60,
    extra: { name: "Test USD Coin", version: "1", paymentFlow: "upfront" },
    ...changes,
  };
}

/** A 402 with these offers. */
export function paymentRequired(offers: Offer[]) {
  const header = encodePaymentRequiredHeader({
    x402Version: 2,
    resource: { url: "http://x", description: "", mimeType: "" },
    accepts: offers,
  });
  return {
    status: 402,
    headers: { "PAYMENT-REQUIRED": header },
    body: { code: "PAYMENT_REQUIRED", message: "Pay." },
  };
}

export function purchase(buyer: string) {
  return {
    ek_id: "ek_31337_1",
    listing_id: "lst_31337_1_v1",
    status: "EKIssued",
    order_id: "ord_31337_1_2_0",
    key_id: "key_31337_1_2_0",
    buyer: { agent_id: "agt_31337_2", eoa: buyer },
    price: { amount: String(PRICE), currency: "tUSDC", token },
    tx: `0x${"f".repeat(64)}`,
    points_awarded: { seller: 2, buyer: 1 },
  };
}

/** The payments among the requests, by their signature header. */
export function paymentsIn(received: Received[]): string[] {
  return received.flatMap(({ headers }) => headers["payment-signature"] ?? []).map(String);
}
