/** What the app works with. Tests hand it what they like. */

import type { VersionReader } from "../sdk/versions.ts";
import type { AccessRecorder } from "./actions/access.ts";
import type { ForeignFacilitator } from "./actions/foreign-facilitator.ts";
import type { X402 } from "./actions/x402.ts";
import type { Cards } from "./cards/cards.ts";
import type { Chain } from "./chain/client.ts";
import type { Confirmations } from "./chain/confirmations.ts";
import type { ChainGuard } from "./chain/guard.ts";
import type { Relayer } from "./chain/relayer.ts";
import type { Health } from "./health.ts";
import type { TrustedProxies } from "./http/client-address.ts";
import type { Limits } from "./limits/buckets.ts";
import type { Limiter } from "./limits/limiter.ts";
import type { Mpp } from "./mpp/protocol.ts";
import type { TempoRail } from "./mpp/tempo-rail.ts";
import type { Index } from "./queries/index-database.ts";
import type { SearchIndex } from "./search/search-index.ts";
import type { Sql } from "./store/database.ts";
import type { SigningKeys } from "./store/signing-keys.ts";
import type { Watermarks } from "./store/watermarks.ts";

export type RequestLimits = {
  of: Limits;
  limiter: Limiter;
  /** Requests that one process works on at once. */
  maxUnderWay: number;
  trustedProxies: TrustedProxies;
};

export type Deps = {
  /** This API as its clients write it, without a trailing slash: the tokens' issuer. */
  publicUrl: string;
  chain: Chain;
  guard: ChainGuard;
  relayer: Relayer;
  accesses: AccessRecorder;
  versions: VersionReader;
  /** The API's own tables. */
  sql: Sql;
  /** The indexer's views. */
  index: Index;
  /** What listings are found by. */
  search: SearchIndex;
  keys: SigningKeys;
  watermarks: Watermarks;
  confirmations: Confirmations;
  x402: X402;
  /** Who submits `exact` payments, where it is not the exchange itself. */
  foreign?: ForeignFacilitator | undefined;
  /** The card rail; absent where no provider is set up. */
  cards?: Cards;
  /** The Machine Payments Protocol; absent where no secret is set up. */
  mpp?: Mpp;
  /** Payments on Tempo; absent where they are not set up. */
  tempo?: TempoRail;
  health: Health;
  limits: RequestLimits;
  /** `host:port` of gateways on this machine that may be asked for their health, for development. */
  localGateways?: readonly string[] | undefined;
};
