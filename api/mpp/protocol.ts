/**
 * The Machine Payments Protocol's side of a 402 (https://paymentauth.org): challenges in `WWW-Authenticate: Payment`, credentials in
 * `Authorization: Payment`. A challenge is made of its quote alone and bound by an HMAC, so that every copy of the API gives the same one
 * and knows it again after a restart. What is accepted here is well formed and meant for this quote; whether it pays is for the chains
 * to say.
 */
import { Challenge, Credential, Method, Receipt } from "mppx";
import { evm, Mppx, tempo as tempoMethods } from "mppx/server";
import { formatUnits, type Hash, type Hex } from "viem";
import { z } from "zod";
import { addressSchema } from "../../sdk/wire/common.ts";
import { PaymentRefusal } from "../actions/payment-refusal.ts";
import { isOpen } from "../actions/quote-end.ts";
import type { Authorization } from "../store/authorizations.ts";
import type { StoredQuote } from "../store/quotes.ts";
import { isSilence, type Tempo, tempoAmountOf, tempoDown } from "./tempo.ts";

/** What the protocol needs to know of a quote. */
export type MppOffer = {
  quote: StoredQuote;
  payUrl: string;
  /** The quote's token: its EIP-712 domain, and its decimals. */
  token: { name: string; version: string; decimals: number };
};

/** `evm`: an ERC-3009 authorization for the quote's till. `tempo`: a transfer on Tempo, whose memo names the challenge. */
export type MethodName = "evm" | "tempo";

export type Accepted =
  | { method: "evm"; challengeId: string; authorization: Authorization }
  | { method: "tempo"; challengeId: string; payment: TempoCredential };

/** `transaction`: signed by the payer, for us to send. `hash`: sent by the payer itself. */
export type TempoCredential = { type: "transaction"; raw: Hex } | { type: "hash"; hash: Hash };

export type Mpp = {
  /** What a 402 offers by these methods: the value of its WWW-Authenticate, in the order that `accept` (Accept-Payment) asks for. */
  challenge(offer: MppOffer, methods: readonly MethodName[], accept: string | undefined): Promise<string>;
  /** The id of the quote's one challenge on Tempo; undefined where Tempo does not pay for its token. */
  tempoChallengeId(offer: MppOffer): Promise<string | undefined>;
  /** The payment in an Authorization header. Throws {@link PaymentRefusal} for one that is not for this quote. */
  accept(offer: MppOffer, header: string): Promise<Accepted>;
};

const evmPayload = z.object({
  from: addressSchema,
  value: z.string(),
  validAfter: z.string(),
  validBefore: z.string(),
  nonce: z.custom<Hex>(),
  signature: z.custom<Hex>(),
});
const tempoPayload = z.discriminatedUnion("type", [
  z.object({ type: z.literal("transaction"), signature: z.custom<Hex>() }),
  z.object({ type: z.literal("hash"), hash: z.stringFormat("hash", /^0x[0-9a-fA-F]{64}$/) }),
]);

/** `realm`: the API's host, which its challenges name. `secret`: at least 32 bytes, the same for all copies of the API. */
export function createMpp({
  chainId,
  realm,
  secret,
  tempo,
}: {
  chainId: number;
  realm: string;
  secret: string;
  tempo?: Tempo | undefined;
}): Mpp {
  const server = { secretKey: secret, realm };

  /** Not for what is free: a transfer of nothing is nobody's word. */
  const paysBy = ({ quote }: MppOffer): Tempo | undefined =>
    tempo && quote.maxPrice > 0n && tempo.paysFor.toLowerCase() === quote.token.toLowerCase()
      ? tempo
      : undefined;

  /** What challenges of the quote have in common. They end with it, to the second, so that each quote has one per method. */
  const common = ({ quote }: MppOffer) => ({
    externalId: quote.id,
    expires: new Date(Number(quote.deadline) * 1000).toISOString(),
  });

  const byEvm = (offer: MppOffer) => {
    const { quote, token } = offer;
    const method = evm.charge({
      ...{ chainId, currency: quote.token, decimals: token.decimals, recipient: quote.till },
      authorization: { name: token.name, version: token.version },
      settle: async ({ credential }) => ({ reference: credential.challenge.id }),
    });
    const amount = formatUnits(quote.maxPrice, token.decimals);
    return Mppx.create({ ...server, methods: [method] }).evm.charge({ ...common(offer), amount });
  };

  const byTempo = (offer: MppOffer, to: Tempo) => {
    const amount = formatUnits(tempoAmountOf(to, offer.quote.maxPrice, offer.token.decimals), to.decimals);
    const { charge } = Mppx.create({ ...server, methods: [acceptOnly(chargeOn(to))] }).tempo;
    return charge({ ...common(offer), amount });
  };

  /** mppx's handlers for one quote. They differ from another's by till and sum, so they are made anew. */
  const handlerOf = (offer: MppOffer, methods: readonly MethodName[]) => {
    const to = methods.includes("tempo") ? paysBy(offer) : undefined;
    return Mppx.compose(
      ...(methods.includes("evm") ? [byEvm(offer)] : []),
      ...(to ? [byTempo(offer, to)] : []),
    );
  };

  async function challengeId(offer: MppOffer, method: MethodName): Promise<string | undefined> {
    if (method === "tempo" && !paysBy(offer)) return undefined;
    const answer = await handlerOf(offer, [method])(new Request(offer.payUrl, { method: "POST" }));
    if (answer.status !== 402) throw new Error(`The challenge of quote ${offer.quote.id} was not made.`);
    return Challenge.fromResponse(answer.challenge).id;
  }

  /**
   * A payment whose challenge may be over by now, which mppx would not look at: it names money that may have moved already. On Tempo its
   * payer sent it; here somebody else can have submitted what is to an open quote's till.
   */
  async function lateIn(offer: MppOffer, credential: Credential.Credential): Promise<Accepted | undefined> {
    const { id, method } = credential.challenge;
    if (method !== "evm" && method !== "tempo") return undefined;
    const { data } = (method === "evm" ? evmPayload : tempoPayload).safeParse(credential.payload);
    if (!data) return undefined;
    const moved = "type" in data ? data.type === "hash" : isOver(offer.quote) && isOpen(offer.quote);
    if (!moved || id !== (await challengeId(offer, method)) || !isOurs(credential, secret)) return undefined;
    return acceptedOf(credential);
  }

  return {
    tempoChallengeId: (offer) => challengeId(offer, "tempo"),
    async challenge(offer, methods, accept) {
      const headers: Record<string, string> = accept === undefined ? {} : { "Accept-Payment": accept };
      const answer = await handlerOf(offer, methods)(new Request(offer.payUrl, { method: "POST", headers }));
      const value = answer.status === 402 ? answer.challenge.headers.get("WWW-Authenticate") : null;
      if (value === null) throw new Error(`The challenges of quote ${offer.quote.id} were not made.`);
      return value;
    },
    async accept(offer, header) {
      const credential = readCredential(header);
      const late = await lateIn(offer, credential);
      if (late) return late;
      const request = new Request(offer.payUrl, { method: "POST", headers: { Authorization: header } });
      const answer = await handlerOf(offer, ["evm", "tempo"])(request);
      if (answer.status === 402) throw await refusalOf(answer.challenge);
      const accepted = acceptedOf(credential);
      if (accepted.method === "tempo" && tempo) await checkTransaction(tempo, credential);
      return accepted;
    },
  };
}

/** mppx's method for Tempo. */
function chargeOn(tempo: Tempo) {
  const { chainId, token, decimals, recipient, client } = tempo;
  return tempoMethods.charge({
    ...{ chainId, currency: token, decimals, recipient },
    supportedModes: ["pull", "push"],
    getClient: () => client,
  });
}

/** The same for compose, which only sees to the challenge: whether the chain takes the payment, and sending it, come afterwards. */
function acceptOnly(method: ReturnType<typeof chargeOn>) {
  return {
    ...method,
    validate: undefined,
    broadcast: async ({ credential }: { credential: Credential.Credential }) =>
      Receipt.from({
        method: "tempo",
        reference: credential.challenge.id,
        status: "success",
        timestamp: new Date().toISOString(),
      }),
  };
}

/** mppx's check of what the payer signed: its calls, its memo, and that the chain would take it now. */
async function checkTransaction(tempo: Tempo, credential: Credential.Credential): Promise<void> {
  await tempo.assertTrusted();
  try {
    await Method.validateCredential([chargeOn(tempo)], credential);
  } catch (error) {
    if (isSilence(error)) throw tempoDown("its RPC does not answer", error);
    throw new PaymentRefusal("verification-failed", `The payment is not taken: ${reasonIn(error)}.`);
  }
}

function reasonIn(error: unknown): string {
  if (error instanceof Error && "shortMessage" in error) return String(error.shortMessage);
  return error instanceof Error ? error.message.slice(0, 200) : "unknown";
}

function readCredential(header: string): Credential.Credential {
  try {
    const payment = Credential.extractPaymentScheme(header);
    if (payment !== null) return Credential.deserialize(payment);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // neither base64url nor JSON: the answer says so
  }
  throw new PaymentRefusal(
    "malformed-credential",
    "The Authorization header holds no credential of the Payment scheme.",
  );
}

function isOver({ deadline }: StoredQuote): boolean {
  return Number(deadline) * 1000 <= Date.now();
}

function isOurs({ challenge }: Credential.Credential, secretKey: string): boolean {
  return Challenge.verify(challenge, { secretKey });
}

/** mppx's refusal, by its problem type (RFC 9457). */
async function refusalOf(response: Response): Promise<PaymentRefusal> {
  const problem = problemSchema.parse(await response.json());
  return new PaymentRefusal(problem.type.split("/").at(-1) ?? problem.type, problem.detail);
}

const problemSchema = z.object({ type: z.string(), detail: z.string() });

function acceptedOf({ challenge, payload }: Credential.Credential): Accepted {
  if (challenge.method === "tempo") {
    const payment = tempoPayload.parse(payload);
    return {
      method: "tempo",
      challengeId: challenge.id,
      payment:
        payment.type === "hash"
          ? { type: "hash", hash: payment.hash as Hash }
          : { type: "transaction", raw: payment.signature },
    };
  }
  const { from, value, validAfter, validBefore, nonce, signature } = evmPayload.parse(payload);
  return {
    method: "evm",
    challengeId: challenge.id,
    authorization: {
      scheme: "exact",
      ...{ from, nonce, signature },
      value: BigInt(value),
      validAfter: BigInt(validAfter),
      validBefore: BigInt(validBefore),
    },
  };
}
