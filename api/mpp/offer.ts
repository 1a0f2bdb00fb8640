/** What a 402 offers of a quote by the Machine Payments Protocol. */
import { keccak256, stringToBytes } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import { payUrlOf, tokenOf } from "../actions/quote.ts";
import { assertFloat, issueCall } from "../cards/charge.ts";
import { bindingOf } from "../chain/agents.ts";
import type { Revert } from "../chain/revert.ts";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import type { StoredQuote } from "../store/quotes.ts";
import type { Mpp, MppOffer } from "./protocol.ts";
import { saveChallenge } from "./store.ts";
import { type Tempo, tempoAmountOf } from "./tempo.ts";
import type { TempoRail } from "./tempo-rail.ts";

export function offerOf(deps: Deps, quote: StoredQuote): MppOffer {
  return { quote, payUrl: payUrlOf(deps, quote.id), token: tokenOf(deps, quote.token) };
}

/** The headers of a 402 that offer the quote by this protocol; none where it is not set up. */
export async function challengeHeaders(
  deps: Deps,
  quote: StoredQuote,
  accept: string | undefined,
): Promise<Record<string, string>> {
  const { mpp, tempo } = deps;
  if (!mpp) return {};
  const offer = offerOf(deps, quote);
  const byTempo = tempo !== undefined && (await offersTempo(deps, mpp, tempo, offer));
  const value = await mpp.challenge(offer, byTempo ? ["evm", "tempo"] : ["evm"], accept);
  return { "WWW-Authenticate": value };
}

/** Tempo is offered where a key could be issued for it now. Its challenge is stored: a transfer's memo is known by it. */
async function offersTempo(deps: Deps, mpp: Mpp, rail: TempoRail, offer: MppOffer): Promise<boolean> {
  const id = await mpp.tempoChallengeId(offer);
  if (id === undefined) return false;
  try {
    await rail.tempo.assertTrusted();
    if (await refusalToIssue(deps, rail, offer.quote)) return false;
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    log("warn", "Tempo is not offered", errorFields(error));
    return false;
  }
  await saveChallenge(deps.sql, challengeOf(rail.tempo, offer, id));
  return true;
}

export function challengeOf(tempo: Tempo, { quote, token }: MppOffer, id: string) {
  return { id, quoteId: quote.id, amount: tempoAmountOf(tempo, quote.maxPrice, token.decimals) };
}

/** Why the contract would issue no key for the quote out of the float now. */
export async function refusalToIssue(
  deps: Deps,
  { issuer }: TempoRail,
  quote: StoredQuote,
): Promise<Revert | undefined> {
  const { agentId } = await bindingOf(deps.chain, quote.buyer);
  if (agentId === 0n) return { name: "RecipientNotAgent", args: { recipient: quote.buyer } };
  await assertFloat(deps, quote);
  const probe = keccak256(stringToBytes(`probe ${quote.id}`));
  return issuer.simulate((await issueCall(deps.chain, { ...quote, agentId }, probe)).call);
}
