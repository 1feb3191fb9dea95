import { vi } from 'vitest';
import { stringify } from 'yaml';
import { type Params, WireClient } from '../built-server.ts';
import type { LiveServer } from '../live-server.ts';
import type { Step } from '../portal.ts';
import { writeFiles } from '../project.ts';

/** One turn of the model, which may fail with an outcome. */
type Turn = Step & { readonly fail?: string };

/** Answers to the proposals of a run, in their order. */
export type Answer = { readonly action: 'accept' | 'reject'; readonly output?: string };

/** Plays one run: what a person and clients do in it. Each wait is for what the server tells. */
export class Player {
  readonly live: LiveServer;
  run: string;
  client!: WireClient;
  #answered = new Set<string>();

  constructor(live: LiveServer, run: string) {
    this.live = live;
    this.run = run;
  }

  /** Opens the run, with a model that does these steps when it is told to go. */
  async open(steps: readonly Turn[]): Promise<void> {
    await this.connect();
    const file = `${this.run}.yaml`;
    const when = { prompt: '/^go/' };
    const scenario = [...steps.map((step) => ({ when, ...step })), { when: { prompt: '/^finish/' }, say: `End of ${this.run}.` }];
    await writeFiles(this.live.root, { [file]: stringify(scenario) });
    await this.client.call('addModel', { alias: this.run, actual: file, provider: 'scripted' });
    await this.client.call('startRun', { model: this.run, alias: this.run });
    await this.subscribe();
  }

  async connect(): Promise<void> {
    this.client = await WireClient.connect(this.live.server);
    await this.client.call('init', { name: 'project', projectRoot: this.live.root, client: { name: 'person' } });
  }

  async subscribe(): Promise<void> {
    await this.client.call('subscribe', { run: this.run, since: 0 });
  }

  /** kill -9 of the server, and another one on its data. */
  async crash(): Promise<void> {
    await this.live.crashAndStart();
    await this.connect();
    await this.subscribe();
  }

  /** Queues a loop. */
  async prompt(prompt: string, more: Params = {}): Promise<number> {
    const method = more['mode'] === 'ask' ? 'ask' : 'act';
    const { mode: _mode, ...params } = more;
    return (await this.client.call<{ loop: number }>(method, { run: this.run, prompt, ...params })).loop;
  }

  /** Waits until a loop is over. */
  async over(loop: number): Promise<void> {
    await this.client.notice('run/state', (state) => state['loop'] === loop && (state['status'] === 200 || Number(state['status']) >= 400));
  }

  /** Lets the model go and resolves its proposals, one after the other. */
  async go(answers: readonly Answer[] = [], more: Params = {}): Promise<void> {
    const loop = await this.prompt('go', more);
    for (const answer of answers) await this.resolve(await this.proposal(), answer);
    await this.over(loop);
  }

  /** The path of the next proposal that waits. */
  async proposal(): Promise<string> {
    const { path } = await this.client.notice('run/proposal', (one) => !this.#answered.has(String(one['path'])));
    this.#answered.add(String(path));
    return String(path);
  }

  async resolve(path: string, answer: Answer = { action: 'accept' }): Promise<void> {
    await this.client.call('run/resolve', { run: this.run, resolution: { path, ...answer } });
  }

  /** Proposes a command of a client's own and accepts it; its path. */
  async sh(command: string, more: Params = {}): Promise<string> {
    const { path } = await this.client.call<{ path: string }>('sh', { run: this.run, command, ...more });
    this.#answered.add(path);
    await this.resolve(path);
    return path;
  }

  async ended(path: string): Promise<void> {
    await this.client.notice('stream/ended', (end) => end['path'] === path);
  }

  /** Waits until a channel holds so many bytes. */
  async written(path: string, bytes: number, channel = 1): Promise<void> {
    const read = () => this.client.call<{ bytes: number }>('stream/read', { run: this.run, path, channel, max_bytes: 1 });
    await vi.waitUntil(async () => (await read()).bytes >= bytes, { timeout: 20_000, interval: 20 });
  }

  async release(name: string): Promise<void> {
    await writeFiles(this.live.root, { [name]: '' });
  }

  /** A last loop, by whose words every client shows that it has shown all. */
  async finish(): Promise<void> {
    await this.over(await this.prompt('finish'));
    await this.client.close();
  }
}

/** A run to play. Its loop is played to its end, with these answers, unless `play` says what happens. */
export interface Played {
  readonly steps?: readonly Turn[];
  readonly answers?: readonly Answer[];
  readonly play?: (player: Player) => Promise<void>;
}

/** Plays a run to its end; returns the alias that it has then. */
export async function play(live: LiveServer, name: string, { steps = [], answers = [], play: work }: Played): Promise<string> {
  const player = new Player(live, name);
  await player.open(steps);
  await (work ? work(player) : player.go(answers));
  await player.finish();
  return player.run;
}
