/**
 * Sessions. A short-lived access token (JWT) says which EOA signed in, and names the session's row, which can be ended. What the EOA may do
 * is asked from the chain with every request.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { errors, jwtVerify, SignJWT } from "jose";
import { type Address, getAddress, isAddress } from "viem";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { rememberVerified } from "../../sdk/node/remembered.ts";
import type { VerifyResponse } from "../../sdk/wire/agent.ts";
import { type Binding, bindingOf } from "../chain/agents.ts";
import type { Deps } from "../deps.ts";
import { profileOf } from "../queries/profile.ts";
import { endSessions, refreshSession, saveSession, useSession } from "../store/sessions.ts";
import { noteAudit, type Origin } from "./audit.ts";
import type { Operation } from "./operation.ts";
import { eoaRotated, sessionOver } from "./session-errors.ts";

/** Seconds that an access token lives. */
export const ACCESS_TTL = 900;
/** Keeps a capability token from being taken for a session. */
const SESSION_TYP = "session+jwt";
const ALG = "EdDSA";

/** The signed-in EOA with its agent as the chain has it now. */
export type Session = Binding & {
  /** Absent for a signed request. */
  id?: string;
  /** The write that this request is, where it may be sent again. */
  operation?: Operation;
};

const claimsSchema = z.object({
  sub: z.string().refine((s): s is Address => isAddress(s)),
  /** The session's row. Absent in tokens from before there were any. */
  sid: z.uuid().optional(),
  /** The agent's epoch at sign-in; absent when the EOA was no agent's yet. */
  epoch: z.int().optional(),
  iat: z.int(),
  exp: z.int(),
});
type Claims = z.infer<typeof claimsSchema>;

/** A session of its own for each sign-in. */
export async function startSession(deps: Deps, binding: Binding, origin: Origin): Promise<VerifyResponse> {
  const id = randomUUID();
  const refresh = newRefreshToken();
  const { client, network } = origin;
  await saveSession(deps.sql, { ...binding, id, client, network, refreshHash: refresh.hash });
  await noteAudit(deps, { action: "signed_in", outcome: "done", ...binding, sessionId: id, origin });
  return tokensOf(deps, binding, id, refresh.token);
}

/** The next access token, for a refresh token that was not used before. One that was has been copied: its session ends. */
export async function refresh(deps: Deps, token: string, origin: Origin): Promise<VerifyResponse> {
  const next = newRefreshToken();
  const refreshed = await refreshSession(deps.sql, hashOf(token), next.hash);
  if (!("session" in refreshed)) {
    const { reused } = refreshed;
    if (!reused) throw sessionOver("refresh_unknown");
    const binding = await bindingOf(deps.chain, getAddress(reused.eoa));
    const details = { reason: "refresh_reused" };
    await noteAudit(deps, {
      ...{
        action: "session_refreshed",
        outcome: "refused",
        ...binding,
        sessionId: reused.id,
        origin,
        details,
      },
    });
    throw sessionOver("refresh_reused");
  }
  const { id, epoch } = refreshed.session;
  const binding = await bindingOf(deps.chain, getAddress(refreshed.session.eoa));
  await assertSameAgent(deps, binding, { id, epoch });
  await noteAudit(deps, { action: "session_refreshed", outcome: "done", ...binding, sessionId: id, origin });
  return tokensOf(deps, binding, id, next.token);
}

async function tokensOf(
  deps: Deps,
  binding: Binding,
  id: string,
  refreshToken: string,
): Promise<VerifyResponse> {
  const { eoa, agentId, epoch } = binding;
  const { kid, privateKey } = await deps.keys.current();
  const now = Math.floor(Date.now() / 1000);
  const signed = new SignJWT({ sid: id, ...(agentId === 0n ? {} : { epoch }) })
    .setProtectedHeader({ alg: ALG, kid, typ: SESSION_TYP })
    .setIssuer(deps.publicUrl)
    .setAudience(deps.publicUrl)
    .setSubject(eoa)
    .setIssuedAt(now)
    .setExpirationTime(now + ACCESS_TTL)
    .sign(privateKey);
  const [token, agent] = await Promise.all([signed, profileOf(deps, binding)]);
  return {
    ...{ token, expires_at: new Date((now + ACCESS_TTL) * 1000).toISOString() },
    ...{ refresh_token: refreshToken, session_id: id, agent },
  };
}

function newRefreshToken(): { token: string; hash: string } {
  const token = `rt_${randomBytes(32).toString("base64url")}`;
  return { token, hash: hashOf(token) };
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Which EOA sent the request, and in which epoch it signed in. What it is now, only the chain can tell: see {@link assertBound}. */
export type SignIn = {
  eoa: Address;
  epoch?: number | undefined;
  /** The session; absent for a signed request. */
  id?: string;
};

/** Who sent the request. Throws as {@link readSignIn} and {@link assertBound} do. */
export async function readSession(deps: Deps, authorization: string | undefined): Promise<Session> {
  const signIn = await readToken(deps, authorization);
  const { eoa, id } = signIn;
  const [binding, lives] = await Promise.all([bindingOf(deps.chain, eoa), useSession(deps.sql, id, eoa)]);
  // First of the two: that its EOA was rotated away tells more than that it is over.
  await assertSameAgent(deps, binding, signIn);
  if (!lives) throw sessionOver("ended");
  return { ...binding, id };
}

/** Throws SESSION_EXPIRED when the EOA was rotated away, or there and back, since it signed in. `now` is its binding on chain. */
export function assertBound({ eoa, epoch }: SignIn, now: Pick<Binding, "epoch" | "retired">): void {
  if (!isBound({ epoch }, now)) throw eoaRotated(eoa);
}

/**
 * Throws SERVICE_UNAVAILABLE unless the session's EOA is its agent's at that block: of a pool's nodes the one that was asked when the request
 * came need not be as far as the other, or the other way round. Asked again, who is right shows.
 */
export async function assertBoundAt(
  chain: Deps["chain"],
  { eoa, agentId, epoch }: Session,
  at: { blockNumber: bigint },
): Promise<void> {
  const then = await bindingOf(chain, eoa, at);
  if (then.agentId === agentId && then.epoch === epoch) return;
  throw new ExchangeError("SERVICE_UNAVAILABLE", `The chain's nodes do not agree on whose agent ${eoa} is.`, {
    hint: "Nothing was done: one of them is behind. Try again in a moment.",
    details: { check: "chain" },
  });
}

/**
 * By which EOA the request was sent. Throws SESSION_EXPIRED when the session is over, also because it was ended, and INVALID_SIGNATURE when
 * there is no session in the header, or none of ours.
 */
export async function readSignIn(deps: Deps, authorization: string | undefined): Promise<SignIn> {
  const signIn = await readToken(deps, authorization);
  if (!(await useSession(deps.sql, signIn.id, signIn.eoa))) throw sessionOver("ended");
  return signIn;
}

async function readToken(deps: Deps, authorization: string | undefined): Promise<SignIn & { id: string }> {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (!token) {
    throw new ExchangeError("INVALID_SIGNATURE", "The request is not signed in.", {
      hint: "Sign in (GET /auth/nonce, POST /auth/verify) and send Authorization: Bearer <token>, or sign the request (X-Signature).",
    });
  }
  const { sub: eoa, sid: id, epoch } = await readClaims(deps, token);
  if (id === undefined) throw sessionOver();
  return { eoa, epoch, id };
}

function isBound({ epoch }: Pick<SignIn, "epoch">, now: Pick<Binding, "epoch" | "retired">): boolean {
  return !now.retired && (epoch === undefined || epoch === now.epoch);
}

/** Ends the session of an EOA that its agent has left, and throws. */
async function assertSameAgent(
  deps: Deps,
  binding: Binding,
  { id, epoch }: { id: string; epoch?: number | undefined },
): Promise<void> {
  if (isBound({ epoch }, binding)) return;
  await endSessions(deps.sql, { eoa: binding.eoa, id, reason: "eoa_rotated" });
  throw eoaRotated(binding.eoa);
}

async function readClaims(deps: Deps, token: string): Promise<Claims> {
  try {
    return await verifierOf(deps)(token);
  } catch (error) {
    // A key that is gone took its sessions with it.
    if (error instanceof errors.JWTExpired || error instanceof errors.JWKSNoMatchingKey) {
      throw sessionOver();
    }
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) {
      throw new ExchangeError("INVALID_SIGNATURE", "The session token is not one of this exchange.", {
        hint: "Sign in (GET /auth/nonce, POST /auth/verify) and send the token unchanged.",
      });
    }
    throw error; // the keys could not be read: not the token's fault
  }
}

/** One memory of sessions per set of keys. */
const verifiers = new WeakMap<Deps["keys"], (token: string) => Promise<Claims>>();

function verifierOf({ keys, publicUrl }: Deps): (token: string) => Promise<Claims> {
  const known = verifiers.get(keys);
  if (known) return known;
  const verifier = rememberVerified({
    keys: keys.verifier,
    verify: async (token, find) => {
      const { payload } = await jwtVerify(token, find, {
        algorithms: [ALG],
        typ: SESSION_TYP,
        issuer: publicUrl,
        audience: publicUrl,
        maxTokenAge: ACCESS_TTL,
        clockTolerance: 5,
      });
      return claimsSchema.parse(payload);
    },
    endOf: ({ exp, iat }) => Math.min(exp, iat + ACCESS_TTL) * 1000,
  });
  verifiers.set(keys, verifier);
  return verifier;
}
