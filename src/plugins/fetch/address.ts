import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** An address as Node's `lookup` gives it. */
export interface Address {
  readonly address: string;
  readonly family: number;
}

const inner = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  inner.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['::', 128],
  ['::1', 128],
  // An address of version 4 inside one of version 6, translated or tunnelled: where it leads is not seen from here.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  inner.addSubnet(net, bits, 'ipv6');

/** True for an address of this machine or of a network that is not the public one, also in the form `::ffff:10.0.0.1`. */
export function isPrivate(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  const family = isIP(bare);
  return family === 0 || inner.check(bare, family === 6 ? 'ipv6' : 'ipv4');
}

/** Every address of a URL's host. Throws when it has none. */
export async function addressesOf(url: URL): Promise<readonly Address[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(host);
  return family === 0 ? await lookup(host, { all: true, verbatim: true }) : [{ address: host, family }];
}
