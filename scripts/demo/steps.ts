/**
 * The steps of the first sale, each to be played by itself: one agent sells, another buys over x402 and uses what it bought, a third
 * labels it.
 */
import { createPublicClient, http } from "viem";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { z } from "zod";
import { pointsLedgerAbi } from "../../sdk/abis/index.ts";
import type { Experience } from "../../sdk/client.ts";
import * as ids from "../../sdk/ids.ts";
import { hashManifest } from "../../sdk/manifest.ts";
import { toPoints } from "../../sdk/points.ts";
import type { EKSummary } from "../../sdk/wire/listing.ts";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import type { RunInfo } from "../system/run-info.ts";
import { type Agent, createAgent, type Joined, join } from "./agents.ts";
import { makeBundle, storeBundle } from "./bundle.ts";
import { eventually } from "./eventually.ts";
import { examine } from "./examine.ts";
import { fund } from "./funds.ts";
import { payWithStockClient } from "./stock-payment.ts";

/** In whole tokens. */
const BASE_PRICE = "0.25";
const STEP_PRICE = "0.05";
const MAX_PRICE = "1.00";

export type Cast = { seller: Joined; buyer: Joined; validator: Joined };
export type Listed = { ekId: string; listingId: string; manifestHash: string; tx: string };
export type Labelled = { labelId: string; tx: string };

/** Step 1: three agents join, each by its own signature; the exchange pays the gas. */
export async function gather(run: RunInfo, sellerAccount: PrivateKeyAccount): Promise<Cast> {
  const fresh = () => privateKeyToAccount(generatePrivateKey());
  const agents: Record<keyof Cast, Agent> = {
    seller: createAgent(run, sellerAccount, { name: "Rain desk", type: "external" }),
    buyer: createAgent(run, fresh(), { name: "Trip planner", type: "external" }),
    validator: createAgent(run, fresh(), { name: "Second look", type: "external" }),
  };
  const [seller, buyer, validator] = await Promise.all([
    join(agents.seller),
    join(agents.buyer),
    join(agents.validator),
  ]);
  return { seller, buyer, validator };
}

/** Step 2: the seller makes its Experience, puts it into its store and lists it. */
export async function list(run: RunInfo, { seller }: Cast): Promise<Listed> {
  const bundle = makeBundle();
  storeBundle(bundle, run.storeDir);
  const listed = await seller.exchange.list({
    title: "Seattle's wettest months, with the SQL",
    summary: "Four years of clean daily weather, the query that finds the wettest months, and its answer.",
    domain: "climate",
    task_type: "sql_query",
    modality: ["dataset", "text", "image"],
    output_artifacts: ["csv", "sql", "markdown", "png"],
    license: "CC0-1.0",
    recommended_ttl_days: 365,
    pricing_policy: {
      curve_type: "linear",
      base_price: BASE_PRICE,
      params: { slope: STEP_PRICE, max_price: MAX_PRICE },
    },
    access_policy: { gateway: run.gatewayUrl, gateway_key: await gatewayKey(run) },
    content_manifest: bundle.manifest,
  });
  const manifestHash = hashManifest(bundle.manifest);
  if (listed.manifest_hash !== manifestHash) {
    throw new Error(`The exchange listed manifest ${listed.manifest_hash}, the seller's is ${manifestHash}.`);
  }
  return { ekId: listed.ek_id, listingId: listed.listing_id, manifestHash, tx: listed.tx };
}

/** The first half of step 3: the buyer looks for what it needs, and reads what is said of it. */
export async function find({ buyer }: Cast, { ekId }: Pick<Listed, "ekId">): Promise<EKSummary> {
  return eventually(`search finds ${ekId}`, async () => {
    const { items: found } = await buyer.exchange.search("Seattle weather", { domain: "climate" });
    return found.find((summary) => summary.ek_id === ekId);
  });
}

/** The second half: it asks for a quote and pays it with a stock client. */
export async function pay(
  run: RunInfo,
  { buyer }: Cast,
  { ekId }: Pick<Listed, "ekId">,
): Promise<PurchaseResponse> {
  const quote = await buyer.exchange.quote(ekId);
  await fund(run, buyer.account.address, BigInt(quote.price.amount));
  return payWithStockClient(quote, { account: buyer.account, chainId: run.chainId });
}

/** Step 4: a token from the exchange, the bytes from the gateway, every hash checked, up to the one on chain. */
export async function use({ buyer }: Cast, { ekId }: Pick<Listed, "ekId">): Promise<Experience> {
  return buyer.exchange.fetch(ekId);
}

/** Step 5: the validator gets in on a token of its own, examines, and says what it found. */
export async function label({ validator }: Cast, { ekId }: Pick<Listed, "ekId">): Promise<Labelled> {
  const token = await validator.exchange.validatorToken(ekId);
  const evidence = examine(await validator.exchange.fetch(ekId, { token }));
  const { label_id, tx } = await validator.exchange.label(ekId, {
    labels: ["verified-real", "reproducible"],
    scores: { authenticity: 96, utility: 78, reproducibility: 100, freshness: 55, safety: 99 },
    tags: ["weather", "sqlite"],
    summary: "Genuine public data, and the query gives the answer that comes with it. The years end in 2015.",
    evidence: { type: "text", value: evidence },
  });
  return { labelId: label_id, tx };
}

export type Shown = { points: { seller: number; buyer: number } };

/** Step 6: the feed shows all three, and the points are on the ledger, by the API and by the chain. */
export async function watch(
  run: RunInfo,
  { seller, buyer }: Cast,
  { listed, purchase, labelled }: { listed: Listed; purchase: PurchaseResponse; labelled: Labelled },
): Promise<Shown> {
  await eventually(`the feed shows listing, sale and label of ${listed.ekId}`, async () => {
    const { items: feed } = await buyer.exchange.activity({ limit: 50 });
    const shown = (type: string, tx: string) => feed.some((item) => item.type === type && item.tx === tx);
    return (
      (shown("exp_listed", listed.tx) &&
        shown("ek_trade", purchase.tx) &&
        shown("validation", labelled.tx)) ||
      undefined
    );
  });
  const points = purchase.points_awarded;
  for (const [role, { exchange, agentId, pointsBefore }] of [
    ["seller", seller],
    ["buyer", buyer],
  ] as const) {
    const expected = pointsBefore + points[role];
    await eventually(`the API gives the ${role} ${expected} points`, async () => {
      const balance = (await exchange.me()).points.balance;
      return balance === expected || undefined;
    });
    const onChain = await pointsOnChain(run, agentId);
    if (onChain !== expected) {
      throw new Error(`The ledger on chain gives the ${role} ${onChain} points, the API ${expected}.`);
    }
  }
  return { points };
}

async function gatewayKey({ gatewayUrl }: RunInfo): Promise<string> {
  const response = await fetch(`${gatewayUrl}/health`);
  return z.object({ gateway_key: z.string() }).parse(await response.json()).gateway_key;
}

async function pointsOnChain({ rpcUrl, deployment }: RunInfo, agentId: string): Promise<number> {
  const client = createPublicClient({ transport: http(rpcUrl) });
  const units = await client.readContract({
    address: deployment.contracts.PointsLedger,
    abi: pointsLedgerAbi,
    functionName: "balanceOf",
    args: [ids.agentId.parse(agentId).agentId],
  });
  return toPoints(units);
}
