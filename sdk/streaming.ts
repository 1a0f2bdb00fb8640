/**
 * Listening to an exchange's streams with `fetch`, in Node and in browsers: taken up again where they were cut, with growing pauses, until
 * the caller stops.
 */
import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { z } from "zod";
import { ExchangeError } from "./errors.ts";
import { type Call, parseJson, type Server, send } from "./http.ts";
import { type Retracted, resyncSchema, retractedSchema } from "./wire/streams.ts";

/** One thing that a stream tells. `id` is the place to go on from: keep the last one to miss nothing between two runs. */
export type StreamMessage<T> =
  | { type: "event"; id: string; event: T }
  /** A reorg of the chain took an event back that was told before, by its `event_id`. */
  | { type: "retracted"; id: string; retracted: Retracted }
  /** The place to go on from is too old: read the lists again. What comes after is complete. */
  | { type: "lost"; id: string };

export type StreamOptions = {
  /** Goes on after this message. Without it the stream begins with what happens next. */
  lastEventId?: string;
  /** Ends the stream. */
  signal?: AbortSignal;
};

type Source<T> = {
  path: string;
  query?: Call<unknown>["query"];
  /** Runs a request with the session's token, again after signing in anew when it was over. Absent for public streams. */
  signedIn?: <R>(ask: (bearer: string) => Promise<R>) => Promise<R>;
  /** Of the events that this client knows; others, of a later exchange, are passed over. */
  schema: z.ZodType<T>;
};

/** Milliseconds between two attempts: at first, unless the exchange says otherwise, and at most. */
const PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
/** Milliseconds without a byte after which the connection is taken for dead. The exchange says something every 15 s. */
const SILENCE = 45_000;

/**
 * Listens until `signal` says so, or the caller leaves the loop. Throws what trying again can't help: a request that is wrong, an agent that
 * may not listen.
 */
export async function* subscribe<T>(
  server: Server,
  source: Source<T>,
  { lastEventId, signal }: StreamOptions = {},
): AsyncGenerator<StreamMessage<T>, void, undefined> {
  const state: State = { lastEventId, pause: PAUSE, failures: 0 };
  while (!signal?.aborted) {
    const connection = new AbortController();
    const stop = () => connection.abort();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      for await (const message of connect(server, source, state, connection))
        yield* toMessages(message, source);
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ExchangeError && !mayPass(error)) throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
      connection.abort();
    }
    await pause(state, signal);
  }
}

type State = { lastEventId: string | undefined; pause: number; failures: number };

/** One connection's messages. It ends when the exchange ends it, and throws when it breaks. */
async function* connect<T>(
  server: Server,
  { path, query, signedIn }: Source<T>,
  state: State,
  connection: AbortController,
): AsyncGenerator<EventSourceMessage & { id: string }> {
  const headers = {
    accept: "text/event-stream",
    ...(state.lastEventId === undefined ? {} : { "last-event-id": state.lastEventId }),
  };
  const alive = watch(() => connection.abort());
  const ask = (bearer?: string) =>
    send(server, { path, query, headers, ...(bearer === undefined ? {} : { bearer }) }, connection.signal);
  try {
    const { body } = await (signedIn ? signedIn(ask) : ask());
    if (!body) return;
    const messages: EventSourceMessage[] = [];
    const parser = createParser({
      onEvent: (message) => messages.push(message),
      onRetry: (milliseconds) => {
        state.pause = milliseconds;
      },
    });
    const text = new TextDecoder();
    for await (const bytes of chunksOf(body)) {
      alive.seen();
      state.failures = 0;
      parser.feed(text.decode(bytes, { stream: true }));
      for (const message of messages.splice(0)) {
        if (message.id) state.lastEventId = message.id;
        yield { ...message, id: state.lastEventId ?? "" };
      }
    }
  } finally {
    alive.stop();
  }
}

/** Not every browser's streams can be looped over. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function* toMessages<T>(
  { event, data, id }: EventSourceMessage & { id: string },
  { schema }: Source<T>,
): Generator<StreamMessage<T>> {
  const json = parseJson(data);
  if (event === "retracted") {
    const retracted = retractedSchema.safeParse(json);
    if (retracted.success) yield { type: "retracted", id, retracted: retracted.data };
    return;
  }
  if (event === "resync") {
    if (resyncSchema.safeParse(json).data?.reason === "lost") yield { type: "lost", id };
    return; // otherwise the stream ends, and goes on with the next connection
  }
  const known = schema.safeParse(json);
  if (known.success) yield { type: "event", id, event: known.data };
}

/** Whether another attempt may succeed: the exchange is down, busy, or the connection broke. */
function mayPass({ status }: ExchangeError): boolean {
  return status >= 500 || status === 429;
}

/** Waits, longer with each failure in a row, and never all clients at once. */
async function pause(state: State, signal: AbortSignal | undefined): Promise<void> {
  const longest = Math.min(state.pause * 2 ** state.failures++, LONGEST_PAUSE);
  const milliseconds = longest * (0.5 + Math.random() / 2);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    if (signal?.aborted) done();
    else signal?.addEventListener("abort", done, { once: true });
  });
}

/** Calls `onSilence` once nothing has been seen for {@link SILENCE}. */
function watch(onSilence: () => void) {
  let timer = setTimeout(onSilence, SILENCE);
  return {
    seen() {
      clearTimeout(timer);
      timer = setTimeout(onSilence, SILENCE);
    },
    stop: () => clearTimeout(timer),
  };
}
