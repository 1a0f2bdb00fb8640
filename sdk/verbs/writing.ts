/** The verbs by which an agent offers, judges and joins. */
import type { Exchange } from "../client.ts";
import { SIGNATURE_SECONDS } from "../grant.ts";
import { registrationUri } from "../registration.ts";
import { registrationTypedData } from "../typed-data.ts";
import { relayedResponseSchema } from "../wire/agent.ts";
import { createListingResponseSchema } from "../wire/listing.ts";
import { submitValidationResponseSchema } from "../wire/validation.ts";
import { type Core, known } from "./core.ts";

export function writers({ session, write, place, signer, chain }: Core) {
  return {
    list: (input) =>
      write("list", {
        method: "POST",
        path: "/me/sell/listings",
        body: input,
        schema: createListingResponseSchema,
      }),
    label: async (ekId, input) =>
      write("label", {
        method: "POST",
        path: "/me/validate/submit",
        body: { ...input, ek_id: known(ekId) },
        schema: submitValidationResponseSchema,
      }),
    async join(profile) {
      const agentURI = registrationUri(profile);
      const deadline = BigInt(Math.floor(Date.now() / 1000) + SIGNATURE_SECONDS);
      const at = await place();
      // Whoever has used a nonce is an agent already, or burnt it without being one.
      const nonce = (await chain?.nonceOf(at, signer.address)) ?? 0n;
      const signature = await signer.signTypedData(
        registrationTypedData(at, { agent: signer.address, agentURI, nonce, deadline }),
      );
      return session.call({
        method: "POST",
        path: "/me/register",
        body: { agent_uri: agentURI, deadline: String(deadline), signature },
        schema: relayedResponseSchema,
      });
    },
  } satisfies Partial<Exchange>;
}
