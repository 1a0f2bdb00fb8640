/** Requests that their agent's EOA has signed, in place of a session: see `sdk/signed-request.ts`. */
import { getAddress, hashTypedData } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import {
  hashBody,
  parseSignature,
  REQUEST_SECONDS,
  REQUEST_SKEW,
  type SignatureHeader,
  signedRequestTypedData,
} from "../../sdk/signed-request.ts";
import { bindingOf } from "../chain/agents.ts";
import { isSignedBy } from "../chain/signatures.ts";
import type { Deps } from "../deps.ts";
import { consumeRequestNonce } from "../store/request-nonces.ts";
import type { Session } from "./session.ts";
import { eoaRotated } from "./session-errors.ts";
import { readSignature } from "./signature.ts";

export type Received = {
  /** The `X-Signature` header. */
  header: string;
  method: string;
  /** With the query, as a WHATWG URL has it. */
  pathAndQuery: string;
  body: Uint8Array;
};

/**
 * Who signed the request. Throws INVALID_SIGNATURE for a signature over anything else than this request at this exchange, and
 * NONCE_EXPIRED for one that is too old, or was used before. A nonce is used up by a valid signature only.
 */
export async function readSignedRequest(deps: Deps, received: Received): Promise<Session> {
  const given = parseSignature(received.header);
  if (!given) {
    throw new ExchangeError("INVALID_SIGNATURE", "The X-Signature header can't be read.", {
      hint: "It is v1;eoa=0x…;at=<Unix seconds>;nonce=<16 bytes, hex>;sig=0x…, in this order.",
    });
  }
  assertFresh(given);
  const eoa = getAddress(given.eoa);
  const hash = hashTypedData(
    signedRequestTypedData(
      { chainId: deps.chain.id },
      {
        agent: eoa,
        method: received.method,
        url: `${deps.publicUrl}${received.pathAndQuery}`,
        bodyHash: hashBody(received.body),
        at: BigInt(given.at),
        nonce: given.nonce,
      },
    ),
  );
  if (!(await isSignedBy(deps.chain, eoa, [hash], readSignature(given.signature)))) {
    throw new ExchangeError("INVALID_SIGNATURE", `The X-Signature is not one of ${eoa} over this request.`, {
      hint: "Sign exactly what is sent (EIP-712 Request: method, url, body), for this exchange's public url and chain.",
      details: { eoa, method: received.method, public_url: deps.publicUrl, chain_id: deps.chain.id },
    });
  }
  const binding = await bindingOf(deps.chain, eoa);
  if (binding.retired) throw eoaRotated(eoa);
  const until = given.at + REQUEST_SECONDS + 1;
  if (!(await consumeRequestNonce(deps.sql, { eoa, nonce: given.nonce, until }))) {
    throw new ExchangeError("NONCE_EXPIRED", "This signed request was sent before.", {
      hint: "Sign each request anew, with a nonce of its own. To repeat a write safely, send the same Idempotency-Key.",
      details: { nonce: given.nonce },
    });
  }
  return binding;
}

function assertFresh({ at }: SignatureHeader): void {
  const age = Math.floor(Date.now() / 1000) - at;
  if (age <= REQUEST_SECONDS && age >= -REQUEST_SKEW) return;
  throw new ExchangeError("NONCE_EXPIRED", `The request was signed ${age} seconds ago.`, {
    hint: `A signature is good for ${REQUEST_SECONDS} seconds: sign it anew, and look at your clock.`,
    details: { at, age_seconds: age, maximum_seconds: REQUEST_SECONDS },
  });
}
