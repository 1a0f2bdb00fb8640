/** The DPoP header of a request (RFC 9449 section 4.1), with what its proof has to be for. */
import type { ProofHeader } from "../actions/proof.ts";
import type { AppContext } from "./context.ts";

export function proofIn({ req }: Pick<AppContext, "req">): ProofHeader {
  return { header: req.header("dpop"), method: req.method, path: req.path };
}
