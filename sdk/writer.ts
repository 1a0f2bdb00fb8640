/** Writes that the exchange makes for an agent. One that wants for a grant gives it and is made once more. */
import type { Chain } from "./chain.ts";
import { ExchangeError } from "./errors.ts";
import { grantNonceOf, signGrant } from "./grant.ts";
import type { Call } from "./http.ts";
import type { ExchangePlace } from "./place.ts";
import type { ActionName } from "./records.ts";
import type { Session } from "./session.ts";
import type { Signer } from "./signer.ts";
import { relayedResponseSchema } from "./wire/agent.ts";

export type Writer = <T>(action: ActionName, request: Omit<Call<T>, "bearer">) => Promise<T>;

export type WriterOptions = {
  session: Session;
  signer: Signer;
  chain: Chain | undefined;
  place: () => Promise<ExchangePlace>;
};

export function createWriter({ session, signer, chain, place }: WriterOptions): Writer {
  // A grant replaces the one before it, so it names what earlier writes of this client needed, too.
  const wanted = new Set<ActionName>();
  // One grant at a time: each carries the next nonce.
  let turn: Promise<unknown> = Promise.resolve();
  let given = 0;

  const grant = async (action: ActionName, nonceTold: bigint): Promise<void> => {
    const at = await place();
    if (!at.relayer) {
      throw new ExchangeError("SERVICE_UNAVAILABLE", "The exchange's health names no relayer to grant to.", {
        hint: "Write to the contracts directly, or try again later.",
      });
    }
    wanted.add(action);
    const body = await signGrant(signer, {
      ...at,
      operator: at.relayer,
      actions: [...wanted],
      nonce: chain ? await chain.nonceOf(at, signer.address) : nonceTold,
      now: Math.floor(Date.now() / 1000),
    });
    await session.call({ method: "POST", path: "/me/grants", body, schema: relayedResponseSchema });
    given++;
  };

  return async (action, request) => {
    const before = given;
    try {
      return await session.call(request);
    } catch (refusal) {
      if (grantNonceOf(refusal) === undefined) throw refusal;
      const mine = turn.then(async () => {
        // Where another write was granted meanwhile, the nonce in this refusal is used up: the same write tells what is missing now.
        const now = given === before ? { refusal } : await attempt(() => session.call(request));
        if ("answer" in now) return now.answer;
        const nonce = grantNonceOf(now.refusal);
        if (nonce === undefined) throw now.refusal;
        await grant(action, nonce);
        return session.call(request);
      });
      turn = mine.catch(() => undefined); // its caller hears of the failure
      return mine;
    }
  };
}

async function attempt<T>(write: () => Promise<T>): Promise<{ answer: T } | { refusal: unknown }> {
  try {
    return { answer: await write() };
  } catch (refusal) {
    return { refusal };
  }
}
