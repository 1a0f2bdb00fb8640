/** Sessions: short-lived JWTs that say which EOA signed in. What it may do is asked from the chain with every request. */
import { errors, jwtVerify, SignJWT } from "jose";
import { type Address, isAddress } from "viem";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { type Binding, bindingOf } from "../chain/agents.ts";
import type { Deps } from "../deps.ts";
import type { Hold } from "../store/stream-tickets.ts";

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
  return (await readHold(deps, authorization)).session;
}

/** The same with what it takes to ask later whether the session still holds: {@link stillHolds}. */
export async function readHold(
  deps: Deps,
  authorization: string | undefined,
): Promise<{ session: Session; hold: Hold }> {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (!token) {
    throw new ExchangeError("INVALID_SIGNATURE", "The request is not signed in.", {
      hint: "Sign in (GET /auth/nonce, POST /auth/verify) and send Authorization: Bearer <token>.",
    });
  }
  const { sub: eoa, epoch, exp, kid } = await readClaims(deps, token);
  const binding = await bindingOf(deps.chain, eoa);
  if (binding.retired || (epoch !== undefined && epoch !== binding.epoch)) {
    throw new ExchangeError("SESSION_EXPIRED", `${eoa} has been rotated away: its session is over.`, {
      hint: "Sign in with the agent's present EOA.",
      details: { reason: "eoa_rotated", eoa },
    });
  }
  const { agentId } = binding;
  const hold = { eoa, agentId, epoch: binding.epoch, kid, endsAt: new Date(exp * 1000) };
  return { session: binding, hold };
}

/**
 * Whether a session that was good is so still: not over, its key not taken back, its EOA with the agent that it was with. An EOA that has
 * joined meanwhile is another's session, too: more is its own now.
 */
export async function stillHolds(deps: Deps, { eoa, agentId, epoch, kid, endsAt }: Hold): Promise<boolean> {
  if (endsAt.getTime() <= Date.now()) return false;
  const keys = await deps.keys.published();
  if (!keys.some((key) => key.kid === kid)) return false;
  const now = await bindingOf(deps.chain, eoa);
  return !now.retired && now.agentId === agentId && now.epoch === epoch;
}

type Claims = z.infer<typeof claimsSchema> & { exp: number; kid: string };

async function readClaims(deps: Deps, token: string): Promise<Claims> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, deps.keys.verifier, {
      algorithms: [ALG],
      typ: SESSION_TYP,
      issuer: deps.publicUrl,
      audience: deps.publicUrl,
      maxTokenAge: SESSION_TTL,
      clockTolerance: 5,
    });
    const { exp } = z.object({ exp: z.number() }).parse(payload);
    return { ...claimsSchema.parse(payload), exp, kid: z.string().parse(protectedHeader.kid) };
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
