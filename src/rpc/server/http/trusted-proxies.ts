import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Addresses in one header that are looked at. */
const MAX_HOPS = 32;

/** Proxies that are believed to say for whom they ask (SPEC {#trusted_proxy}). */
export class TrustedProxies {
  readonly #list = new BlockList();

  /** @param addresses - addresses, and networks such as 10.0.0.0/8; others are left out */
  constructor(addresses: readonly string[]) {
    for (const one of addresses) {
      const [address = '', bits] = one.split('/');
      const family = familyOf(address);
      if (family === undefined) continue;
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  /** Address of the client that a request is from: the last in `X-Forwarded-For` that is no trusted proxy's, of a request from such a proxy. */
  clientOf({ socket, headers }: IncomingMessage): string {
    let client = plain(socket.remoteAddress ?? '');
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',').slice(-MAX_HOPS);
    // Each proxy puts whom it was asked by at the end.
    for (const one of forwarded.reverse()) {
      const before = plain(one.trim());
      if (!this.#trusts(client) || familyOf(before) === undefined) break;
      client = before;
    }
    return client;
  }

  #trusts(address: string): boolean {
    const family = familyOf(address);
    return family !== undefined && this.#list.check(address, family);
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined;
}

/** An IPv4 address as such, also where a socket for both kinds has it; no brackets around the other kind. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').replace(/^\[(.*)\]$/, '$1');
}
