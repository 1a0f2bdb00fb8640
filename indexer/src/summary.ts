/**
 * Reads a listing's public summary. Its seller wrote it straight into the chain, so it may be anything: it is read or refused with a
 * reason, and never stops the indexer.
 */
import { keccak256, stringToBytes } from "viem";
import { z } from "zod";
import { contentManifestSchema } from "../../sdk/manifest.ts";
import {
  accessPolicySchema,
  createListingRequestSchema,
  listingSummarySchema,
} from "../../sdk/wire/listing.ts";

const request = createListingRequestSchema.shape;
const access = accessPolicySchema.shape;

/** {@link listingSummarySchema} within the bounds that the API keeps when it writes one. */
const boundedSummarySchema = listingSummarySchema.extend({
  title: request.title,
  summary: request.summary,
  domain: request.domain,
  task_type: request.task_type,
  modality: request.modality,
  output_artifacts: request.output_artifacts,
  license: request.license,
  exp_id: contentManifestSchema.shape.exp_id,
  packaging: contentManifestSchema.shape.packaging,
  freshness: z.object({
    created_at: z.iso.datetime({ offset: true }),
    recommended_ttl_days: request.recommended_ttl_days,
  }),
  access_policy: z.object({
    gateway: access.gateway,
    token_scheme: z.string().max(32),
    gateway_key: access.gateway_key,
  }),
});

/** The columns of `listing` that come from its summary. */
export type SummaryFields = ReturnType<typeof toFields>;

const NO_FIELDS = {
  title: null,
  summary: null,
  domain: null,
  taskType: null,
  modality: null,
  outputArtifacts: null,
  license: null,
  expId: null,
  packaging: null,
  thumbnailItemId: null,
  previewItemId: null,
  contentCreatedAt: null,
  recommendedTtlDays: null,
  gateway: null,
  tokenScheme: null,
  gatewayKey: null,
} satisfies { [name in keyof SummaryFields]: null };

type Reading =
  | { indexable: true; fault: null; fields: SummaryFields }
  | { indexable: false; fault: string; fields: typeof NO_FIELDS };

/** Reads the summary `text` of which the chain has the hash. */
export function readSummary(text: string, summaryHash: string): Reading {
  if (text === "") return refuse("the summary is not on chain");
  // Bytes that are no UTF-8 were replaced when the event was decoded.
  if (keccak256(stringToBytes(text)) !== summaryHash) return refuse("the summary is not UTF-8");
  const value = parseJson(text);
  if (value === undefined) return refuse("the summary is not JSON");
  const result = boundedSummarySchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    return refuse(`${issue?.path.join(".") || "the summary"}: ${issue?.message}`);
  }
  const fields = toFields(result.data);
  const broken = Object.entries(fields).find(([, field]) => [field].flat().some(isUnstorable));
  return broken
    ? refuse(`${broken[0]}: holds a NUL or half a surrogate pair`)
    : { indexable: true, fault: null, fields };
}

function refuse(fault: string): Reading {
  return { indexable: false, fault: fault.slice(0, 200), fields: NO_FIELDS };
}

/** The JSON value; undefined for text that is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller gives the reason
  }
}

/** Text that JSON can escape and Postgres can't hold. */
const isUnstorable = (field: unknown) =>
  typeof field === "string" && (field.includes("\0") || !field.isWellFormed());

function toFields(summary: z.infer<typeof boundedSummarySchema>) {
  return {
    title: summary.title,
    summary: summary.summary,
    domain: summary.domain,
    taskType: summary.task_type,
    modality: summary.modality,
    outputArtifacts: summary.output_artifacts,
    license: summary.license ?? null,
    expId: summary.exp_id,
    packaging: summary.packaging,
    thumbnailItemId: summary.content_preview.thumbnail_item_id ?? null,
    previewItemId: summary.content_preview.preview_item_id ?? null,
    contentCreatedAt: BigInt(Math.floor(Date.parse(summary.freshness.created_at) / 1000)),
    recommendedTtlDays: summary.freshness.recommended_ttl_days ?? null,
    gateway: summary.access_policy.gateway,
    tokenScheme: summary.access_policy.token_scheme,
    gatewayKey: summary.access_policy.gateway_key ?? null,
  };
}
