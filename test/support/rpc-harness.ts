import { systemClock } from '../../src/core/clock.ts';
import { systemIds } from '../../src/core/ids.ts';
import type { Logger } from '../../src/core/logger.ts';
import type { Plugin } from '../../src/hooks/plugin.ts';
import type { Entry } from '../../src/model/records.ts';
import { type GrantedScope, RpcServer, type RpcServerOptions } from '../../src/rpc/server/index.ts';
import { type MemoryPeer, memoryPair } from '../../src/rpc/server/transports/memory.ts';
import { createRuntime } from '../../src/runtime/index.ts';
import { Journal, Streams } from '../../src/stream/index.ts';
import { propose, tempStore } from './temp-store.ts';

export type Json = Record<string, unknown>;
export interface Message {
  id?: unknown;
  method?: string;
  params?: Json;
  result?: unknown;
  error?: { code: number; message: string; data: Json };
}

/** A client of the in-memory transport that reads in the background and remembers everything in order. */
export class TestPeer {
  readonly peer: MemoryPeer;
  readonly messages: Message[] = [];
  /** Messages as they came, batches included. */
  readonly raw: unknown[] = [];
  ended = false;
  #reading = true;
  #id = 0;
  readonly #watchers = new Set<() => void>();
  #resume: (() => void) | undefined;

  constructor(peer: MemoryPeer) {
    this.peer = peer;
    void this.#read();
  }

  /** Stops taking messages, as a stalled client does. */
  stall(): void {
    this.#reading = false;
  }

  /** Takes messages again. */
  goOn(): void {
    this.#reading = true;
    this.#resume?.();
  }

  async #read(): Promise<void> {
    for (;;) {
      if (!this.#reading) await new Promise<void>((resolve) => (this.#resume = resolve));
      const text = await this.peer.read();
      if (text === undefined) break;
      const value = JSON.parse(text) as Message | Message[];
      this.raw.push(value);
      this.messages.push(...(Array.isArray(value) ? value : [value]));
      for (const watcher of [...this.#watchers]) watcher();
    }
    this.ended = true;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** The first message, past or to come, that satisfies the test. */
  until(test: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.messages.find(test);
        if (!found) return;
        this.#watchers.delete(look);
        resolve(found);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** The answer to one request, error or result. */
  async ask(method: string, params?: unknown): Promise<Message> {
    const id = `t${++this.#id}`;
    this.peer.send({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) });
    return await this.until((message) => message.id === id);
  }

  /** The result of one request; throws on an error. */
  async call<T = Json>(method: string, params: unknown = {}): Promise<T> {
    const { result, error } = await this.ask(method, params);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  /** Params of the notifications of that method so far. */
  notices(method: string): Json[] {
    return this.messages.filter((message) => message.method === method).map((message) => message.params ?? {});
  }
}

export interface LogLine {
  facts: Record<string, unknown>;
  message: string;
}

/** An RPC server over a real store, stream layer and runtime, with connections in memory. */
export async function rpcHarness({ plugins = [], ...options }: Partial<RpcServerOptions> & { plugins?: readonly Plugin[] } = {}) {
  const temp = await tempStore();
  const logged: LogLine[] = [];
  const note = (facts: object, message: string) => void logged.push({ facts: facts as Record<string, unknown>, message });
  const logger: Logger = { debug: () => {}, info: () => {}, warn: note, error: note };
  const journal = new Journal({ store: temp.store, logger });
  const streams = new Streams({ store: temp.store, journal, clock: systemClock, logger });
  const runtime = await createRuntime({ store: temp.store, journal, streams, clock: systemClock, logger, providers: [], bundled: plugins });
  const server = new RpcServer({
    runtime,
    streams,
    journal,
    logger,
    store: temp.store,
    clock: systemClock,
    ids: systemIds,
    version: '1.2.3',
    serverId: 'test',
    tokens: [],
    checkResults: true,
    ...options,
  });
  const connect = (scope: GrantedScope = 'admin'): TestPeer => {
    const { channel, peer } = memoryPair();
    server.accept(channel, { name: scope, scope });
    return new TestPeer(peer);
  };
  const project = temp.store.projects.byId(temp.run.projectId)!;
  const join = async (scope: GrantedScope = 'admin', client = 'tester'): Promise<TestPeer> => {
    const peer = connect(scope);
    await peer.call('init', { name: project.name, projectRoot: project.root, client: { name: client } });
    return peer;
  };
  /** Accepts a proposal of a command that a client runs. */
  const open = (entry: Entry, command = entry.path): void =>
    journal.commit(
      'durable',
      (tx) =>
        void streams.open(tx, entry, {
          backend: 'process',
          runner: 'client',
          channels: [1, 2],
          spec: { command, cwd: '/', env: {}, stdin: false },
        }),
    );
  /** An accepted command that a client runs: its channels take `stream` calls. */
  const accept = (slug: string, { run = temp.run, command = slug } = {}): Entry => {
    const entry = propose(temp.store, run, slug);
    open(entry, command);
    return entry;
  };
  /** Stores an event of the project. */
  const tell = (text: string, run: string | null = null) =>
    journal.commit('fast', (tx) => void tx.event(project.id, run, 'ui/notify', { run, level: 'info', text }));
  const close = async () => {
    await server.close();
    await runtime.close();
    streams.close();
    await temp.close();
  };
  return { ...temp, project, journal, streams, runtime, server, logged, connect, join, accept, open, tell, close };
}

export type RpcHarness = Awaited<ReturnType<typeof rpcHarness>>;
