/** The verbs by which an agent uses what it may. */
import type { Exchange } from "../client.ts";
import { signDpopProof } from "../dpop.ts";
import { ExchangeError, HashMismatchError } from "../errors.ts";
import { executeExperience } from "../execution.ts";
import { type FetchedItem, fetchItemBytes, fetchManifest, findItem } from "../experience.ts";
import type { Access } from "../gateway-access.ts";
import type { Server } from "../http.ts";
import * as ids from "../ids.ts";
import { type TokenResponse, tokenResponseSchema } from "../wire/purchase.ts";
import { type Core, known } from "./core.ts";

export function users(core: Core) {
  const { session } = core;
  const getToken = async (path: string, ekId: string): Promise<TokenResponse> =>
    session.call({
      ...{ method: "POST", path, body: { ek_id: known(ekId) }, schema: tokenResponseSchema },
      headers: await proofFor(core, path),
    });
  const token: Exchange["token"] = (ekId) => getToken("/me/buy/token", ekId);
  const open = async (ekId: string, given: TokenResponse | undefined) => {
    const access = given ?? (await token(ekId));
    await checkManifestHash(core, ekId, access);
    if (!given) await checkVersion(core, ekId, access);
    const gateway: Server = {
      url: access.gateway.replace(/\/+$/, ""),
      fetch: core.server.fetch,
      unreachable: "GATEWAY_UNREACHABLE",
    };
    const dpop = access.token_type === "DPoP" ? await core.dpop() : undefined;
    const at: Access = { gateway, ekId, token: access.ek_token, dpop, gatewayKey: access.gateway_key };
    return { at, listingId: access.listing_id, manifest: await fetchManifest(at, access.manifest_hash) };
  };
  return {
    token,
    validatorToken: (ekId) => getToken("/me/validate/token", ekId),
    async fetch(ekId, options) {
      const { at, listingId, manifest } = await open(ekId, options?.token);
      const items: FetchedItem[] = [];
      for (const item of manifest.items) items.push(await fetchItemBytes(at, item, manifest));
      return { ekId, listingId, manifest, items };
    },
    async fetchItem(ekId, itemId, options) {
      const { at, manifest } = await open(ekId, options?.token);
      return fetchItemBytes(at, findItem(manifest, itemId), manifest);
    },
    async execute(ekId, inputs, { item, token: given, pay } = {}) {
      const { at } = await open(ekId, given);
      return executeExperience({ ...at, pay }, { inputs, ...(item === undefined ? {} : { item }) });
    },
  } satisfies Partial<Exchange>;
}

/** The client's key, shown to the exchange, so that the token is bound to it; nothing without one. */
async function proofFor({ server, dpop }: Core, path: string): Promise<Record<string, string>> {
  const key = await dpop();
  return key ? { dpop: await signDpopProof(key, { htm: "POST", htu: `${server.url}${path}` }) } : {};
}

/** Compares the manifest that the exchange names with the one that the seller committed to on chain. */
async function checkManifestHash({ chain, place }: Core, id: string, token: TokenResponse): Promise<void> {
  if (!chain) return;
  const { version } = ids.listingId.parse(token.listing_id);
  const actual = await chain.manifestHashOf(await place(), ids.ekId.parse(id).ekId, version);
  if (actual !== token.manifest_hash) {
    throw new HashMismatchError({
      item: `the manifest of ${token.listing_id} on chain`,
      expected: token.manifest_hash,
      actual,
    });
  }
}

/** Compares the version that the exchange opens with the one that the agent's key says on chain. */
async function checkVersion({ chain, place, signer }: Core, id: string, token: TokenResponse): Promise<void> {
  if (!chain) return;
  const ref = ids.ekId.parse(id);
  const version = await chain.boughtVersion(await place(), ref.ekId, signer.address);
  const bought = version === undefined ? "none" : ids.listingId.serialize({ ...ref, version });
  if (bought !== token.listing_id) {
    throw new ExchangeError(
      "EK_NOT_OWNED",
      `The token opens ${token.listing_id}; on chain the key is for ${bought}.`,
      {
        hint: "The exchange gives another version than was bought, or rpcUrl's node is behind: try again.",
        details: { expected: bought, actual: token.listing_id },
      },
    );
  }
}
