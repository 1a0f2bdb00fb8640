/** The Tempo rail's own parts: the account there, and the account that issues keys here for what came in. */
import type { Relayer } from "../chain/relayer.ts";
import type { Tempo } from "./tempo.ts";

export type TempoRail = {
  tempo: Tempo;
  /** Holds the role ISSUER: what it can spend is the day's cap of the float. May be the relayer itself. */
  issuer: Relayer;
};
