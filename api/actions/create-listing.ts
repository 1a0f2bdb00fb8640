/** Listing an Experience for a seller: the manifest's hash and the public summary go on chain, the content stays with the seller. */
import { keccak256, parseEventLogs, stringToBytes } from "viem";
import type { z } from "zod";
import { catalogAbi } from "../../sdk/abis/index.ts";
import { canonicalJson } from "../../sdk/canonical.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds, ekId, listingId } from "../../sdk/ids.ts";
import { hashManifest } from "../../sdk/manifest.ts";
import type { createListingResponseSchema, ListingSummary } from "../../sdk/wire/listing.ts";
import type { Chain } from "../chain/client.ts";
import { contractCall } from "../chain/relayer.ts";
import { revertOf } from "../chain/revert.ts";
import type { Deps } from "../deps.ts";
import { type ListingRequest, termsOf } from "./listing-terms.ts";
import type { Session } from "./session.ts";
import { assertGranted, relay } from "./write.ts";

/** Lists it, and answers when it is on chain. */
export async function createListing(
  deps: Deps,
  session: Session,
  request: ListingRequest,
): Promise<z.infer<typeof createListingResponseSchema>> {
  const { chain } = deps;
  const terms = termsOf(chain.deployment, request);
  const summary = canonicalJson(summaryOf(request));
  const manifestHash = hashManifest(request.content_manifest);
  await assertGranted(deps, session, "list");
  const validators = await validatorsOf(chain, request.access_policy.validator_allowlist);
  const { address, abi } = chain.catalog;
  const content = { manifestHash, summary, uri: "", summaryHash: keccak256(stringToBytes(summary)) };
  const receipt = await relay(
    deps,
    session,
    contractCall({ address, abi, functionName: "list", args: [session.agentId, terms, content] }),
  );
  const [event] = parseEventLogs({ abi: catalogAbi, logs: receipt.logs, eventName: "ListingVersion" });
  if (!event) throw new Error(`Transaction ${receipt.transactionHash} listed nothing.`);
  const ref = { chainId: chain.id, ekId: event.args.ekId };
  const listed = {
    ek_id: ekId.serialize(ref),
    listing_id: listingId.serialize({ ...ref, version: event.args.version }),
    manifest_hash: manifestHash,
    tx: receipt.transactionHash,
  };
  if (validators.length > 0) await allowValidators(deps, session, ref.ekId, validators, listed);
  return listed;
}

/** What everybody may know of it. No reference to any bytes is in here. */
export function summaryOf(request: ListingRequest): ListingSummary {
  const { content_manifest: manifest, access_policy: access } = request;
  const itemOf = (role: "thumbnail" | "preview") => manifest.items.find((item) => item.role === role)?.id;
  const [thumbnail, preview] = [itemOf("thumbnail"), itemOf("preview")];
  return {
    title: request.title,
    summary: request.summary,
    domain: request.domain,
    task_type: request.task_type,
    modality: request.modality,
    output_artifacts: request.output_artifacts,
    ...(request.license === undefined ? {} : { license: request.license }),
    exp_id: manifest.exp_id,
    packaging: manifest.packaging,
    content_preview: {
      ...(thumbnail === undefined ? {} : { thumbnail_item_id: thumbnail }),
      ...(preview === undefined ? {} : { preview_item_id: preview }),
    },
    freshness: {
      created_at: manifest.created_at,
      ...(request.recommended_ttl_days === undefined
        ? {}
        : { recommended_ttl_days: request.recommended_ttl_days }),
    },
    access_policy: {
      gateway: access.gateway.replace(/\/+$/, ""),
      token_scheme: access.token_scheme,
      ...(access.watermark === undefined ? {} : { watermark: access.watermark }),
      ...(access.gateway_key === undefined ? {} : { gateway_key: access.gateway_key }),
    },
  };
}

/** The validators' numbers. Throws LISTING_INVALID for one that there is not: before anything is listed. */
async function validatorsOf(chain: Chain, allowlist: readonly string[] = []): Promise<bigint[]> {
  const faults = await Promise.all(
    allowlist.map(async (id, i) => {
      const known = await isAgent(chain, id);
      return known
        ? []
        : [{ pointer: `/access_policy/validator_allowlist/${i}`, message: `there is no agent ${id}` }];
    }),
  );
  if (faults.flat().length === 0) return allowlist.map((id) => agentIds.parse(id).agentId);
  throw new ExchangeError(
    "LISTING_INVALID",
    `${faults.flat().length} of the allowed validators are unknown.`,
    {
      hint: "Name agents of this chain that have joined.",
      details: { faults: faults.flat() },
    },
  );
}

async function isAgent({ id: chainId, registry }: Chain, id: string): Promise<boolean> {
  const ref = agentIds.parse(id);
  if (ref.chainId !== chainId) return false;
  try {
    await registry.read.eoaOf([ref.agentId]);
    return true;
  } catch (error) {
    if (revertOf(error)) return false;
    throw error;
  }
}

async function allowValidators(
  deps: Deps,
  session: Session,
  number: bigint,
  validators: readonly bigint[],
  listed: { ek_id: string; listing_id: string; tx: string },
): Promise<void> {
  const { address, abi } = deps.chain.labels;
  try {
    await relay(
      deps,
      session,
      contractCall({ address, abi, functionName: "allowValidators", args: [number, validators, true] }),
    );
  } catch (cause) {
    throw new ExchangeError(
      "SERVICE_UNAVAILABLE",
      `${listed.ek_id} is listed, but its validators are not let in yet.`,
      {
        hint: "Do not list it again: call LabelRegistry.allowValidators for it.",
        details: { ...listed, validators: validators.map(String) },
        cause,
      },
    );
  }
}
