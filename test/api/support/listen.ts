/** Listens to a stream as any HTTP client does, and keeps what it hears. */
import { type ClientRequest, get, type IncomingMessage } from "node:http";
import { createParser, type EventSourceMessage } from "eventsource-parser";

const WAIT_MS = 20_000;

export type Heard = { event: string; id: string | undefined; data: Record<string, unknown> };

export type Ear = {
  status: number;
  headers: IncomingMessage["headers"];
  heard: Heard[];
  /** Those without `place` and `resync`. */
  events(): Heard[];
  /** The last id. */
  lastId(): string | undefined;
  /** Waits until it is so. */
  until(found: (heard: readonly Heard[]) => boolean): Promise<void>;
  /** Resolves when the exchange has ended the stream or the connection. */
  ended: Promise<void>;
  pause(): void;
  resume(): void;
  cut(): void;
};

export async function listen(url: string, headers: Record<string, string> = {}): Promise<Ear> {
  const heard: Heard[] = [];
  const parser = createParser({
    onEvent: ({ event = "message", id, data }: EventSourceMessage) =>
      heard.push({ event, id, data: JSON.parse(data) as Record<string, unknown> }),
  });
  let request: ClientRequest | undefined;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request = get(url, { headers, agent: false }, resolve).once("error", reject);
  });
  response.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
  const ended = new Promise<void>((resolve) => response.once("close", resolve));
  response.on("error", () => {}); // a cut: "close" follows
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    heard,
    events: () => heard.filter(({ event }) => event !== "place" && event !== "resync"),
    lastId: () => heard.findLast(({ id }) => id !== undefined)?.id,
    async until(found) {
      for (const deadline = Date.now() + WAIT_MS; !found(heard); ) {
        if (Date.now() > deadline)
          throw new Error(`Not heard in time: ${JSON.stringify(heard).slice(0, 2_000)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    ended,
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    cut: () => void request?.destroy(),
  };
}
