import { CLIENT_INFO_META_KEY, type ServerContext } from '@modelcontextprotocol/server';
import { RpcError, RunName, type Runtime, type RuntimeEvent } from '../rpc/client/index.ts';
import type { McpServeOptions } from './server.ts';

/** Most characters of a client's name that the server accepts. */
const NAME_CHARS = 64;
const ALIAS_CHARS = 40;
/** How many made-up aliases may turn out to be taken before the refusal is thrown. */
const ATTEMPTS = 5;

/** What the tools of one MCP session share: the runtime, opened when it is first needed, and the run of its commands. */
export class Link {
  readonly #options: McpServeOptions;
  readonly #greeted: () => string | undefined;
  readonly #opened: (runtime: Runtime) => void;
  #runtime: Promise<Runtime> | undefined;
  /** The run of this session's commands: the one that was named, or the one that was made. */
  #own: RunName | undefined;
  #run: Promise<RunName> | undefined;
  #clientName: string | undefined;

  /** `greeted` returns the name that the client gave in its greeting; `opened` is called with every runtime that is opened: the first, and the next after one was closed. */
  constructor(options: McpServeOptions, greeted: () => string | undefined, opened: (runtime: Runtime) => void) {
    this.#options = options;
    this.#greeted = greeted;
    this.#opened = opened;
    if (options.run !== undefined) this.#own = new RunName(options.run);
  }

  /** Takes the client's name from a request: since the revision of 2026 it comes with every request, not in a greeting. */
  heard({ mcpReq }: ServerContext): void {
    // The library's type of the envelope does not name its keys.
    const envelope = mcpReq.envelope as Readonly<Record<string, unknown>> | undefined;
    const info = envelope?.[CLIENT_INFO_META_KEY];
    if (typeof info === 'object' && info !== null && 'name' in info && typeof info.name === 'string') this.#clientName ??= info.name;
  }

  /** The runtime. Throws what opening it throws; the next call tries again. */
  runtime(): Promise<Runtime> {
    this.#runtime ??= this.#open();
    return this.#runtime;
  }

  /** Alias of the run of this session's commands, when there is one. */
  async ownRun(): Promise<string | undefined> {
    await this.#run;
    return this.#own?.now;
  }

  /** Alias of the run of this session's commands; opens the run first if there is none yet. */
  async openRun(): Promise<string> {
    return (await this.#openRun()).now;
  }

  /** Takes an event of the project: a client may have renamed the run (SPEC {#renamed_runs}). */
  take(event: RuntimeEvent): void {
    this.#own?.take(event);
  }

  /** Calls `work` with the run of this session's commands, and with a new run if that one has been deleted. */
  async inRun<T>(work: (run: string) => Promise<T>): Promise<T> {
    const opened = this.#openRun();
    const run = await opened;
    try {
      return await run.ask(work);
    } catch (error) {
      if (!(error instanceof RpcError) || error.kind !== 'not_found' || error.data['run'] !== run.now) throw error;
      if (this.#run === opened) this.#run = undefined;
      return await work(await this.openRun());
    }
  }

  async close(): Promise<void> {
    const runtime = await this.#runtime?.catch(() => undefined);
    await runtime?.close();
  }

  #openRun(): Promise<RunName> {
    this.#run ??= this.#startRun().catch((error: unknown) => {
      this.#run = undefined;
      throw error;
    });
    return this.#run;
  }

  #name(): string {
    return this.#clientName ?? this.#greeted() ?? 'client';
  }

  async #open(): Promise<Runtime> {
    const forget = () => {
      this.#runtime = undefined;
    };
    try {
      const runtime = await this.#options.open(`mcp:${this.#name()}`.slice(0, NAME_CHARS));
      runtime.onConnection(({ final }) => {
        if (final) forget();
      });
      this.#opened(runtime);
      return runtime;
    } catch (error) {
      forget();
      throw error;
    }
  }

  async #startRun(): Promise<RunName> {
    const runtime = await this.runtime();
    const named = this.#options.run === undefined ? undefined : this.#own;
    for (let attempt = 1; ; attempt++) {
      const alias = named?.now ?? madeUp(this.#name());
      try {
        const { run } = await runtime.call('startRun', { model: 'scripted', alias });
        this.#own = named ?? new RunName(run);
        return this.#own;
      } catch (error) {
        if (!(error instanceof Error) || !('kind' in error) || error.kind !== 'alias_taken') throw error;
        if (named !== undefined) return named;
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }
}

/** An alias after the client's name, another one each time. */
function madeUp(clientName: string): string {
  const slug = clientName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, ALIAS_CHARS)
    .replace(/-$/, '');
  return `${slug || 'mcp'}-${globalThis.crypto.randomUUID().slice(0, 4)}`;
}
