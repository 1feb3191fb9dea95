import { vi } from 'vitest';
import { connect, type Runtime, type RuntimeEvent } from '../../../src/sdk.ts';
import { readWhole } from '../../contract/runtime.contract.ts';
import type { Gate } from '../gate.ts';
import type { LiveServer } from '../live-server.ts';
import { type Command, type Output, type Seat, SOON } from './seat.ts';

/** A program that uses the client library over a WebSocket. */
export class SdkSeat implements Seat {
  readonly by = /^program$/;
  readonly gate: Gate;
  readonly runtime: Runtime;
  /** The events of the run since it was opened. */
  readonly events: RuntimeEvent[] = [];
  readonly #run: string;
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;
  #isLost = false;
  #watched = Buffer.alloc(0);

  private constructor(gate: Gate, runtime: Runtime, run: string) {
    this.gate = gate;
    this.runtime = runtime;
    this.#run = run;
    runtime.onConnection(({ open }) => {
      this.#isLost = !open;
    });
    this.#reading = this.#read();
  }

  static async open(gate: Gate, { server, root }: LiveServer, run: string): Promise<SdkSeat> {
    const url = `ws://127.0.0.1:${gate.port}/rpc`;
    return new SdkSeat(gate, await connect(url, { project: root, token: server.token, client: { name: 'program' } }), run);
  }

  async propose(command: string): Promise<void> {
    await this.runtime.call('act', { run: this.#run, prompt: `sh: ${command}` });
  }

  /** The path of a command, once it is proposed. */
  async path(command: string): Promise<string> {
    const event = await this.#event((each) => each.name === 'run/proposal' && each.params.command === command);
    return (event.params as { path: string }).path;
  }

  async proposed({ command }: Command): Promise<void> {
    await this.path(command);
  }

  async accept({ path }: Command): Promise<void> {
    await this.runtime.call('run/resolve', { run: this.#run, resolution: { path, action: 'accept' } });
  }

  async answered({ path }: Command, by: RegExp): Promise<void> {
    await this.#event((event) => event.name === 'run/resolved' && event.params.path === path && by.test(event.params.by));
  }

  async running({ path }: Command): Promise<void> {
    await this.#event((event) => event.name === 'stream/started' && event.params.path === path);
  }

  async cancel({ path }: Command): Promise<void> {
    await this.runtime.call('stream/cancel', { run: this.#run, path });
  }

  async cancelled({ path }: Command): Promise<void> {
    await this.#event((event) => event.name === 'stream/ended' && event.params.path === path && event.params.status === 499);
  }

  async output({ path }: Command): Promise<Output> {
    const { output } = await readWhole(this.runtime.follow(this.#run, path));
    return { stdout: output.get(1) ?? Buffer.alloc(0), stderr: output.get(2) ?? Buffer.alloc(0) };
  }

  async lost(): Promise<void> {
    await vi.waitUntil(() => this.#isLost, SOON);
  }

  async watch({ path }: Command): Promise<void> {
    const { signal } = this.#stop;
    void (async () => {
      for await (const { offset, bytes } of this.runtime.follow(this.#run, path, { channel: 1, signal })) {
        if (offset !== this.#watched.length) throw new Error(`offset ${offset} instead of ${this.#watched.length}`);
        this.#watched = Buffer.concat([this.#watched, bytes]);
      }
    })().catch((error: unknown) => {
      // It is shown where the lines are compared.
      if (!signal.aborted) this.#watched = Buffer.from(`${String(error)}\n`);
    });
  }

  async lines(_: Command, last: string) {
    await vi.waitUntil(() => this.#watched.toString().endsWith(`${last}\n`), SOON);
    return { first: 1, lines: this.#watched.toString().trimEnd().split('\n') };
  }

  async times({ path }: Command): Promise<number> {
    return this.events.filter((event) => event.name === 'run/proposal' && event.params.path === path).length;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.runtime.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    for await (const event of this.runtime.events({ run: this.#run, since: 0 })) this.events.push(event);
  }

  async #event(test: (event: RuntimeEvent) => boolean): Promise<RuntimeEvent> {
    await vi.waitUntil(() => this.events.some(test), SOON);
    return this.events.find(test) as RuntimeEvent;
  }
}
