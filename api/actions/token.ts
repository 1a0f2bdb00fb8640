/** Capability tokens for holders of keys. Who may have one is asked from the chain, never from the index: an index that lags or lies gives nothing away. */
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds, keyId as keyIds, splitTokenId } from "../../sdk/ids.ts";
import { fromBits, type ScopeName, scopes } from "../../sdk/records.ts";
import type { TokenResponse } from "../../sdk/wire/purchase.ts";
import { isConfirmed } from "../chain/confirmations.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { markAccessGranted } from "../store/payment-moves.ts";
import { saveToken } from "../store/tokens.ts";
import { recordFirstAccess } from "./access.ts";
import { signGrant } from "./grant.ts";
import { boundKey, type ProofHeader } from "./proof.ts";
import { assertBound, type Session } from "./session.ts";

/** Seconds that a token lives; less when the key ends before. */
const TOKEN_TTL = 300;
/** The same while the key's money can go back: a gateway that can't reach the feed of revocations learns of a refund by the token's end. */
const HELD_TOKEN_TTL = 60;

/** A token for the key that the session's agent holds or rents, at the version that was bought. */
export async function issueToken(
  deps: Deps,
  session: Session,
  ekId: string,
  proof: ProofHeader,
): Promise<TokenResponse> {
  const { chain } = deps;
  await deps.guard.assertTrusted();
  const number = ekNumber(chain, ekId);
  const head = await deps.guard.newestHead();
  // At that very block: it is what the token's row refers to when a reorg comes.
  const at = { blockNumber: head.number };
  const [[tokenId, key]] = await Promise.all([
    chain.keys.read.accessOf([number, session.agentId], at),
    assertBound(chain, session, at),
  ]);
  const now = Math.floor(Date.now() / 1000);
  // On a quiet chain the last block's time is old: the clock has a word, too.
  const live = tokenId !== 0n && (key.expiry === 0 || key.expiry > now);
  if (!live) {
    if (!(await readHead(chain, number))) throw unknownListing(ekId);
    throw notOwned(deps, session, ekId, tokenId === 0n ? "no_key" : "key_expired");
  }
  const keyId = keyIds.serialize({ chainId: chain.id, ...splitTokenId(tokenId) });
  await assertConfirmed(deps, session, { keyId, keyNumber: tokenId, ekId: number, head: head.number });
  const isHeld = await chain.exchange.read.isHeld([tokenId]);
  if (isHeld) await recordFirstAccess(deps, tokenId, key.version);
  const ttl = isHeld ? HELD_TOKEN_TTL : TOKEN_TTL;
  const { issued, response } = await signGrant(deps, session, {
    ekId,
    number,
    version: key.version,
    now,
    expires: key.expiry === 0 ? now + ttl : Math.min(now + ttl, key.expiry),
    scopes: fromBits(scopes, key.scopes) as ScopeName[],
    flags: key.flags,
    purpose: "use",
    key: { id: keyId, number: tokenId },
    jkt: await boundKey(deps, proof),
    block: head,
  });
  await saveToken(deps.sql, issued);
  await markAccessGranted(deps.sql, keyId, { ek_id: ekId, expires_at: response.expires_at });
  return response;
}

/** Throws PAYMENT_PENDING while a reorg could still take the purchase away, by the depth that its price calls for. */
async function assertConfirmed(
  { chain, confirmations }: Deps,
  { agentId }: Session,
  { keyId, keyNumber, ekId, head }: { keyId: string; keyNumber: bigint; ekId: bigint; head: bigint },
): Promise<void> {
  const depth = await confirmations.depthFor(keyNumber);
  if (await isConfirmed(chain, { ekId, agentId, keyNumber, head, depth })) return;
  const needed = depth === "finalized" ? "final" : `${depth} blocks deep`;
  throw new ExchangeError("PAYMENT_PENDING", `${keyId} is yours once its purchase is ${needed}.`, {
    status: 409,
    hint: "The key is on chain. Ask again in a few blocks: dearer keys wait longer, in case the chain reorganises.",
    details: { key_id: keyId, reason: "unconfirmed", confirmations: String(depth), head: String(head) },
  });
}

function notOwned({ chain }: Deps, { eoa, agentId }: Session, ekId: string, reason: string): ExchangeError {
  const who = agentId === 0n ? eoa : agentIds.serialize({ chainId: chain.id, agentId });
  const message =
    reason === "no_key" ? `${who} holds no live key of ${ekId}.` : `The key of ${who} for ${ekId} is over.`;
  return new ExchangeError("EK_NOT_OWNED", message, {
    hint: "Buy a key (POST /listings/{ek_id}/quote, then pay), or sign in with the EOA that holds one.",
    details: { ek_id: ekId, reason },
  });
}
