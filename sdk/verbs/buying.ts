/** The verbs by which an agent comes to a key. */
import type { Exchange } from "../client.ts";
import { ExchangeError } from "../errors.ts";
import { call } from "../http.ts";
import * as ids from "../ids.ts";
import { payInOneStep } from "../one-step.ts";
import { checkQuote, payQuote, resumePayment } from "../payment.ts";
import type { Quote } from "../till.ts";
import { type QuoteResponse, quoteResponseSchema } from "../wire/listing.ts";
import { purchaseResponseSchema } from "../wire/purchase.ts";
import { type Core, known } from "./core.ts";

export function buyers(core: Core, defaultMaxPrice: bigint | undefined) {
  const { server, signer, place } = core;
  const claim: Exchange["claim"] = async (ekId) =>
    core.write("claim", {
      method: "POST",
      path: "/me/buy/purchase",
      body: { ek_id: known(ekId), payment_method: { type: "free" } },
      // The grant that it may want first comes in between: it is one order all the same.
      idempotencyKey: crypto.randomUUID(),
      schema: purchaseResponseSchema,
    });
  return {
    buyWithPoints: async (ekId) =>
      core.write("spend-points", {
        method: "POST",
        path: "/me/buy/purchase",
        body: { ek_id: known(ekId), payment_method: { type: "points" } },
        idempotencyKey: crypto.randomUUID(),
        schema: purchaseResponseSchema,
      }),
    quote: async (ekId) => (await getQuote(core, ekId)).response,
    async buy(ekId, { maxPrice = defaultMaxPrice } = {}) {
      const quoted = await getQuote(core, ekId).catch((error: unknown) => {
        if (error instanceof ExchangeError && error.details.reason === "free") return undefined;
        throw error;
      });
      if (!quoted) return claim(ekId);
      checkPrice(quoted.response, quoted.quote, maxPrice);
      const { chainId, exchange, tills } = await place();
      return payQuote({
        server,
        signer,
        chainId,
        ...(exchange ? { contracts: { exchange, tills } } : {}),
        ...quoted,
      });
    },
    async buyInOneStep(ekId, { maxPrice = defaultMaxPrice, token } = {}) {
      if (maxPrice === undefined) {
        throw new ExchangeError("INVALID_REQUEST", "No maximum price was given. Nothing was asked.", {
          hint: "Say what it may cost: buyInOneStep(ekId, { maxPrice: 250_000n }), or maxPrice in createExchange.",
        });
      }
      const { chainId, exchange } = await place();
      if (!exchange) {
        throw new ExchangeError("SERVICE_UNAVAILABLE", `${server.url} does not say where its contract is.`, {
          hint: "Buy with a quote: buy(ekId, { maxPrice }).",
        });
      }
      const asked = { text: known(ekId), number: ids.ekId.parse(ekId).ekId };
      return payInOneStep({ server, signer, chainId, exchange, ekId: asked, maxPrice, token });
    },
    resume: (pending) => resumePayment(server, pending),
    claim,
  } satisfies Partial<Exchange>;
}

async function getQuote(
  { server, signer, chain, place }: Core,
  ekId: string,
): Promise<{ quote: Quote; response: QuoteResponse }> {
  const ref = ids.ekId.parse(ekId);
  const at = await place();
  const response = await call(server, {
    method: "POST",
    path: `/listings/${ekId}/quote`,
    body: { buyer: signer.address },
    schema: quoteResponseSchema,
  });
  const quote = checkQuote(response, { ...at, ekId: ref.ekId, buyer: signer.address });
  const till = await chain?.tillOf(at, quote);
  if (till !== undefined && till.toLowerCase() !== response.till.toLowerCase()) {
    throw new ExchangeError(
      "PAYMENT_FAILED",
      `On chain the quote's till is ${till}, not ${response.till}. Nothing was signed.`,
      {
        hint: "Do not pay this quote. Does rpcUrl lead to the exchange's chain?",
        details: { quote_id: response.quote_id, expected: till, actual: response.till },
      },
    );
  }
  return { quote, response };
}

function checkPrice({ price }: QuoteResponse, quote: Quote, maxPrice: bigint | undefined): void {
  if (maxPrice !== undefined && quote.maxPrice <= maxPrice) return;
  const shown = `${price.display} ${price.currency} (${quote.maxPrice} units)`;
  const details = {
    price: String(quote.maxPrice),
    token: quote.token,
    ...(maxPrice === undefined ? {} : { max_price: String(maxPrice) }),
  };
  if (maxPrice === undefined) {
    throw new ExchangeError(
      "INVALID_REQUEST",
      `It costs ${shown}, and no maximum price was given. Nothing was paid.`,
      {
        hint: `Say what it may cost: buy(ekId, { maxPrice: ${quote.maxPrice}n }), or maxPrice in createExchange.`,
        details,
      },
    );
  }
  throw new ExchangeError(
    "PAYMENT_REQUIRED",
    `It costs ${shown}, more than the maximum of ${maxPrice} units. Nothing was paid.`,
    {
      hint: "Raise maxPrice, or wait for another price.",
      details,
    },
  );
}
