/** Validators' tokens: one per version, until the validator has said on chain what it found. */
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import { fromBits, type ScopeName, scopes, toBits } from "../../sdk/records.ts";
import type { TokenResponse } from "../../sdk/wire/purchase.ts";
import { ekNumber, readHead, readListing, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { saveToken } from "../store/tokens.ts";
import { wasUsed } from "../store/usage.ts";
import { findGrant, saveGrant, type ValidatorGrant } from "../store/validator-grants.ts";
import { signGrant } from "./grant.ts";
import { boundKey, type ProofHeader } from "./proof.ts";
import { assertBoundAt, type Session } from "./session.ts";

/** Seconds that it lives: all the time that there may be, since it is the only one. */
const VALIDATOR_TTL = 600;
/** Seconds after its end within which gateways have reported its use, unless they can't reach the exchange. */
const REPORT_GRACE = 60;
/** What a validator may do, as far as the listing has it: look and try, but not keep, cite or build on it. */
const VALIDATOR_SCOPES = toBits(scopes, ["read", "execute"]);

/** A token to examine the present version, for as long as the validator may still label it. */
export async function issueValidatorToken(
  deps: Deps,
  session: Session,
  ekId: string,
  proof: ProofHeader,
): Promise<TokenResponse> {
  const { chain, sql } = deps;
  await deps.guard.assertTrusted();
  const number = ekNumber(chain, ekId);
  const block = await deps.guard.newestHead();
  const at = { blockNumber: block.number };
  const [head, allowed] = await Promise.all([
    readHead(chain, number),
    chain.labels.read.mayLabel([number, session.agentId], at),
    assertBoundAt(chain, session, at),
  ]);
  if (!head) throw unknownListing(ekId);
  if (!allowed) throw await notValidator(deps, session, ekId, number, head.sellerId);
  const { version } = head;
  const prior = await findGrant(sql, { ekId: number, version, agentId: session.agentId });
  if (prior) await assertEvidence(deps, ekId, prior);
  const { terms } = await readListing(chain, number);
  const now = Math.floor(Date.now() / 1000);
  const { issued, response } = await signGrant(deps, session, {
    ekId,
    number,
    version,
    now,
    expires: now + VALIDATOR_TTL,
    scopes: fromBits(scopes, (terms.scopes & VALIDATOR_SCOPES) | toBits(scopes, ["read"])) as ScopeName[],
    flags: head.flags,
    purpose: "validate",
    jkt: await boundKey(deps, proof),
    block,
  });
  const grant: ValidatorGrant = {
    ...{ ekId: number, version, agentId: session.agentId, jti: issued.jti, blockNumber: block.number },
    issuedAt: new Date(now * 1000),
    expiresAt: new Date(issued.expiresAt * 1000),
  };
  await sql.begin(async (tx) => {
    // Somebody who asked at the same time was faster: its token is the one.
    if (!(await saveGrant(tx, grant, prior))) throw outstanding(ekId, (await findGrant(tx, grant)) ?? grant);
    await saveToken(tx, issued);
  });
  return response;
}

/**
 * Whether another token may follow the first one. A label on chain since is the evidence, also one that was taken back. Without it only
 * a validator whose token ended unused gets another: gateways report every use, and a lost answer must lock nobody out.
 *
 * Throws VALIDATION_CONFLICT, saying what is owed.
 */
async function assertEvidence({ chain, sql }: Deps, ekId: string, prior: ValidatorGrant): Promise<void> {
  const { address, abi } = chain.labels;
  const [label] = await chain.client.getContractEvents({
    ...{ address, abi, eventName: "Labelled", fromBlock: prior.blockNumber },
    args: { ekId: prior.ekId, validatorId: prior.agentId },
  });
  if (label) return;
  const buyer = agentIds.serialize({ chainId: chain.id, agentId: prior.agentId });
  if (await wasUsed(sql, { ekId, buyer, from: prior.issuedAt, to: withGrace(prior) })) {
    throw new ExchangeError("VALIDATION_CONFLICT", `You have examined ${ekId} and owe a label for it.`, {
      hint: "Submit the label (POST /me/validate/submit): what was read is what there is to judge. To keep using it, buy a key.",
      details: { ...detailsOf(ekId, prior), reason: "label_owed", owed: "label" },
    });
  }
  if (withGrace(prior).getTime() > Date.now()) throw outstanding(ekId, prior);
}

function outstanding(ekId: string, grant: ValidatorGrant): ExchangeError {
  return new ExchangeError("VALIDATION_CONFLICT", `You have a token to examine ${ekId} already.`, {
    hint: "Use that one, and label. If it was lost unused, ask again after details.retry_at.",
    details: {
      ...detailsOf(ekId, grant),
      reason: "token_outstanding",
      owed: "label",
      retry_at: withGrace(grant).toISOString(),
    },
  });
}

const withGrace = ({ expiresAt }: ValidatorGrant): Date =>
  new Date(expiresAt.getTime() + REPORT_GRACE * 1000);

const detailsOf = (ekId: string, { jti, issuedAt }: ValidatorGrant) => ({
  ek_id: ekId,
  first_jti: jti,
  issued_at: issuedAt.toISOString(),
});

/** Why the agent may not label the listing, for whom `LabelRegistry.mayLabel` only says no. */
async function notValidator(
  { chain }: Deps,
  { agentId }: Session,
  ekId: string,
  number: bigint,
  sellerId: bigint,
): Promise<ExchangeError> {
  const denied = (reason: string, message: string, hint: string) =>
    new ExchangeError("SCOPE_DENIED", message, { hint, details: { ek_id: ekId, reason } });
  if (agentId === 0n) {
    return denied(
      "not_an_agent",
      "Only agents may validate.",
      "Join first: POST /me/register or POST /me/grants.",
    );
  }
  if (agentId === sellerId) {
    return denied("own_listing", `${ekId} is your own listing.`, "Labels are others' judgements.");
  }
  const { createdAt } = await chain.labels.read.labelOf([number, agentId]);
  if (createdAt !== 0) {
    return new ExchangeError("VALIDATION_CONFLICT", `You have labelled ${ekId} already.`, {
      hint: "One live label per validator and listing. To keep using it, buy a key.",
      details: { ek_id: ekId, reason: "already_labelled" },
    });
  }
  return denied(
    "validator_not_allowed",
    `${ekId} is open to the validators on its list only.`,
    "Ask the seller to add you, or validate another listing.",
  );
}
