/** Waiting for what the indexer shows a moment after the chain has it. */
import { ExchangeError } from "../../sdk/errors.ts";

const DEADLINE_MS = 30_000;
const PAUSE_MS = 100;

/** Asks again and again until there is an answer. Throws SERVICE_UNAVAILABLE, with the last failure, when there is none in time. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  let failure: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const reason = failure instanceof Error ? ` (${failure.message})` : "";
  throw new ExchangeError(
    "SERVICE_UNAVAILABLE",
    `After ${DEADLINE_MS / 1000} s it still is not so that ${what}${reason}.`,
    {
      hint: "Is the indexer up? GET /health of the exchange tells.",
      ...(failure === undefined ? {} : { cause: failure }),
    },
  );
}
