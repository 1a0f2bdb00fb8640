/** The first sale on a running system, from joining to the public feed: what a newcomer sees. */
import { formatUnits } from "viem";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import type { Experience } from "../../sdk/client.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import type { RunInfo } from "../system/run-info.ts";
import { items } from "./bundle.ts";
import {
  type Cast,
  find,
  gather,
  type Labelled,
  type Listed,
  label,
  list,
  pay,
  type Shown,
  use,
  watch,
} from "./steps.ts";

/** The agent whose gateway runs. */
export type Seller = { account: PrivateKeyAccount };

/** A seller with a fresh wallet: its gateway has to know its EOA before the sale begins. */
export function createDemoSeller(): Seller {
  return { account: privateKeyToAccount(generatePrivateKey()) };
}

export type FirstSale = { cast: Cast; listed: Listed; purchase: PurchaseResponse; labelled: Labelled };

type Stage = {
  run: RunInfo;
  seller: Seller;
  say: (line: string) => void;
};

/** Plays all six steps; each is said in one line with its transactions and its time. Throws with the step's name where one fails. */
export async function playFirstSale({ run, seller, say }: Stage): Promise<FirstSale> {
  const step = createSteps(say);
  const cast = await step("join", tell.cast, () => gather(run, seller.account));
  const listed = await step("list", tell.listed, () => list(run, cast));
  const purchase = await step("buy", tell.purchase(run), async () => {
    await find(cast, listed);
    return pay(run, cast, listed);
  });
  await step("use", tell.experience(listed), () => use(cast, listed));
  const labelled = await step("label", tell.labelled, () => label(cast, listed));
  const sale = { cast, listed, purchase, labelled };
  await step("feed", tell.shown(sale), () => watch(run, cast, sale));
  return sale;
}

type Told = { text: string; txs: readonly (string | undefined)[] };

/** What is said of each step. */
const tell = {
  cast: ({ seller, buyer, validator }: Cast): Told => {
    const all = Object.entries({ seller, buyer, validator });
    return {
      text: all
        .map(([role, { agentId, tx }]) => `${role} ${agentId}${tx ? "" : " (joined before)"}`)
        .join(", "),
      txs: all.map(([, { tx }]) => tx),
    };
  },
  listed: ({ ekId, manifestHash, tx }: Listed): Told => ({
    text: `${ekId}: ${Object.keys(items).length} items, manifest ${manifestHash}`,
    txs: [tx],
  }),
  purchase:
    (run: RunInfo) =>
    ({ key_id, price, tx }: PurchaseResponse): Told => ({
      text: `${key_id} for ${priceText(run, price)}, by x402`,
      txs: [tx],
    }),
  experience:
    ({ tx }: Listed) =>
    (experience: Experience): Told => ({
      text: `${experience.items.length} items fetched: every sha256 as in the manifest, the manifest as on chain`,
      txs: [tx],
    }),
  labelled: ({ labelId, tx }: Labelled): Told => ({
    text: `${labelId}: Verified-Real, Reproducible`,
    txs: [tx],
  }),
  shown:
    ({ listed, purchase, labelled }: FirstSale) =>
    ({ points }: Shown): Told => ({
      text: `listing, sale and label are public; points: seller +${points.seller}, buyer +${points.buyer}`,
      txs: [listed.tx, purchase.tx, labelled.tx],
    }),
};

function priceText({ deployment }: RunInfo, { amount, token, currency }: PurchaseResponse["price"]): string {
  const known = deployment.tokens.find(({ address }) => address.toLowerCase() === token.toLowerCase());
  return known ? `${formatUnits(BigInt(amount), known.decimals)} ${currency}` : `${amount} units of ${token}`;
}

function createSteps(say: (line: string) => void) {
  let number = 0;
  return async <T>(title: string, tellOf: (done: T) => Told, play: () => Promise<T>): Promise<T> => {
    number++;
    const started = performance.now();
    const done = await play().catch((cause: unknown) => {
      throw stepFailed(`Step ${number} (${title}) failed`, cause);
    });
    const { text, txs } = tellOf(done);
    const hashes = txs.filter((tx) => tx !== undefined).join(" ");
    say(`${number} ${title.padEnd(6)} ${text}  tx ${hashes}  ${Math.round(performance.now() - started)} ms`);
    return done;
  };
}

function stepFailed(what: string, cause: unknown): ExchangeError {
  const message = `${what}: ${cause instanceof Error ? cause.message : String(cause)}`;
  if (!(cause instanceof ExchangeError)) return new ExchangeError("INTERNAL_ERROR", message, { cause });
  const { code, hint, details, requestId } = cause;
  return new ExchangeError(code, message, {
    cause,
    details,
    ...(hint === undefined ? {} : { hint }),
    ...(requestId === undefined ? {} : { requestId }),
  });
}
