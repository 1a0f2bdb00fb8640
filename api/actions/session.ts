/** Sessions: short-lived JWTs that say which EOA signed in. What it may do is asked from the chain with every request. */
import { errors, jwtVerify, SignJWT } from "jose";
import { type Address, isAddress } from "viem";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
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
});

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

/**
 * Who sent the request. Throws SESSION_EXPIRED when the session is over, also because its EOA was rotated away meanwhile, and
 * INVALID_SIGNATURE when there is no session in the header, or none of ours.
 */
export async function readSession(deps: Deps, authorization: string | undefined): Promise<Session> {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (!token) {
    throw new ExchangeError("INVALID_SIGNATURE", "The request is not signed in.", {
      hint: "Sign in (GET /auth/nonce, POST /auth/verify) and send Authorization: Bearer <token>.",
    });
  }
  const { sub: eoa, epoch } = await readClaims(deps, token);
  const binding = await bindingOf(deps.chain, eoa);
  if (binding.retired || (epoch !== undefined && epoch !== binding.epoch)) {
    throw new ExchangeError("SESSION_EXPIRED", `${eoa} has been rotated away: its session is over.`, {
      hint: "Sign in with the agent's present EOA.",
      details: { reason: "eoa_rotated", eoa },
    });
  }
  return binding;
}

/**
 * Throws SERVICE_UNAVAILABLE unless the session's EOA is its agent's at that block: of a pool's nodes the one that was asked when the request
 * came need not be as far as the other, or the other way round. Asked again, who is right shows.
 */
export async function assertBound(
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

async function readClaims(deps: Deps, token: string): Promise<z.infer<typeof claimsSchema>> {
  try {
    const { payload } = await jwtVerify(token, deps.keys.verifier, {
      algorithms: [ALG],
      typ: SESSION_TYP,
      issuer: deps.publicUrl,
      audience: deps.publicUrl,
      maxTokenAge: SESSION_TTL,
      clockTolerance: 5,
    });
    return claimsSchema.parse(payload);
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
