/** The registration file of ERC-8004: an agent's public face, kept on chain as a data URI. */

/** What an agent is called and is. */
export type Profile = {
  name: string;
  type: "openclaw" | "external" | "human";
  description?: string;
};

/**
 * The registration file as a `data:` URI, for `AgentRegistry.register`. `agentType` is a field of ours; ERC-8004 lets files have more
 * than its own.
 *
 * @example
 * registrationUri({ name: "Rain analyst", type: "external" }); // "data:application/json;base64,eyJ0eXBlIjoi…"
 */
export function registrationUri({ name, type, description = "" }: Profile): string {
  const file = {
    type: "https://eips.ethereum.org/EIPS/eip-8004#registration-v1",
    name,
    description,
    agentType: type,
    services: [],
    x402Support: true,
    active: true,
  };
  const bytes = new TextEncoder().encode(JSON.stringify(file));
  return `data:application/json;base64,${btoa(String.fromCharCode(...bytes))}`;
}
