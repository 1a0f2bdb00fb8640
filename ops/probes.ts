/** Two questions of orchestrators and balancers. */

/** `GET /livez`: an answer at all is what they want to know: a process whose event loop is stuck gives none, and is to be restarted. */
export const ALIVE = { status: 200, body: { alive: true } } as const;

export type Readiness = { status: 200 | 503; body: { ready: boolean; reasons: string[] } };

/** `GET /readyz`: whether requests are to be sent here. `faults`: what would keep them from being served. */
export function readiness(draining: boolean, faults: readonly string[]): Readiness {
  const reasons = [...(draining ? ["it is about to end"] : []), ...faults];
  const ready = reasons.length === 0;
  return { status: ready ? 200 : 503, body: { ready, reasons } };
}
