import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcessBackend } from '../../../src/backends/process/index.ts';
import { bootId } from '../../../src/core/boot-id.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Logger } from '../../../src/core/logger.ts';
import type { Plugin } from '../../../src/hooks/plugin.ts';
import { createProviders } from '../../../src/llm/index.ts';
import type { ModelProvider } from '../../../src/model/ports/model-provider.ts';
import type { EventRecord, Project } from '../../../src/model/records.ts';
import { everyRun } from '../../../src/model/sight.ts';
import { bundledPlugins } from '../../../src/plugins/index.ts';
import { createRunner } from '../../../src/runner/index.ts';
import { type Caller, createRuntime, type RuntimeOptions } from '../../../src/runtime/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { Journal, Streams } from '../../../src/stream/index.ts';
import { type OpenAiServer, openAiServer } from '../../support/openai-server.ts';

/** Lines of the server's log. */
export type LogLine = Record<string, unknown> & { readonly message: string };

/** What a test may change; `quietMs`: silence after which a command is looked at whether it waits for input. */
type HarnessOptions = Partial<RuntimeOptions> & { quietMs?: number };

async function parts(folder: string, model: OpenAiServer, { quietMs = 3000, ...options }: HarnessOptions) {
  const lines: LogLine[] = [];
  const note = (facts: object, message: string) => void lines.push({ ...facts, message });
  const logger: Logger = { debug: () => {}, info: note, warn: note, error: note };
  const clock = systemClock;
  const store = await openStore({ file: join(folder, 'data', 'headgate.db'), clock, logger });
  const journal = new Journal({ store, logger });
  const { redaction } = options;
  const streams = new Streams({ store, journal, clock, logger, quietMs, ...(redaction ? { redaction } : {}) });
  const events: EventRecord[] = [];
  const watchers = new Set<() => void>();
  journal.onEvent((event) => {
    events.push(event);
    for (const look of [...watchers]) look();
  });
  const backend = createProcessBackend({ folder: join(folder, 'producers'), clock, logger });
  const runner = createRunner({
    name: 'embedded',
    link: streams.link,
    backends: new Map([['process', backend]]),
    clock,
    logger,
    bootId: bootId(),
  });
  streams.attachRunner(runner);
  const providers: ModelProvider[] = createProviders({ local: { baseUrl: model.url } }, {});
  const runtime = await createRuntime({ store, journal, streams, clock, logger, providers, bundled: bundledPlugins, ...options });
  const plugins = createRunner({ name: 'server', link: streams.link, backends: runtime.kinds, clock, logger, bootId: bootId() });
  streams.attachRunner(plugins);
  streams.reconcile();
  const close = async () => {
    await plugins.close();
    await runtime.close();
    await runner.close();
    streams.close();
    await store.close();
  };
  return { store, journal, streams, runtime, events, watchers, lines, close };
}

/**
 * A whole server without its sockets: real store, streams, commands, plugins, and a model behind a real HTTP server.
 * Model `m` is that one. `restart` closes everything but the folder and opens it again.
 */
export async function runtimeHarness(options: HarnessOptions & { plugins?: RuntimeOptions['plugins']; more?: readonly Plugin[] } = {}) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'headgate-runtime-')));
  const root = join(folder, 'project');
  await (await import('node:fs/promises')).mkdir(root);
  const model = await openAiServer();
  const { more, ...rest } = options;
  let settings: HarnessOptions = { ...rest, ...(more ? { bundled: [...bundledPlugins, ...more] } : {}) };
  let now = await parts(folder, model, settings);
  const project: Project = now.store.projects.open({ name: 'test', root, configPath: null });
  const sight = everyRun(project.id);
  const caller = (client = 'tester', signal = new AbortController().signal): Caller => ({ project, sight, client, signal });
  now.runtime.addModel(caller(), { alias: 'm', actual: 'test-model', provider: 'local' });
  await now.runtime.start();
  return {
    folder,
    root,
    project,
    sight,
    model,
    caller,
    get store() {
      return now.store;
    },
    get streams() {
      return now.streams;
    },
    get runtime() {
      return now.runtime;
    },
    get events() {
      return now.events;
    },
    get lines() {
      return now.lines;
    },
    /** The first event, past or to come, of that type whose payload has these members. */
    event: (type: string, match: Record<string, unknown> = {}) => eventOf(now, type, match),
    entry: (run: string, path: string) => now.runtime.entries.get(sight, run, path),
    /** Closes everything, does `between`, and opens it again, with what is `changed` of the options. */
    restart: async (
      between: () => void | Promise<void> = () => {},
      before: () => void | Promise<void> = () => {},
      changed: Partial<RuntimeOptions> = {},
    ) => {
      await now.close();
      await between();
      settings = { ...settings, ...changed };
      now = await parts(folder, model, settings);
      await before();
      await now.runtime.start();
    },
    close: async () => {
      const live = now.streams.list({ sight, state: 'live' });
      for (const { producer } of live)
        now.streams.cancel(producer.runId, producer.path, { by: 'test', reason: 'the test is over', graceMs: 0 });
      while (now.streams.list({ sight, state: 'live' }).length > 0) await new Promise((resolve) => setImmediate(resolve));
      await now.close();
      await model.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export type RuntimeHarness = Awaited<ReturnType<typeof runtimeHarness>>;

function eventOf(
  now: { events: EventRecord[]; watchers: Set<() => void> },
  type: string,
  match: Record<string, unknown>,
): Promise<EventRecord> {
  return new Promise((resolve) => {
    const look = () => {
      const found = now.events.find(
        (event) => event.type === type && Object.entries(match).every(([key, value]) => event.payload[key] === value),
      );
      if (!found) return;
      now.watchers.delete(look);
      resolve(found);
    };
    now.watchers.add(look);
    look();
  });
}
