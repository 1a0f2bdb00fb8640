/** A URL that somebody else wrote, checked and resolved before anything connects to it. */
import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import { ExchangeError } from "../errors.ts";
import { isLoopback, notPublic } from "./public-address.ts";

export type Address = { address: string; family: number };
/** All addresses of a name. Rejects when it has none. */
export type Lookup = (hostname: string) => Promise<readonly Address[]>;

export type UrlRules = {
  /** Ports that may be called; 443 alone when left out. */
  ports?: readonly number[];
  /**
   * `host:port` of servers on this machine, for development: exactly these may be called, also over http, and only when they really are on
   * this machine.
   */
  allowLocal?: readonly string[];
  /** For tests: how names are resolved. */
  lookup?: Lookup;
};

/** What may be called, and the one address to call it at: the name is not to be resolved a second time. */
export type Target = { url: URL; pinned: Address };

const lookupAll: Lookup = (hostname) => systemLookup(hostname, { all: true, verbatim: true });

/**
 * Resolves the URL's name once and gives back the address to connect to. Throws {@link ExchangeError} INVALID_REQUEST, with
 * `details.reason`, for what may not be called, and GATEWAY_UNREACHABLE for a name that does not resolve.
 */
export async function resolveTarget(input: string | URL, rules: UrlRules = {}): Promise<Target> {
  const url = parse(input);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const local = rules.allowLocal?.includes(`${url.hostname}:${port}`) === true;
  if (!local) refuseOutward(url, port, rules.ports ?? [443]);
  const addresses = isIP(host) ? [{ address: host, family: isIP(host) }] : await resolve(url, host, rules);
  const [pinned] = addresses;
  if (pinned === undefined) throw unresolved(url, new Error("no address"));
  for (const { address } of addresses) {
    // All of them: a name with a public and a private address is made for whoever checks the one and calls the other.
    const reason = local ? (isLoopback(address) ? null : "is not on this machine") : notPublic(address);
    if (reason !== null) throw refused(url, `${address} ${reason}`);
  }
  return { url, pinned };
}

function parse(input: string | URL): URL {
  if (!URL.canParse(String(input))) throw refused(input, "it is no URL");
  const url = new URL(input);
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw refused(url, `${url.protocol} is not https:`);
  if (url.username !== "" || url.password !== "") throw refused(url, "it has credentials in it");
  return url;
}

function refuseOutward(url: URL, port: number, ports: readonly number[]): void {
  if (url.protocol !== "https:") throw refused(url, `${url.protocol} is not https:`);
  if (!ports.includes(port)) throw refused(url, `port ${port} is not one of ${ports.join(", ")}`);
}

async function resolve(url: URL, host: string, { lookup = lookupAll }: UrlRules) {
  return lookup(host).catch((cause: unknown) => {
    throw unresolved(url, cause);
  });
}

function unresolved(url: URL, cause: unknown): ExchangeError {
  return new ExchangeError("GATEWAY_UNREACHABLE", `${url.hostname} does not resolve.`, {
    hint: "Is the name right?",
    details: { host: url.hostname },
    cause,
  });
}

/** The URL is shown without what may be a secret in it: credentials and query. */
export function refused(input: string | URL, reason: string): ExchangeError {
  const shown = input instanceof URL ? `${input.protocol}//${input.host}${input.pathname}` : input;
  return new ExchangeError("INVALID_REQUEST", `"${shown.slice(0, 200)}" is not called: ${reason}.`, {
    hint: "Give an https URL of a server on the public internet.",
    details: { url: shown.slice(0, 200), reason },
  });
}
