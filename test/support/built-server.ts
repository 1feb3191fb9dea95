import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';

/** The built command. */
export const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface Ready {
  readonly url: string;
  readonly http: string;
  readonly socket: string;
  readonly token: string;
  readonly pid: number;
}

/** A server of its own process, as a user starts it. */
export interface BuiltServer extends Ready {
  readonly process: ChildProcess;
  /** Everything it printed on standard error. */
  log(): string;
  /** kill -9, and until it is gone. */
  crash(): Promise<void>;
  /** SIGTERM, and until it is gone. */
  stop(): Promise<number | null>;
}

/**
 * Starts `headgate serve --json` on a data folder and waits for its one line. Throws with its log when it ends before.
 * `prefix` is a command that starts it elsewhere.
 */
export async function serve(
  data: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
  prefix: readonly string[] = [],
): Promise<BuiltServer> {
  const [program = '', ...words] = [...prefix, process.execPath, MAIN, 'serve', '--json', '--port', '0', '--data', data, ...args];
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { HEADGATE_CHECK_BUFFERS: '1', ...process.env, ...env },
  });
  let out = '';
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ready = await new Promise<Ready>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('\n')) resolve(JSON.parse(out) as Ready);
    });
    child.once('close', (code) => reject(new Error(`the server ended with ${code}: ${err}`)));
    child.once('error', reject);
  });
  const gone = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    }
    return child.exitCode;
  };
  return { ...ready, process: child, log: () => err, crash: async () => void (await gone('SIGKILL')), stop: () => gone('SIGTERM') };
}

/** A JSON-RPC error as it came over the wire. */
export class WireError extends Error {
  readonly code: number;
  readonly data: Record<string, unknown>;

  constructor(error: { code: number; message: string; data: Record<string, unknown> }) {
    super(error.message);
    this.code = error.code;
    this.data = error.data;
  }
}

export type Params = Record<string, unknown>;
export type Notice = { method: string; params: Params };

/** What a binary message is recorded as among the notices: `{handle, channel, offset, bytes}`. */
export const FRAME = '(binary)';

/** A client of nothing but `ws`: calls, and every notification in the order in which it came. */
export class WireClient {
  readonly notices: Notice[] = [];
  readonly socket: WebSocket;
  #id = 0;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  readonly #watchers = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (binary) return this.#receiveFrame(data);
      const message = JSON.parse(data.toString()) as {
        id?: number;
        method?: string;
        params?: Params;
        result?: unknown;
        error?: ConstructorParameters<typeof WireError>[0];
      };
      if (message.method) this.notices.push({ method: message.method, params: message.params ?? {} });
      else if (typeof message.id === 'number') {
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        if (message.error) waiting?.reject(new WireError(message.error));
        else waiting?.resolve(message.result);
      }
      for (const watcher of this.#watchers) watcher();
    });
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the connection is gone'));
    });
    socket.on('error', () => {});
  }

  /** Decoded here by hand, not with the product's own reader. */
  #receiveFrame(data: Buffer): void {
    const frame = { handle: data.readUInt32BE(0), channel: data[4], offset: Number(data.readBigUInt64BE(5)), bytes: data.subarray(13) };
    this.notices.push({ method: FRAME, params: frame });
    for (const watcher of this.#watchers) watcher();
  }

  /** Connects with the token and, when `root` is given, calls init. */
  static async connect(server: Ready, root?: string, name = 'test'): Promise<WireClient> {
    const socket = new WebSocket(server.url, { headers: { authorization: `Bearer ${server.token}` } });
    const client = new WireClient(socket);
    await once(socket, 'open');
    if (root !== undefined) await client.call('init', { name: 'test', projectRoot: root, client: { name } });
    return client;
  }

  call<T = Params>(method: string, params: Params = {}): Promise<T> {
    const id = ++this.#id;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  /** The first notification, past or to come, of that method that satisfies the test. */
  notice(method: string, test: (params: Params) => boolean = () => true): Promise<Params> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.notices.find((one) => one.method === method && test(one.params));
        if (!found) return;
        this.#watchers.delete(look);
        resolve(found.params);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Bytes received of a channel by a subscription; throws on a gap or an overlap. */
  received(path: string, channel: number, from = 0): Buffer {
    let at = from;
    const parts: Buffer[] = [];
    for (const { method, params } of this.notices) {
      if (method !== 'stream/chunk' || params['path'] !== path || params['channel'] !== channel) continue;
      if (params['offset'] !== at) throw new Error(`expected offset ${at}, got ${String(params['offset'])}`);
      const bytes = Buffer.from(params['chunk'] as string, params['encoding'] === 'base64' ? 'base64' : 'utf8');
      parts.push(bytes);
      at += bytes.length;
    }
    return Buffer.concat(parts);
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }
}

/** Reads a whole channel with stream/read, page by page. */
export async function readAll(client: WireClient, run: string, path: string, channel: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let from = 0; ; ) {
    const page = await client.call<{ to: number; bytes: number; chunk: string; encoding: 'utf8' | 'base64' }>('stream/read', {
      run,
      path,
      channel,
      from,
    });
    parts.push(Buffer.from(page.chunk, page.encoding));
    from = page.to;
    if (from >= page.bytes) return Buffer.concat(parts);
  }
}

/** Processes whose environment or command line contains `mark`: pid and command line. */
export async function processesWith(mark: string): Promise<string[]> {
  const { readdir, readFile } = await import('node:fs/promises');
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const [line, environment] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
    );
    if (line?.includes(mark) || environment?.includes(mark)) found.push(`${pid} ${line?.replaceAll('\0', ' ').trim()}`);
  }
  return found;
}

/** Cancels whatever a failed test has left running, in the project of this suite's clients and in the command line's, and waits for the receipts. */
export async function endCommands(server: Ready, root: string): Promise<void> {
  for (const project of ['test', basename(root)]) {
    const client = await WireClient.connect(server).catch(() => undefined);
    if (!client) return;
    await client.call('init', { name: project, projectRoot: root, client: { name: 'test' } });
    const live = await client.call<{ run: string; path: string }[]>('stream/list', { state: 'open' });
    const cancelled: typeof live = [];
    for (const { run, path } of live) {
      const { terminal_status } = await client.call('stream/cancel', { run, path, grace_ms: 100 });
      // A command may end by itself between the list and the call, such as at the end of its lifetime.
      if (terminal_status === undefined) cancelled.push({ run, path });
    }
    for (const { run, path } of cancelled) {
      let finishedAt: unknown = null;
      while (finishedAt === null) ({ finishedAt } = (await client.call<{ receipt: Params }>('stream/receipt', { run, path })).receipt);
    }
    await client.close();
  }
}
