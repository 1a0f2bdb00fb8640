/** Where a request comes from. `X-Forwarded-For` is what anybody may write, unless a proxy of ours wrote it. */
import ipaddr from "ipaddr.js";

/** Networks whose `X-Forwarded-For` counts. */
export type TrustedProxies = readonly ReturnType<typeof ipaddr.parseCIDR>[];

/** Addresses and networks, with commas between them; undefined for anything else. */
export function parseProxies(text: string): TrustedProxies | undefined {
  const parts = text.split(",").map((part) => part.trim());
  if (!parts.every((part) => ipaddr.isValid(part) || ipaddr.isValidCIDR(part))) return undefined;
  return parts.map((part) => {
    if (part.includes("/")) return ipaddr.parseCIDR(part);
    const address = ipaddr.process(part);
    return [address, address.kind() === "ipv4" ? 32 : 128] as ReturnType<typeof ipaddr.parseCIDR>;
  });
}

/**
 * The first address, from the right, that is no trusted proxy's. What stands left of it came from the client itself. An entry that is no
 * address ends the search: the proxy that wrote it is the last one known.
 */
export function clientAddress(
  peer: string | undefined,
  forwarded: string | undefined,
  trusted: TrustedProxies,
): string {
  let address = normal(peer);
  if (address === undefined) return "unknown";
  const hops = trusted.length === 0 || !forwarded ? [] : forwarded.split(",");
  while (isTrusted(address, trusted)) {
    const next = normal(hops.pop()?.trim());
    if (next === undefined) break;
    address = next;
  }
  return address;
}

/** What one client has to itself: an IPv4 address, or an IPv6 /64. */
export function siteOf(address: string): string {
  return prefix(address, 32, 64);
}

/** Roughly where an address is, without saying whose it is: an IPv4 /24 or an IPv6 /48. */
export function networkOf(address: string): string {
  return prefix(address, 24, 48);
}

function prefix(address: string, bits4: number, bits6: number): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") {
    return bits4 === 32
      ? parsed.toString()
      : `${ipaddr.IPv4.networkAddressFromCIDR(`${parsed}/${bits4}`)}/${bits4}`;
  }
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed}/${bits6}`)}/${bits6}`;
}

/** IPv4 in IPv6 as IPv4; undefined for what is no address. */
function normal(address: string | undefined): string | undefined {
  return address !== undefined && ipaddr.isValid(address) ? ipaddr.process(address).toString() : undefined;
}

function isTrusted(address: string, trusted: TrustedProxies): boolean {
  const parsed = ipaddr.process(address);
  return trusted.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits));
}
