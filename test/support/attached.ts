import { PassThrough } from 'node:stream';
import { AttachView } from '../../src/cli/attach/attach-view.ts';
import { createConsole } from '../../src/cli/console.ts';
import { type Entry, RpcError, RunName, type Runtime, type RuntimeEvent } from '../../src/rpc/client/index.ts';
import { TerminalSink } from './terminal-sink.ts';

type Answer = (params: Record<string, unknown>) => unknown;

/** A run that a test makes up: what is asked of it is taken down, and it tells what it is told to. */
export class MadeRun {
  readonly entries = new Map<string, Entry>();
  /** Calls that change something, in order. */
  readonly calls: { readonly method: string; readonly params: Record<string, unknown> }[] = [];
  /** What a method answers where the usual answer will not do. */
  readonly answers: Record<string, Answer> = {};
  readonly #events: RuntimeEvent[] = [];
  #wake = () => {};
  #seq = 0;
  #name = 'r';

  /** A command in the log, with the status that says how it stands. */
  command(name: string, status: number, attributes: Record<string, unknown> = {}): string {
    const path = `log://turn_1/sh/${name}`;
    this.entries.set(path, {
      path,
      turn: 1,
      status,
      outcome: null,
      body: '',
      bytes: 0,
      version: (this.entries.get(path)?.version ?? 0) + 1,
      attributes: { tool: 'sh', command: name, ...(status === 102 ? { channels: [1, 2] } : {}), ...attributes },
    });
    return path;
  }

  /** Something happens. */
  tell(name: RuntimeEvent['name'], params: object): void {
    this.#events.push({ name, params: { seq: ++this.#seq, run: this.#name, ...params } } as unknown as RuntimeEvent);
    this.#wake();
  }

  /** A command is proposed. */
  propose(name: string): string {
    const path = this.command(name, 202);
    const { attributes, turn } = this.entries.get(path) as Entry;
    this.tell('run/proposal', { path, action: 'sh', command: name, summary: name, attributes, turn });
    return path;
  }

  /** A command that was proposed is started, by whomever. */
  start(name: string): void {
    const path = this.command(name, 102);
    this.tell('run/resolved', { path, action: 'accept', by: 'somebody' });
    const channels = [1, 2].map((channel) => ({ channel, path, bytes: 0, status: 102 }));
    this.tell('stream/started', { path, command: name, channels });
  }

  /** A command ends. */
  end(name: string): void {
    const path = this.command(name, 200, { channels: [1, 2], exit_code: 0 });
    this.tell('stream/ended', { path, status: 200, outcome: null, exit_code: 0, channels: [] });
  }

  /** The runtime that has it. */
  runtime(): Runtime {
    const ask = async (method: string, params: Record<string, unknown>) => await this.#answer(method, params);
    return {
      lastSeq: 0,
      mayAct: true,
      look: ask,
      call: async (method: string, params: Record<string, unknown>) => {
        this.calls.push({ method, params });
        return await ask(method, params);
      },
      events: ({ signal }: { signal: AbortSignal }) => this.#told(signal),
      follow: (_run: string, _path: string, { signal }: { signal: AbortSignal }) => silence(signal),
    } as unknown as Runtime;
  }

  /** Another client renames it, which is told a moment later. */
  rename(name: string): void {
    const from = this.#name;
    this.#name = name;
    queueMicrotask(() => this.tell('run/state', { run: name, status: 102, outcome: null, turn: 1, renamed_from: from }));
  }

  async #answer(method: string, params: Record<string, unknown>): Promise<unknown> {
    if (params['run'] !== this.#name)
      throw new RpcError({ code: -32001, message: `there is no run ${String(params['run'])}`, data: { name: 'not_found' } });
    const own = this.answers[method];
    if (own) return await own(params);
    switch (method) {
      case 'getRun':
        return { title: null, status: 102, outcome: null, model: 'm', turn: 1, turns: [], waiting: [] };
      case 'getEntries':
        return params['pattern'] === undefined ? [...this.entries.values()] : [];
      case 'get':
        return this.entries.get(String(params['path']));
      case 'stream/list':
        return [];
      case 'stream/read':
        return { chunk: '', encoding: 'utf8', from: 0, to: 0, bytes: 0, lines: { first: 1, total: 0 } };
      case 'stream/input':
        return { status: 'ok', bytes: Buffer.byteLength(String(params['chunk'] ?? ''), 'base64') };
      default:
        return {};
    }
  }

  async *#told(signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
    for (;;) {
      for (let event = this.#events.shift(); event; event = this.#events.shift()) yield event;
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    }
  }
}

async function* silence(signal: AbortSignal): AsyncGenerator<never> {
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
}

/** Somebody at a terminal of 80 columns and 24 rows who is attached to a run. */
export class Attached {
  readonly view: AttachView;
  readonly #left: Promise<number>;
  readonly #keys = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  readonly #sink = new TerminalSink();

  /** @param newMs - how long a proposal that nobody moved to takes no answer */
  constructor(run: MadeRun, newMs?: number) {
    const shown = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
    let at = 0;
    let drawn = Promise.resolve();
    shown.on('data', (bytes: Buffer) => {
      const offset = at;
      at += bytes.length;
      drawn = drawn.then(() => this.#sink.write(1, offset, bytes));
    });
    const console = createConsole({ env: {}, stdout: shown, stderr: shown, stdin: () => this.#keys, version: '0' } as never);
    this.view = new AttachView(console, run.runtime(), new RunName('r'), newMs);
    this.#left = this.view.show();
    this.#left.catch(() => {});
  }

  /** Presses keys, all at once. */
  press(keys: string): void {
    this.#keys.write(keys);
  }

  /** Waits until a picture matches, and returns it. */
  async sees(what: RegExp): Promise<string> {
    return (await this.#sink.shows(what)).join('\n');
  }

  /** Stops typing, whatever into, and leaves. */
  async leave(): Promise<void> {
    this.press('\u001d\u0007q');
    await this.#left.catch(() => {});
  }
}
