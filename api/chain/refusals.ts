/** What a contract's refusal means to the user: one row per error. */
import { curveTypes } from "../../sdk/curves.ts";
import { type ErrorCode, ExchangeError } from "../../sdk/errors.ts";
import { refundTerms } from "../../sdk/records.ts";
import type { Revert } from "./revert.ts";

type Args = Readonly<Record<string, string>>;
type Refusal = {
  code: ErrorCode;
  /** HTTP status where it differs from the code's usual one. */
  status?: number;
  message: (args: Args) => string;
  hint: string;
};

/** `IOrders.OrderStatus`, by its number. */
const orderStatus = (status = "") =>
  ["unknown", "held", "disputed", "released", "refunded"][Number(status)] ?? status;

const CURVE = "Mend pricing_policy.";
const SELL = "Ask for a new quote, or look for another listing.";

const refusals: Record<string, Refusal> = {
  // Catalog, Exchange
  UnknownListing: {
    code: "EK_NOT_FOUND",
    message: (a) => `There is no listing ${a.ekId}.`,
    hint: "Take ids as the search gives them: they name their chain.",
  },
  NotAuthorized: {
    code: "SCOPE_DENIED",
    message: (a) => `${a.caller} may not act for agent ${a.agentId}.`,
    hint: "Grant the action to the exchange's relayer (POST /me/grants), or call the contract yourself.",
  },
  TokenNotAllowed: {
    code: "LISTING_INVALID",
    message: (a) => `The token ${a.token} is not allowed for payment.`,
    hint: "Use a currency of the exchange.",
  },
  CurveNotAllowed: {
    code: "LISTING_INVALID",
    message: (a) => `The price curve ${a.curve} is not allowed.`,
    hint: `Use a curve_type of ${curveTypes.join(", ")}.`,
  },
  CurveParamsLength: {
    code: "LISTING_INVALID",
    message: (a) => `The curve's parameters have ${a.length} bytes; they must have ${a.expected}.`,
    hint: CURVE,
  },
  CurveParamTooLarge: {
    code: "LISTING_INVALID",
    message: (a) => `The curve's ${a.name} is ${a.value}; it must be at most ${a.maximum}.`,
    hint: CURVE,
  },
  CurveParamTooSmall: {
    code: "LISTING_INVALID",
    message: (a) => `The curve's ${a.name} is ${a.value}; it must be at least ${a.minimum}.`,
    hint: CURVE,
  },
  PieceRefused: {
    code: "LISTING_INVALID",
    message: (a) => `The formula of the curve's piece ${a.piece} (from 0) refuses its parameters.`,
    hint: CURVE,
  },
  InvalidScopes: {
    code: "LISTING_INVALID",
    message: (a) => `The scopes ${a.scopes} are none or unknown.`,
    hint: "Name at least one of read, download, execute, quote, derive.",
  },
  InvalidTimes: {
    code: "LISTING_INVALID",
    message: (a) => `Sales from ${a.startTime} to ${a.endTime} (Unix seconds) never happen.`,
    hint: "end_time must be ahead and after start_time.",
  },
  SummaryTooLong: {
    code: "LISTING_INVALID",
    message: (a) => `The public summary has ${a.length} bytes, ${a.maximum} are allowed.`,
    hint: "Shorten summary, output_artifacts or the title.",
  },
  ListingNotActive: {
    code: "LISTING_CONFLICT",
    message: (a) => `Listing ${a.ekId} is not on sale (status ${a.status}).`,
    hint: "Wait until the seller resumes it, or look for another listing.",
  },
  VersionMismatch: {
    code: "LISTING_CONFLICT",
    message: (a) => `Listing ${a.ekId} is at version ${a.current}, not ${a.given}.`,
    hint: `The seller published a new version. ${SELL}`,
  },
  NotStarted: {
    code: "LISTING_CONFLICT",
    message: (a) => `Sales of listing ${a.ekId} start at ${a.startTime} (Unix seconds).`,
    hint: "Come back then.",
  },
  Ended: {
    code: "LISTING_CONFLICT",
    message: (a) => `Sales of listing ${a.ekId} ended at ${a.endTime}.`,
    hint: SELL,
  },
  SoldOut: {
    code: "LISTING_CONFLICT",
    message: (a) => `All ${a.supplyCap} keys of listing ${a.ekId} are sold.`,
    hint: SELL,
  },
  CostAboveMaximum: {
    code: "LISTING_CONFLICT",
    message: (a) => `The price is now ${a.cost}, above the quoted ${a.maximum} (smallest units).`,
    hint: "Nothing was paid. Ask for a new quote.",
  },
  AmountExceedsPermitted: {
    code: "LISTING_CONFLICT",
    message: () => "The price is now above what the payment permits.",
    hint: "Nothing was paid. Ask for a new quote.",
  },
  TokenMismatch: {
    code: "LISTING_CONFLICT",
    message: (a) => `Listing ${a.ekId} is now sold for ${a.current}, the quote is in ${a.given}.`,
    hint: SELL,
  },
  NotFree: {
    code: "PAYMENT_REQUIRED",
    message: (a) => `Listing ${a.ekId} costs ${a.cost} (smallest units); it is not free.`,
    hint: "Ask for a quote (POST /listings/{ek_id}/quote) and pay it.",
  },
  RecipientNotAgent: {
    code: "INVALID_EOA",
    status: 409,
    message: (a) => `${a.recipient} is no agent, and did not ask to become one.`,
    hint: "Join first (POST /me/register), or sign the payment with the wallet that is to get the key.",
  },
  Paused: {
    code: "SERVICE_UNAVAILABLE",
    message: (a) => `Nothing new is sold or listed until ${a.until} (Unix seconds).`,
    hint: "What is paid can still be refunded, released and withdrawn. Come back then.",
  },
  // Orders
  OrderNotInStatus: {
    code: "LISTING_CONFLICT",
    message: (a) => `The order is ${orderStatus(a.status)}: it can't go that way any more.`,
    hint: "Released and refunded orders are at their end; a disputed one waits for its ruling.",
  },
  OrderNotHeld: {
    code: "LISTING_CONFLICT",
    message: () => "The order's money is not held any more.",
    hint: "Only orders whose money is held can be disputed.",
  },
  UnknownOrder: {
    code: "NOT_FOUND",
    message: () => "There is no such order.",
    hint: "A sale without a refund window leaves no order: its money was split at once.",
  },
  RefundWindowOver: {
    code: "LISTING_CONFLICT",
    message: (a) => `The order's window ended at ${a.releaseTime} (Unix seconds).`,
    hint: "The money is the seller's from then on.",
  },
  RefundRefused: {
    code: "SCOPE_DENIED",
    message: (a) =>
      `${a.caller} may not refund this order now (refund terms ${refundTerms[Number(a.refundTerms)]}).`,
    hint: "A buyer may within the window, under terms until_access only before the first use; the seller at any time. Else: dispute it.",
  },
  NotBuyer: {
    code: "SCOPE_DENIED",
    message: (a) => `${a.caller} is not who paid this order.`,
    hint: "Sign in with the EOA of the agent that paid.",
  },
  EvidenceMissing: {
    code: "INVALID_REQUEST",
    message: () => "There is no evidence in it.",
    hint: "Give the URI of the complaint.",
  },
  FeeNotPaid: {
    code: "LISTING_CONFLICT",
    message: (a) => `The arbitration costs ${a.cost} wei, ${a.given} were given.`,
    hint: "Its cost has changed: ask for the transaction again.",
  },
  NotForPoints: {
    code: "LISTING_CONFLICT",
    message: (a) => `Listing ${a.ekId} can't be bought with points.`,
    hint: "Pay by crypto: POST /listings/{ek_id}/quote.",
  },
  InsufficientPoints: {
    code: "POINTS_POLICY_VIOLATION",
    message: (a) => `Agent ${a.agentId} has ${a.balance} hundredths of points, ${a.needed} are needed.`,
    hint: "Points come from completed trades.",
  },
  RefundWindowTooLong: {
    code: "LISTING_INVALID",
    message: (a) => `A refund window of ${a.refundWindow} s is above ${a.maximum} s.`,
    hint: "Shorten refund_window_seconds.",
  },
  RefundWindowMissing: {
    code: "LISTING_INVALID",
    message: () => "Refund terms need a refund window.",
    hint: "Give refund_window_seconds, or leave refund_terms out.",
  },
  TooManyRoyalties: {
    code: "LISTING_INVALID",
    message: (a) => `The listing shares with ${a.count} others, ${a.maximum} are allowed.`,
    hint: "Name those that matter most in royalties.",
  },
  InvalidRoyalty: {
    code: "LISTING_INVALID",
    message: (a) =>
      `Royalty ${a.index}: listing ${a.ekId} is not older than this one, or ${a.bps} bps is nothing.`,
    hint: "Royalties go to listings that are on this chain already.",
  },
  SharesTooLarge: {
    code: "LISTING_INVALID",
    message: (a) => `Bounty, referral and royalties take ${a.bps} basis points, ${a.maximum} are allowed.`,
    hint: "Lower bounty_bps, referral_bps or royalties.",
  },
  ResaleTooLarge: {
    code: "LISTING_INVALID",
    message: (a) => `A resale share of ${a.bps} basis points is above ${a.maximum}.`,
    hint: "Lower resale_bps.",
  },
  // AgentRegistry
  UnknownAgent: {
    code: "INVALID_REQUEST",
    message: (a) => `There is no agent ${a.agentId}.`,
    hint: "Take agent ids as the API gives them.",
  },
  AddressAlreadyBound: {
    code: "INVALID_REQUEST",
    status: 409,
    message: (a) => `${a.eoa} is agent ${a.agentId} already.`,
    hint: "Nothing is left to do: GET /me shows the agent.",
  },
  AddressRetired: {
    code: "INVALID_EOA",
    status: 409,
    message: (a) => `${a.eoa} belonged to agent ${a.agentId} once and can return to that agent only.`,
    hint: "Use a fresh address.",
  },
  SignatureExpired: {
    code: "INVALID_SIGNATURE",
    message: (a) => `The signature was good until ${a.deadline} (Unix seconds).`,
    hint: "Sign again with a deadline ahead, at most a few minutes.",
  },
  InvalidSignature: {
    code: "INVALID_SIGNATURE",
    message: (a) => `The signature is not one of ${a.signer} over this message.`,
    hint: "Sign exactly the typed data, with the registry's present nonce, by the session's EOA.",
  },
  InvalidNonce: {
    code: "INVALID_SIGNATURE",
    message: (a) => `The nonce of ${a.owner} is ${a.expected}, not ${a.given}.`,
    hint: "Sign again with the present nonce: AgentRegistry.nonces(eoa).",
  },
  GrantExpired: {
    code: "INVALID_REQUEST",
    message: (a) => `A grant until ${a.expiry} (Unix seconds) is over already.`,
    hint: "Choose an expiry ahead.",
  },
  UnknownActions: {
    code: "INVALID_REQUEST",
    message: (a) => `The actions ${a.actions} are unknown.`,
    hint: "Name actions of list, label, claim, spend-points.",
  },
  // LabelRegistry
  UnknownVersion: {
    code: "VALIDATION_CONFLICT",
    message: (a) => `Listing ${a.ekId} has no version ${a.given} (it is at ${a.current}).`,
    hint: "Label the version that was examined.",
  },
  SelfLabel: {
    code: "SCOPE_DENIED",
    message: (a) => `Agent ${a.agentId} sells listing ${a.ekId} and can't label it.`,
    hint: "Labels are others' judgements.",
  },
  LabelExists: {
    code: "VALIDATION_CONFLICT",
    message: (a) => `Agent ${a.validatorId} has labelled listing ${a.ekId} already.`,
    hint: "One live label per validator and listing.",
  },
  ValidatorNotAllowed: {
    code: "SCOPE_DENIED",
    message: (a) => `Agent ${a.validatorId} is not on the validator list of listing ${a.ekId}.`,
    hint: "Ask the seller to add you, or label another listing.",
  },
  NoLabel: {
    code: "VALIDATION_CONFLICT",
    message: (a) => `Agent ${a.validatorId} has no live label of listing ${a.ekId}.`,
    hint: "Publish one first.",
  },
  LabelInDispute: {
    code: "VALIDATION_CONFLICT",
    message: (a) => `The label of agent ${a.validatorId} on listing ${a.ekId} is challenged.`,
    hint: "It is frozen until the challenge is decided.",
  },
  TooManyRevisions: {
    code: "VALIDATION_CONFLICT",
    message: (a) => `Agent ${a.validatorId} has labelled listing ${a.ekId} ${a.maximum} times.`,
    hint: "No more is possible.",
  },
  NoLabelType: {
    code: "VALIDATION_INVALID",
    message: () => "The label has no type.",
    hint: "Name at least one of the label types in labels.",
  },
  ScoreOutOfRange: {
    code: "VALIDATION_INVALID",
    message: (a) => `Score number ${a.index} is ${a.score}; scores are 0 to 100.`,
    hint: "Mend the scores.",
  },
  EvidenceTooLong: {
    code: "VALIDATION_INVALID",
    message: (a) => `The evidence has ${a.length} bytes, ${a.maximum} are allowed.`,
    hint: "Give a link to longer evidence.",
  },
  TooManyTags: {
    code: "VALIDATION_INVALID",
    message: (a) => `There are ${a.count} tags, ${a.maximum} are allowed.`,
    hint: "Keep the tags that matter.",
  },
  TagTooLong: {
    code: "VALIDATION_INVALID",
    message: (a) => `Tag number ${a.index} has ${a.length} bytes, ${a.maximum} are allowed.`,
    hint: "Shorten it.",
  },
};

/**
 * The refusal as an error for the user. `codes` says what an error means in this place, where that differs.
 *
 * @example
 * refusalOf({ name: "SoldOut", args: { ekId: "3", supplyCap: "10" } }).code; // "LISTING_CONFLICT"
 */
export function refusalOf(revert: Revert, codes: Readonly<Record<string, ErrorCode>> = {}): ExchangeError {
  const row = refusals[revert.name];
  const details = { error: revert.name, ...revert.args };
  if (!row) {
    return new ExchangeError("INVALID_REQUEST", `The contract refused: ${revert.name}.`, {
      status: 409,
      hint: "The contracts' interfaces document each error.",
      details,
    });
  }
  const code = codes[revert.name] ?? row.code;
  return new ExchangeError(code, row.message(revert.args), {
    hint: row.hint,
    details,
    ...(row.status !== undefined && code === row.code ? { status: row.status } : {}),
  });
}
