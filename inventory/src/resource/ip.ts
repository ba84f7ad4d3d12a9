import ipaddr from 'ipaddr.js';

/** An IPv4 or IPv6 address with a prefix length, as text in its one canonical spelling. */
export interface Cidr {
  readonly text: string;
  /** The network that the address lies in; the same as `text` when no host bits are set. */
  readonly network: string;
  readonly prefixLength: number;
  /**
   * Text that sorts as the addresses do: IPv4 before IPv6, then by number, then the larger network
   * first.
   */
  readonly order: string;
  /** Number of addresses in the network. */
  readonly size: number;
}

/** Reads `10.0.0.1/24` or `2001:db8::1/64`; undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const [address, length, ...rest] = text.split('/');
  if (!address || !length || rest.length > 0 || !/^\d{1,3}$/.test(length) || address.includes('%')) return undefined;
  const v4 = ipaddr.IPv4.isValidFourPartDecimal(address);
  const prefixLength = Number(length);
  const bits = v4 ? 32 : 128;
  if ((!v4 && !ipaddr.IPv6.isValid(address)) || prefixLength > bits) return undefined;
  const canonical = (value: ipaddr.IPv4 | ipaddr.IPv6): string =>
    `${value instanceof ipaddr.IPv6 ? value.toRFC5952String() : value.toString()}/${prefixLength}`;
  const family = v4 ? ipaddr.IPv4 : ipaddr.IPv6;
  const parsed = ipaddr.parse(address);
  const bytes = Buffer.from(parsed.toByteArray()).toString('hex');
  return {
    text: canonical(parsed),
    network: canonical(family.networkAddressFromCIDR(`${address}/${prefixLength}`)),
    prefixLength,
    order: `${v4 ? 4 : 6}:${bytes}/${length.padStart(3, '0')}`,
    size: 2 ** (bits - prefixLength),
  };
}

/** True if an address (with its mask) lies in a network. */
export function isWithin(address: string, network: string): boolean {
  const host = ipaddr.parse(address.slice(0, address.indexOf('/')));
  const range = ipaddr.parseCIDR(network);
  return host.kind() === range[0].kind() && host.match(range);
}
