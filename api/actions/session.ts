/** Sessions: short-lived JWTs that say which EOA signed in. What it may do is asked from the chain with every request. */
import { errors, jwtVerify, SignJWT } from "jose";
import { type Address, isAddress } from "viem";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { rememberVerified } from "../../sdk/node/remembered.ts";
import { type Binding, bindingOf } from "../chain/agents.ts";
import type { Deps } from "../deps.ts";

/** Seconds that a session lives. */
export const SESSION_TTL = 3_600;
/** Keeps a capability token from being taken for a session. */
const SESSION_TYP = "session+jwt";
const ALG = "EdDSA";

/** The signed-in EOA with its agent as the chain has it now. */
export type Session = Binding;

const claimsSchema = z.object({
  sub: z.string().refine((s): s is Address => isAddress(s)),
  /** The agent's epoch at sign-in; absent when the EOA was no agent's yet. */
  epoch: z.int().optional(),
  iat: z.int(),
  exp: z.int(),
});
type Claims = z.infer<typeof claimsSchema>;

export async function startSession(deps: Deps, { eoa, agentId, epoch }: Binding) {
  const { kid, privateKey } = await deps.keys.current();
  const now = Math.floor(Date.now() / 1000);
  const token = await new SignJWT(agentId === 0n ? {} : { epoch })
    .setProtectedHeader({ alg: ALG, kid, typ: SESSION_TYP })
    .setIssuer(deps.publicUrl)
    .setAudience(deps.publicUrl)
    .setSubject(eoa)
    .setIssuedAt(now)
    .setExpirationTime(now + SESSION_TTL)
    .sign(privateKey);
  return { token, expiresAt: new Date((now + SESSION_TTL) * 1000) };
}

/** Which EOA sent the request, and in which epoch it signed in. What it is now, only the chain can tell: see {@link assertBound}. */
export type SignIn = { eoa: Address; epoch?: number | undefined };

/** Who sent the request. Throws as {@link readSignIn} and {@link assertBound} do. */
export async function readSession(deps: Deps, authorization: string | undefined): Promise<Session> {
  const signIn = await readSignIn(deps, authorization);
  const binding = await bindingOf(deps.chain, signIn.eoa);
  assertBound(signIn, binding);
  return binding;
}

/** Throws SESSION_EXPIRED when the EOA was rotated away, or there and back, since it signed in. `now` is its binding on chain. */
export function assertBound({ eoa, epoch }: SignIn, now: Pick<Binding, "epoch" | "retired">): void {
  if (!now.retired && (epoch === undefined || epoch === now.epoch)) return;
  throw rotatedError(eoa);
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

function rotatedError(eoa: Address): ExchangeError {
  return new ExchangeError("SESSION_EXPIRED", `${eoa} has been rotated away: its session is over.`, {
    hint: "Sign in with the agent's present EOA.",
    details: { reason: "eoa_rotated", eoa },
  });
}

/**
 * By which EOA the request was sent. Throws SESSION_EXPIRED when the session is over, and INVALID_SIGNATURE when there is no session in the
 * header, or none of ours.
 */
export async function readSignIn(deps: Deps, authorization: string | undefined): Promise<SignIn> {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (!token) {
    throw new ExchangeError("INVALID_SIGNATURE", "The request is not signed in.", {
      hint: "Sign in (GET /auth/nonce, POST /auth/verify) and send Authorization: Bearer <token>.",
    });
  }
  const { sub: eoa, epoch } = await readClaims(deps, token);
  return { eoa, epoch };
}

async function readClaims(deps: Deps, token: string): Promise<Claims> {
  try {
    return await verifierOf(deps)(token);
  } catch (error) {
    // A key that is gone took its sessions with it.
    if (error instanceof errors.JWTExpired || error instanceof errors.JWKSNoMatchingKey) {
      throw new ExchangeError("SESSION_EXPIRED", "The session is over.", { hint: "Sign in again." });
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
        maxTokenAge: SESSION_TTL,
        clockTolerance: 5,
      });
      return claimsSchema.parse(payload);
    },
    endOf: ({ exp, iat }) => Math.min(exp, iat + SESSION_TTL) * 1000,
  });
  verifiers.set(keys, verifier);
  return verifier;
}
