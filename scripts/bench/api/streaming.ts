/** A large item through the gateway, against a plain Node server; and the memory that it takes. */

import type { Subject } from "./cost.ts";
import { gatewayOf } from "./gateway.ts";
import { drain } from "./load.ts";
import { type Peer, startPeer } from "./peer.ts";
import type { StreamSettings } from "./peers/stream.ts";
import { interleave } from "./rounds.ts";
import { compare, limited, type Row } from "./row.ts";
import { LARGE_ITEM, type Stage } from "./stage.ts";
import { cpuMicroseconds, forgetPeak, memory } from "./usage.ts";

const MIB = 1024 * 1024;
/** 10⁶ bytes. */
const MEMORY_LIMIT = 150;

type Delivery = { perCpu: number; perSecond: number };

export async function measureStreaming(stage: Stage): Promise<Row[]> {
  const { small, large, system } = stage;
  // With nothing behind it: what other measurements left in its memory is not the stream's.
  await system.restart("gateway");
  const gateway = gatewayOf(stage);
  const peer = await startPeer("stream", { file: large.file } satisfies StreamSettings);
  const atRest = memory(gateway.pid).now;
  forgetPeak(gateway.pid);
  const path = `/exp/${large.ekId}/items/${LARGE_ITEM}`;
  const deliver = async (from: Subject | Peer, at: string): Promise<Delivery> => {
    const [token] = await stage.tokens(at === path ? large.ekId : small.ekId, 1);
    const started = { cpu: cpuMicroseconds(from.pid), at: performance.now() };
    const length = await drain(from.url, { path: at, headers: { authorization: `Bearer ${token}` } });
    if (length !== large.size) throw new Error(`${from.url}${at} sent ${length} of ${large.size} bytes.`);
    const seconds = (performance.now() - started.at) / 1000;
    const cpuSeconds = (cpuMicroseconds(from.pid) - started.cpu) / 1e6;
    return { perCpu: length / MIB / cpuSeconds, perSecond: length / MIB / seconds };
  };
  try {
    // The round that warms up is the first delivery: it hashes what it sends.
    const { ours, plain } = await interleave({
      ours: () => deliver(gateway, path),
      plain: () => deliver(peer, "/"),
    });
    const what = "plain Node server, chunks of 1 MiB";
    const goal = { least: 0.85 };
    const row = (name: string, unit: string, of: (delivery: Delivery) => number) =>
      compare({ name, unit, ours: ours.map(of), peer: plain.map(of), what, goal });
    return [
      row("streaming, by CPU", "MiB/CPU-s", ({ perCpu }) => perCpu),
      row("streaming, by the clock", "MiB/s", ({ perSecond }) => perSecond),
      limited("streaming: largest resident set", memory(gateway.pid).peak, "MB", MEMORY_LIMIT),
      limited("streaming: resident set before it", atRest, "MB", MEMORY_LIMIT),
    ];
  } finally {
    await peer.stop();
  }
}
