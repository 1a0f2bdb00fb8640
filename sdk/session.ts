/**
 * Signing in (EIP-4361). The session starts with the first call that needs one and is renewed when the exchange says that it is over.
 * A server writes the message, so it is checked before it is signed: a message of another domain, chain or account, or with anything
 * beside EIP-4361's fields, is a phishing attempt.
 */
import { isAddressEqual } from "viem";
import { createSiweMessage, parseSiweMessage, type SiweMessage } from "viem/siwe";
import { ExchangeError } from "./errors.ts";
import { type Call, call, type Server } from "./http.ts";
import { signRequest } from "./signed-request.ts";
import type { Signer } from "./signer.ts";
import { refreshResponseSchema } from "./wire/account.ts";
import { nonceResponseSchema, type VerifyResponse, verifyResponseSchema } from "./wire/agent.ts";

/** Calls in the agent's name. */
export type Session = {
  /** Like {@link call}, signed in: signs in first when need be, and once again when the session has ended. */
  call<T>(request: Omit<Call<T>, "bearer">): Promise<T>;
};

export type SessionOptions = { server: Server; signer: Signer; chainId: () => Promise<number> };

type Tokens = { token: string; refreshToken: string };

export function createSession(options: SessionOptions): Session {
  let signedIn: Promise<Tokens> | undefined; // one sign-in for all calls that wait for it

  const tokens = (make: () => Promise<Tokens>): Promise<Tokens> => {
    signedIn ??= make().catch((error: unknown) => {
      signedIn = undefined;
      throw error;
    });
    return signedIn;
  };

  return {
    async call(request) {
      const current = tokens(() => signIn(options));
      try {
        return await call(options.server, { ...request, bearer: (await current).token });
      } catch (error) {
        if (!(error instanceof ExchangeError) || error.code !== "SESSION_EXPIRED") throw error;
        if (signedIn === current) signedIn = undefined;
        const old = await current;
        const { token } = await tokens(() => renew(options, old));
        return call(options.server, { ...request, bearer: token });
      }
    },
  };
}

/** Without a session: the wallet signs every call (`X-Signature`). */
export function createSignedCalls({ server, signer, chainId }: SessionOptions): Session {
  return {
    call: async (request) => {
      const id = await chainId();
      return call(server, { ...request, sign: (what) => signRequest(signer, { ...what, chainId: id }) });
    },
  };
}

/** By the refresh token, so that the wallet is not asked again; by signing in, where that is over too. */
async function renew(options: SessionOptions, { refreshToken }: Tokens): Promise<Tokens> {
  try {
    return tokensIn(
      await call(options.server, {
        method: "POST",
        path: "/auth/refresh",
        body: { refresh_token: refreshToken },
        schema: refreshResponseSchema,
      }),
    );
  } catch (error) {
    // What the exchange refuses, signing in may still mend; what it can't do now, it can't do either way.
    if (!(error instanceof ExchangeError) || error.status >= 500 || error.status === 429) throw error;
    return signIn(options);
  }
}

function tokensIn({ token, refresh_token }: VerifyResponse): Tokens {
  return { token, refreshToken: refresh_token };
}

async function signIn({ server, signer, chainId }: SessionOptions): Promise<Tokens> {
  const { nonce, message } = await call(server, {
    path: "/auth/nonce",
    query: { eoa: signer.address },
    schema: nonceResponseSchema,
  });
  checkSignInMessage(message, { url: server.url, chainId: await chainId(), signer, now: new Date() });
  return tokensIn(
    await call(server, {
      method: "POST",
      path: "/auth/verify",
      body: { eoa: signer.address, nonce, signature: await signer.signMessage({ message }) },
      schema: verifyResponseSchema,
    }),
  );
}

/**
 * Throws INVALID_SIGNATURE, before anything is signed, unless the EIP-4361 message signs this account in at this url's host, on this
 * chain, now, and says nothing else.
 */
export function checkSignInMessage(
  message: string,
  { url, chainId, signer, now }: { url: string; chainId: number; signer: Pick<Signer, "address">; now: Date },
): void {
  const fields = parseSiweMessage(message);
  const { host, origin } = new URL(url);
  const wrong = (field: string, expected: unknown, actual: unknown): never => {
    throw new ExchangeError(
      "INVALID_SIGNATURE",
      `Nothing was signed: the sign-in message of ${url} has ${field} ${String(actual)}, not ${String(expected)}.`,
      {
        hint: "Use the exchange's own url, as it names itself. If it is the right one, this is a phishing attempt.",
        details: { field, expected: String(expected), actual: String(actual) },
      },
    );
  };
  if (fields.domain !== host) wrong("domain", host, fields.domain);
  if (fields.uri === undefined || !URL.canParse(fields.uri) || new URL(fields.uri).origin !== origin) {
    wrong("URI", origin, fields.uri);
  }
  if (fields.chainId !== chainId) wrong("chain", chainId, fields.chainId);
  if (!fields.address || !isAddressEqual(fields.address, signer.address)) {
    wrong("account", signer.address, fields.address);
  }
  if (!fields.nonce) wrong("nonce", "one", fields.nonce);
  if (fields.expirationTime && fields.expirationTime <= now) {
    wrong("expiration time", `later than ${now.toISOString()}`, fields.expirationTime.toISOString());
  }
  // Parsing picks fields out of any text. Writing them again shows whether there was more in it.
  if (writeAgain(fields) !== message) wrong("text", "EIP-4361 alone", JSON.stringify(message.slice(0, 400)));
}

function writeAgain(fields: ReturnType<typeof parseSiweMessage>): string | undefined {
  try {
    return createSiweMessage(fields as SiweMessage);
  } catch {
    return undefined; // a field that no EIP-4361 message can have
  }
}
