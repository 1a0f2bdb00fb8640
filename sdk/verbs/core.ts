/** What every verb of the client needs. */
import { type Chain, createChain } from "../chain.ts";
import type { ExchangeOptions } from "../client.ts";
import { createDpopKey, type DpopKey } from "../dpop.ts";
import { ExchangeError } from "../errors.ts";
import type { Server } from "../http.ts";
import * as ids from "../ids.ts";
import { createPlace, type ExchangePlace } from "../place.ts";
import { createSender, type SendTransaction } from "../sender.ts";
import { createSession, createSignedCalls, type Session } from "../session.ts";
import { type Signer, toSigner } from "../signer.ts";
import { createWriter, type Writer } from "../writer.ts";

export type Core = {
  server: Server;
  signer: Signer;
  chain: Chain | undefined;
  place: () => Promise<ExchangePlace>;
  session: Session;
  write: Writer;
  /** The key that tokens are to be bound to, made once; undefined when they are not. */
  dpop: () => Promise<DpopKey | undefined>;
  /** The wallet's own transactions. */
  send: SendTransaction;
};

export function createCore({ url, wallet, rpcUrl, deployment, fetch, dpop, auth }: ExchangeOptions): Core {
  const server: Server = {
    url: readUrl(url),
    fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)),
    unreachable: "SERVICE_UNAVAILABLE",
  };
  const signer = toSigner(wallet);
  const chain = rpcUrl === undefined ? undefined : createChain(rpcUrl, deployment?.startBlock);
  const place = createPlace({ server, chain, deployment });
  const start = auth === "signature" ? createSignedCalls : createSession;
  const session = start({ server, signer, chainId: async () => (await place()).chainId });
  const write = createWriter({ session, signer, chain, place });
  return {
    server,
    signer,
    chain,
    place,
    session,
    write,
    dpop: keyOnce(dpop),
    send: createSender({ wallet, rpcUrl }),
  };
}

function keyOnce(wanted: ExchangeOptions["dpop"]): Core["dpop"] {
  if (typeof wanted === "object") return async () => wanted;
  let made: Promise<DpopKey> | undefined;
  return async () => {
    if (wanted !== true) return undefined;
    made ??= createDpopKey();
    return made;
  };
}

function readUrl(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, "");
  throw new ExchangeError("INVALID_REQUEST", `"${url}" is no url of an exchange.`, {
    hint: "It looks like https://exchange.example or http://127.0.0.1:8787.",
    details: { url },
  });
}

/** The id, when it is one. */
export function known(ekId: string): string {
  return ids.ekId.serialize(ids.ekId.parse(ekId));
}
