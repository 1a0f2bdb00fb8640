/** Which IP addresses a server may be made to call by somebody else: those of the public internet, and no others. */
import ipaddr from "ipaddr.js";

/** Unicast by every registry, and all the same the inside of a cloud: Azure's wire server, with the secrets of the machine. */
const INSIDE_CLOUDS = new Set(["168.63.129.16"]);

/**
 * Why `address` is not of the public internet; null when it is. Private, loopback, link-local (with every cloud's metadata service),
 * shared, reserved, multicast, and each IPv6 form that carries an IPv4 address, for whatever that leads to is decided by somebody else's
 * translator (RFC 4291, 6890, 6052, 3056, 4380, 5214).
 */
export function notPublic(address: string): string | null {
  if (!ipaddr.isValid(address)) return "is no IP address";
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range !== "unicast") return `is ${range}`;
  if (parsed.kind() === "ipv4") return INSIDE_CLOUDS.has(parsed.toString()) ? "is inside of a cloud" : null;
  const { parts } = parsed as ipaddr.IPv6;
  const [first = 0] = parts;
  // IANA gives out 2000::/3 alone as global unicast: what is outside of it is old (::10.0.0.1) or not assigned.
  if (first >> 13 !== 1) return "is not global unicast";
  // ISATAP: the last half is 0000:5efe or 0200:5efe and an IPv4 address.
  if ((parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe) return "is ISATAP";
  return null;
}

/** Whether `address` is this very machine, and not written in a roundabout way. */
export function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.parse(address).range() === "loopback";
}
