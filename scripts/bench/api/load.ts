/** Requests from this process to one on the same machine: a given number of them, and an end in time. */
import { Agent, type IncomingMessage, request } from "node:http";

export type Ask = { path: string; method?: string; headers?: Record<string, string>; body?: string };

/** Connections, and so requests under way at once. */
const CONNECTIONS = 16;
/** Milliseconds that all requests of one call may take together. */
const DEADLINE_MS = 120_000;

/** Sends `count` requests, and gives what came back as texts, in order. Throws at the first answer that is no success. */
export async function drive(url: string, count: number, askOf: (i: number) => Ask): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const texts: string[] = new Array(count);
  let next = 0;
  const work = async () => {
    for (let i = next++; i < count; i = next++) {
      const parts: Buffer[] = [];
      await ask(url, { ...askOf(i), agent, signal }, (part) => parts.push(part));
      texts[i] = Buffer.concat(parts).toString();
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
    return texts;
  } finally {
    agent.destroy();
  }
}

/** Fetches one large body, keeps nothing of it, and gives its length in bytes. */
export async function drain(url: string, { path, headers = {} }: Ask): Promise<number> {
  const agent = new Agent({ keepAlive: false });
  let length = 0;
  await ask(url, { path, headers, agent, signal: AbortSignal.timeout(DEADLINE_MS) }, (part) => {
    length += part.length;
  });
  return length;
}

async function ask(
  url: string,
  { path, method = "GET", headers = {}, body, agent, signal }: Ask & { agent: Agent; signal: AbortSignal },
  onData: (part: Buffer) => void,
): Promise<void> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(new URL(path, url), { method, headers, agent, signal }, resolve);
    sent.once("error", reject);
    sent.end(body);
  });
  const failed = response.statusCode !== 200;
  const said: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    response.on("data", (part: Buffer) => (failed ? said.push(part) : onData(part)));
    response.once("error", reject);
    response.once("end", resolve);
  });
  if (failed)
    throw new Error(
      `${url}${path} answered ${response.statusCode}: ${Buffer.concat(said).toString().slice(0, 300)}`,
    );
}
