/** Tracing a leaked copy by the handle in it. For the seller of what leaked, and nobody else. */
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId, ekId, keyId, listingId, splitTokenId } from "../../sdk/ids.ts";
import type { WatermarkTrace } from "../../sdk/wire/revocations.ts";
import { readHead } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { traceWatermark } from "../store/watermarks.ts";
import type { Session } from "./session.ts";

/** Throws NOT_FOUND alike for a handle that there is not and one in another seller's copies: else anybody could try handles. */
export async function traceCopy(deps: Deps, session: Session, handle: string): Promise<WatermarkTrace> {
  const { chain, sql } = deps;
  const found = await traceWatermark(sql, handle);
  const head = found && (await readHead(chain, found.ekId));
  if (!found || !head || session.agentId === 0n || head.sellerId !== session.agentId) {
    throw new ExchangeError("NOT_FOUND", `No copy of yours carries ${handle.slice(0, 40)}.`, {
      hint: "Handles look like wm_ and 22 characters. Sign in as the listing's seller.",
      details: { watermark_id: handle.slice(0, 40) },
    });
  }
  const { id: chainId } = chain;
  return {
    watermark_id: handle,
    ek_id: ekId.serialize({ chainId, ekId: found.ekId }),
    listing_id: listingId.serialize({ chainId, ekId: found.ekId, version: found.version }),
    buyer_agent_id: agentId.serialize({ chainId, agentId: found.agentId }),
    ...(found.keyNumber === undefined
      ? { purpose: "validate" }
      : { purpose: "use", key_id: keyId.serialize({ chainId, ...splitTokenId(found.keyNumber) }) }),
    first_issued_at: found.firstIssuedAt.toISOString(),
  };
}
