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
import { assertBound, type Session, type SignIn } from "./session.ts";

/** Seconds that a token lives; less when the key ends before. */
const TOKEN_TTL = 300;
/** The same while the key's money can go back: a gateway that can't reach the feed of revocations learns of a refund by the token's end. */
const HELD_TOKEN_TTL = 60;

/**
 * A token for the key that the EOA's agent holds or rents, at the version that was bought. Throws SESSION_EXPIRED when the EOA was rotated
 * away since it signed in.
 */
export async function issueToken(
  deps: Deps,
  signIn: SignIn,
  ekId: string,
  proof: ProofHeader,
): Promise<TokenResponse> {
  const { chain } = deps;
  await deps.guard.assertTrusted();
  const number = ekNumber(chain, ekId);
  // All at one block, as new as any that was seen: it is what the token's row refers to when a reorg comes.
  const right = await deps.guard.newestOf(() => chain.tokenRights(signIn.eoa, number));
  assertBound(signIn, right);
  const session = { eoa: signIn.eoa, agentId: right.agentId, epoch: right.epoch, retired: right.retired };
  const { keyId: tokenId, expiry, block } = right;
  const now = Math.floor(Date.now() / 1000);
  // On a quiet chain the last block's time is old: the clock has a word, too.
  const live = tokenId !== 0n && (expiry === 0 || expiry > now);
  if (!live) {
    if (!(await readHead(chain, number))) throw unknownListing(ekId);
    throw notOwned(deps, session, ekId, tokenId === 0n ? "no_key" : "key_expired");
  }
  const keyId = keyIds.serialize({ chainId: chain.id, ...splitTokenId(tokenId) });
  await assertConfirmed(deps, session, { keyId, keyNumber: tokenId, ekId: number, head: block.number });
  if (right.held) await recordFirstAccess(deps, tokenId, right.version);
  const ttl = right.held ? HELD_TOKEN_TTL : TOKEN_TTL;
  const { issued, response } = await signGrant(deps, session, {
    ekId,
    number,
    version: right.version,
    now,
    expires: expiry === 0 ? now + ttl : Math.min(now + ttl, expiry),
    scopes: fromBits(scopes, right.scopes) as ScopeName[],
    flags: right.flags,
    purpose: "use",
    key: { id: keyId, number: tokenId },
    jkt: await boundKey(deps, proof),
    block,
  });
  const firstOf = await saveToken(deps.sql, issued, keyId);
  await markAccessGranted(deps.sql, firstOf, { ek_id: ekId, expires_at: response.expires_at });
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
