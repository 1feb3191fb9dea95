import { execFileSync } from 'node:child_process';

/** One machine of a small network: a network namespace that only a cable joins to the server's. */
export interface NetHost {
  readonly namespace: string;
  /** Where this machine reaches the server's. */
  readonly serverAddress: string;
  /** Put before a command to start it there. */
  readonly prefix: readonly string[];
  /** Pulls the cable: nothing arrives and nobody is told. */
  unplug(): void;
  plugIn(): void;
  /** Packets vanish in both directions while the link stays up, as behind a router that is gone. */
  silence(): void;
  endSilence(): void;
  /** Off, with everything that ran there. */
  powerOff(): void;
}

let networks = 0;

/** A server's machine and others around it, as network namespaces with veth pairs; needs root. */
export class Network {
  /** Put before a command to start it on the server's machine. */
  readonly prefix: readonly string[];
  readonly #server: string;
  readonly #hosts: NetHost[] = [];

  constructor() {
    this.#server = `hg${process.pid}n${networks++}`;
    add(this.#server);
    this.prefix = inside(this.#server);
  }

  /** Adds a machine, on a cable and a subnet of its own. */
  host(): NetHost {
    const index = this.#hosts.length + 1;
    const namespace = `${this.#server}h${index}`;
    add(namespace);
    // Names of links are per namespace; the pair is born in two of them and never in ours.
    const link = `up${index}`;
    ip('link', 'add', link, 'netns', this.#server, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    const [here, there] = [`10.77.${index}.1`, `10.77.${index}.2`];
    ip('-n', this.#server, 'addr', 'add', `${here}/24`, 'dev', link);
    ip('-n', namespace, 'addr', 'add', `${there}/24`, 'dev', 'eth0');
    ip('-n', this.#server, 'link', 'set', link, 'up');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    const cable = (state: 'up' | 'down') => ip('-n', namespace, 'link', 'set', 'eth0', state);
    const firewall = (action: string) => {
      for (const chain of ['INPUT', 'OUTPUT']) ip('netns', 'exec', namespace, 'iptables', action, chain, '-j', 'DROP');
    };
    const host: NetHost = {
      namespace,
      serverAddress: here,
      prefix: inside(namespace),
      unplug: () => cable('down'),
      plugIn: () => cable('up'),
      silence: () => firewall('-A'),
      endSilence: () => firewall('-D'),
      powerOff: () => {
        cable('down');
        endAll(namespace);
      },
    };
    this.#hosts.push(host);
    return host;
  }

  /** Takes everything down; what still runs in there is ended. */
  close(): void {
    for (const namespace of [...this.#hosts.map((host) => host.namespace), this.#server]) {
      endAll(namespace);
      ip('netns', 'del', namespace);
    }
  }
}

function add(namespace: string): void {
  ip('netns', 'add', namespace);
  ip('-n', namespace, 'link', 'set', 'lo', 'up');
}

const inside = (namespace: string) => ['ip', 'netns', 'exec', namespace];

function endAll(namespace: string): void {
  for (const pid of ip('netns', 'pids', namespace).split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}
