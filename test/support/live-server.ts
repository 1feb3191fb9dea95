import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, vi } from 'vitest';
import { type BuiltServer, endCommands, type Params, serve, WireClient } from './built-server.ts';
import { tempFolder } from './temp-store.ts';

const FAULT = fileURLToPath(new URL('../e2e/fixtures/fault.mjs', import.meta.url));

/** Environment of a server to which this happens at an exact moment; `test/e2e/fixtures/fault.mjs` says what there is. */
export function faulty(fault: string): NodeJS.ProcessEnv {
  return { HEADGATE_FAULT: fault, NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import ${FAULT}` };
}

/** Where a command is: its run and the path of its log entry. */
export interface Place {
  readonly run: string;
  readonly path: string;
}

/** One built server for the tests of a file, on folders of its own, with the clients that they open. */
export class LiveServer {
  server!: BuiltServer;
  data = '';
  /** The project's folder: commands run here. */
  root = '';
  readonly env: NodeJS.ProcessEnv = {};
  readonly clients: WireClient[] = [];
  #remove: () => Promise<void> = async () => {};

  async open(): Promise<void> {
    const { folder, remove } = await tempFolder();
    this.#remove = remove;
    this.data = join(folder, 'data');
    this.root = join(folder, 'project');
    await mkdir(this.root);
    await this.start();
  }

  /** Starts a server on the data folder; `env` is for this start alone. */
  async start(env: NodeJS.ProcessEnv = {}): Promise<void> {
    this.server = await serve(this.data, [], { ...this.env, ...env });
  }

  /** kill -9, and a new server on the same folder. */
  async crashAndStart(env: NodeJS.ProcessEnv = {}): Promise<void> {
    await this.server.crash();
    await this.start(env);
  }

  /** Resolves when the server has ended by itself, as a `faulty` one does. */
  async died(): Promise<void> {
    const { process: child } = this.server;
    await vi.waitUntil(() => child.signalCode !== null, { timeout: 20_000, interval: 10 });
  }

  async client(name = 'test'): Promise<WireClient> {
    const connected = await WireClient.connect(this.server, this.root, name);
    this.clients.push(connected);
    return connected;
  }

  /** Proposes a command in a new run. */
  async proposed(client: WireClient, command: string, more: Params = {}): Promise<Place> {
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await client.call<{ path: string }>('sh', { run, command, ...more });
    return { run, path };
  }

  /** Proposes a command in a new run and accepts it. */
  async accepted(client: WireClient, command: string, resolution: Params = {}, more: Params = {}): Promise<Place> {
    const place = await this.proposed(client, command, more);
    await client.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept', ...resolution } });
    return place;
  }

  /** Waits for a file that a command writes into the project's folder. */
  async written(name: string): Promise<void> {
    await vi.waitUntil(() => existsSync(join(this.root, name)), { timeout: 20_000, interval: 10 });
  }

  /** A file of the project's folder; empty when it is not there. */
  text(name: string): Promise<string> {
    return readFile(join(this.root, name), 'utf8').catch(() => '');
  }

  /** A file of a process's folder in /proc. */
  processFile(pid: number, name: string): Promise<string> {
    return readFile(`/proc/${pid}/${name}`, 'latin1');
  }

  /** The folders of the producers in the spool. */
  folders(): string[] {
    const spool = join(this.data, 'producers');
    if (!existsSync(spool)) return [];
    return readdirSync(spool, { withFileTypes: true })
      .filter((each) => each.isDirectory() && !each.name.startsWith('.'))
      .map(({ name }) => join(spool, name));
  }

  async closeClients(): Promise<void> {
    for (const { socket } of this.clients) socket.resume();
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
  }

  async close(): Promise<void> {
    if (this.server.process.signalCode !== null) await this.start();
    try {
      await endCommands(this.server, this.root);
    } finally {
      await this.server.stop();
      await this.#remove();
    }
  }
}

/** A server for this file: started before its tests, its clients closed after each, everything ended after the last. */
export function liveServer(): LiveServer {
  const live = new LiveServer();
  beforeAll(() => live.open());
  afterEach(() => live.closeClients());
  afterAll(() => live.close());
  return live;
}

/**
 * Subscribes to the output of a command, channel 1 unless told otherwise. `ended` waits for the end that this
 * subscription tells, after its last chunk: the event of the end may have come before.
 */
export async function follow(client: WireClient, place: Place, params: Params = { channel: 1 }): Promise<{ ended: Promise<Params> }> {
  const { subscription } = await client.call<{ subscription: number }>('stream/subscribe', { ...place, ...params });
  return { ended: client.notice('stream/ended', (end) => end['subscription'] === subscription) };
}

/** How a producer has ended, in the words of `stream/ended`, read from the store. */
export async function ended(client: WireClient, place: Place): Promise<{ status: number; outcome: string | null; body: string }> {
  let entry: { status: number; outcome: string | null; body: string } | undefined;
  await vi.waitUntil(
    async () => {
      entry = await client.call('get', { run: place.run, path: place.path });
      return entry !== undefined && ![100, 102, 202].includes(entry.status);
    },
    { timeout: 25_000, interval: 20 },
  );
  return entry as { status: number; outcome: string | null; body: string };
}

/** The receipt of a cancelled producer, once its kill is over. */
export async function receiptOf(client: WireClient, place: Place): Promise<Params> {
  let receipt: Params | undefined;
  await vi.waitUntil(
    async () => {
      ({ receipt } = await client.call<{ receipt: Params }>('stream/receipt', { ...place }));
      return receipt !== undefined && receipt['finishedAt'] !== null;
    },
    { timeout: 25_000, interval: 20 },
  );
  return receipt as Params;
}

/** How many bytes of a channel are stored. */
export async function storedBytes(client: WireClient, place: Place, channel = 1): Promise<number> {
  return (await client.call<{ bytes: number }>('stream/read', { ...place, channel, max_bytes: 1 })).bytes;
}

/** Waits until so many bytes of a channel are stored. */
export async function stored(client: WireClient, place: Place, bytes: number, channel = 1): Promise<void> {
  await vi.waitUntil(async () => (await storedBytes(client, place, channel)) >= bytes, { timeout: 25_000, interval: 10 });
}
