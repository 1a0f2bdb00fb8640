/** One journey whose process dies on the way. */
import type { Arena } from "./arena.ts";
import type { Journey } from "./journeys.ts";
import type { Crossing } from "./taps.ts";

/** `fault`: what was not as it must be, once the journey is over; undefined when all was. `isHit`: the process died where it was meant to. */
export type Disturbed = { fault: Promise<string | undefined>; isHit: boolean };

/** Sets the journey out and kills its process at the first crossing that `isIt` is true of. Resolves once another one serves, or nothing was hit. */
export async function disturb(
  arena: Arena,
  journey: Journey,
  isIt: (crossing: Crossing) => boolean,
): Promise<Disturbed> {
  let isHit = false;
  const dead = arena.killAt((crossing) => {
    isHit = isIt(crossing);
    return isHit;
  });
  const fault = journey
    .travel(arena)
    .then(() => journey.judge(arena))
    .then(
      () => undefined,
      (error: unknown) => String(error),
    );
  await Promise.race([dead, fault]);
  if (isHit) await dead;
  return { fault, isHit };
}
