/**
 * Revoking tokens whose right has ended: after a refund, a charge-back, a transfer or rental of the key, a rotation of the agent, or a
 * reorg that took the purchase. What was issued is held against the chain's state, not against its events: a log that got lost hides
 * nothing, and a reorg needs no special care.
 */
import { keyId as keyIds, splitTokenId } from "../../sdk/ids.ts";
import { REVOCATIONS_PAGE, type RevocationFeed } from "../../sdk/wire/revocations.ts";
import { endingOf } from "../chain/rights.ts";
import type { Deps } from "../deps.ts";
import { log } from "../http/log.ts";
import { killedKids } from "../store/key-rotation.ts";
import {
  anyLiveToken,
  noteVerified,
  revocationsSince,
  revokeToken,
  unverifiedTokens,
} from "../store/tokens.ts";

/** How many tokens a round looks at, and how many at the same time. */
const BATCH = 500;
const AT_ONCE = 10;

type Watching = Pick<Deps, "chain" | "guard" | "sql">;

/**
 * Looks at live tokens that were not looked at since the chain has its present head, and revokes those whose right has ended. Costs one
 * question while the chain is quiet. A node that is behind a token's own block knows nothing about it: that token waits.
 */
export async function revokeEnded({ chain, guard, sql }: Watching): Promise<void> {
  if (!(await anyLiveToken(sql))) return;
  await guard.assertTrusted();
  const head = await guard.newestHead();
  const tokens = await unverifiedTokens(sql, head.hash, BATCH);
  const known = tokens.filter(({ block }) => block.number <= head.number);
  for (let i = 0; i < known.length; i += AT_ONCE) {
    const held = await Promise.all(
      known.slice(i, i + AT_ONCE).map(async (token) => {
        const ending = await endingOf(chain, token, { blockNumber: head.number });
        if (ending === undefined) return [token.jti];
        await revokeToken(sql, token.jti, ending);
        log("info", "token revoked", { jti: token.jti, reason: ending });
        return [];
      }),
    );
    await noteVerified(sql, held.flat(), head.hash);
  }
}

/** What gateways have to refuse: a page of the feed after `since`, and all killed keys. */
export async function revocationFeed(
  { chain, sql }: Pick<Deps, "chain" | "sql">,
  since: number,
): Promise<RevocationFeed> {
  const [rows, kids] = await Promise.all([
    revocationsSince(sql, since, REVOCATIONS_PAGE + 1),
    killedKids(sql),
  ]);
  const page = rows.slice(0, REVOCATIONS_PAGE);
  return {
    tokens: page.map(({ jti, keyNumber, expiresAt, reason }) => ({
      jti,
      ...(keyNumber === null
        ? {}
        : { key_id: keyIds.serialize({ chainId: chain.id, ...splitTokenId(keyNumber) }) }),
      reason,
      expires_at: expiresAt.toISOString(),
    })),
    kids,
    cursor: page.at(-1)?.place ?? since,
    more: rows.length > page.length,
  };
}
