/** Clears away quotes that nobody paid, once their tills are seen to be empty. */
import { erc20Abi, type Hash } from "viem";
import type { Chain } from "../chain/client.ts";
import type { Deps } from "../deps.ts";
import { log } from "../http/log.ts";
import { markRefundDue, type StoredQuote } from "../store/quotes.ts";
import { deleteUnpaid, keepQuotes, unpaidQuotes } from "../store/unpaid-quotes.ts";
import { isOpen, structOf } from "./quote-end.ts";
import { uptoQuoteOf } from "./upto.ts";

/** How many a round looks at. */
const BATCH = 50;
/** Bytes of calldata in one question to the node: with what is around it, it must stay below the 48 KiB of a creation (EIP-3860). */
const QUESTION = 16_384;

/** One round. What the chain does not answer for stays. */
export async function dropUnpaidQuotes({
  chain,
  guard,
  sql,
}: Pick<Deps, "chain" | "guard" | "sql">): Promise<void> {
  const quotes = await unpaidQuotes(sql, BATCH);
  if (quotes.length === 0) return;
  await guard.assertTrusted(); // another chain's tills are empty, all of them
  const seen = await tillsOf(chain, quotes);
  for (const { quote, funds } of seen) {
    if (funds === 0n) continue;
    // Nobody asked for it back: it goes all the same, where the till says to whom.
    if (!isOpen(quote)) await markRefundDue(sql, quote.id, true);
    log("warn", "money lies in the till of a quote that was never paid here", {
      ...{ quote: quote.id, till: quote.till, amount: String(funds), open: isOpen(quote) },
    });
  }
  const idsWhere = (test: (till: Seen) => boolean): Hash[] => seen.filter(test).map(({ quote }) => quote.id);
  await keepQuotes(
    sql,
    idsWhere(({ used, funds }) => used || funds > 0n),
  );
  await deleteUnpaid(
    sql,
    idsWhere(({ used, funds }) => !used && funds === 0n),
  );
}

type Seen = { quote: StoredQuote; funds: bigint; used: boolean };

/** What lies in the quotes' tills, and whether they were used: bought from or refunded past the API. */
async function tillsOf(chain: Chain, quotes: readonly StoredQuote[]): Promise<Seen[]> {
  const at = { address: chain.tills.address, abi: chain.tills.abi } as const;
  const answers = await chain.client.multicall({
    contracts: quotes.flatMap((quote) => [
      { address: quote.token, abi: erc20Abi, functionName: "balanceOf", args: [quote.till] },
      { ...at, functionName: "isQuoteUsed", args: [structOf(quote)] },
      { ...at, functionName: "isQuoteUsed", args: [uptoStructOf(chain, quote)] },
    ]),
    allowFailure: false,
    deployless: true, // not every chain has a contract that asks many others
    batchSize: QUESTION,
  });
  return quotes.map((quote, i) => ({
    quote,
    funds: answers[3 * i] as bigint,
    used: Boolean(answers[3 * i + 1]) || Boolean(answers[3 * i + 2]),
  }));
}

/** The quote as `upto` pays it; itself where it has no ceiling. */
function uptoStructOf(chain: Chain, quote: StoredQuote) {
  return structOf(quote.ceiling === undefined ? quote : uptoQuoteOf(chain, quote));
}
