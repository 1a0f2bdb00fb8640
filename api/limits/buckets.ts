/** What is limited apart from what, and by how much. */

/** `agent`: requests a minute of one agent; `address`: of one network address, whoever asks from there. */
export type Limit = Readonly<{ agent: number; address: number }>;

/** `pay` is apart, so that no amount of reading keeps anybody from paying. `expensive` reads cost many times what others do. */
export const bucketNames = ["reads", "writes", "sign-in", "pay", "expensive"] as const;
export type Bucket = (typeof bucketNames)[number];
export type Limits = Readonly<Record<Bucket, Limit>>;

export const DEFAULT_LIMITS = "reads:1200/4800,writes:240/960,sign-in:60/120,pay:240/960,expensive:240/960";
/** A chain of one's own is for tests and benchmarks, from one address. */
export const LOCAL_LIMITS =
  "reads:6000000/6000000,writes:6000000/6000000,sign-in:6000000/6000000,pay:6000000/6000000,expensive:6000000/6000000";

/** Reads `name:agent/address,…` over {@link DEFAULT_LIMITS}; undefined for anything else. */
export function parseLimits(text: string, usual = DEFAULT_LIMITS): Limits | undefined {
  const limits: Partial<Record<Bucket, Limit>> = text === usual ? {} : { ...parseLimits(usual, usual) };
  for (const part of text.split(",")) {
    const [, name, agent, address] =
      /^([a-z-]+):([1-9][0-9]{0,6})\/([1-9][0-9]{0,6})$/.exec(part.trim()) ?? [];
    const bucket = bucketNames.find((one) => one === name);
    if (!bucket) return undefined;
    limits[bucket] = { agent: Number(agent), address: Number(address) };
  }
  return limits as Limits;
}

const expensive = [
  /^\/search$/,
  /^\/discovery\/resources$/,
  /^\/public\/analytics$/,
  /^\/trades\/[^/]+\/proof$/,
  /^\/listings\/[^/]+\/price-history$/,
  /^\/agents\/[^/]+\/reputation$/,
  /^\/gateways\/[^/]+\/receipts\//,
];
const paying = [
  /^\/listings\/[^/]+\/quote$/,
  /^\/quotes\/[^/]+\/pay$/,
  /^\/x402\/[^/]+$/,
  /^\/me\/buy\/purchase$/,
];
/** Health must be told under any load; a payment provider's events are signed, and come from many addresses. */
const unlimited = [/^\/health$/, /^\/webhooks\//];

/** The bucket of a request; undefined for what is not limited. */
export function bucketOf(method: string, path: string): Bucket | undefined {
  const one = (patterns: readonly RegExp[]) => patterns.some((pattern) => pattern.test(path));
  if (one(unlimited)) return undefined;
  if (path.startsWith("/auth/")) return "sign-in";
  if (method === "GET" || method === "HEAD") return one(expensive) ? "expensive" : "reads";
  return one(paying) ? "pay" : "writes";
}
