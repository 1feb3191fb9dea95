import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { type Clock, systemClock } from '../../../../src/core/clock.ts';
import { type Logger, silentLogger } from '../../../../src/core/logger.ts';
import type { Store } from '../../../../src/model/ports/store.ts';
import { openStore } from '../../../../src/store/index.ts';
import type { Retention } from '../../../../src/store/retention.ts';

const FROM_SOURCES = new URL('../../../support/from-sources.mjs', import.meta.url).href;

/** A new folder that is removed after the test. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-store-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A store in a new folder, closed after the test. */
export async function tempStore(
  options: {
    checkpoint?: boolean;
    checkpointRestartMs?: number;
    file?: string;
    clock?: Clock;
    retention?: Partial<Retention>;
    logger?: Logger;
  } = {},
): Promise<{ store: Store; file: string }> {
  const file = options.file ?? join(tempFolder(), 'headgate.db');
  const { clock = systemClock, checkpoint = false, retention = {}, logger = silentLogger } = options;
  const store = await openStore({ ...options, file, clock, checkpoint, retention, logger });
  atEnd(() => store.close());
  return { store, file };
}

/** A channel of a new run, at 102. */
export function newChannel(store: Store): number {
  const project = store.projects.open({ name: 'p', root: '/p', configPath: null });
  const run = store.runs.create({ projectId: project.id, alias: 'r1', parentId: null, model: 'm', settings: {} });
  return store.entries.create({ runId: run.id, path: 'sh://turn_0/x_1', category: 'data', status: 102, turn: 0, writer: 'test' }).id;
}

/** Appends at the end of a channel, as one segment. */
export function append(store: Store, entryId: number, bytes: Buffer): void {
  const { bytes: offset, lines: line } = store.channels.head(entryId);
  const lines = bytes.filter((byte) => byte === 10).length;
  store.channels.append([{ entryId, offset, bytes, line, at: 1, lines }]);
}

/** A process that runs one of the programs beside this file; killed after the test when it still runs. */
export interface Program {
  readonly child: ChildProcess;
  /** The next line that it prints; throws with what it said on standard error when it ends instead. */
  line(): Promise<string>;
  /** kill -9, and until it is gone. */
  kill(): Promise<void>;
  /** Its exit code, once it has ended. */
  ended(): Promise<number | null>;
}

/** Starts a program of this folder, over the store's sources; `prefix` is shell text that sets the process up, such as a limit. */
export function start(name: string, args: readonly string[], prefix = ''): Program {
  const program = fileURLToPath(new URL(`./${name}`, import.meta.url));
  const command = `${prefix} exec "$@"`;
  const child = spawn('sh', ['-c', command, 'sh', process.execPath, '--import', FROM_SOURCES, program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  let wake = () => {};
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    wake();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const closed = once(child, 'close').then(() => wake());
  const ended = async () => {
    await closed;
    return child.exitCode;
  };
  const gone = () => child.exitCode !== null || child.signalCode !== null;
  const kill = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  atEnd(kill);
  const line = async (): Promise<string> => {
    for (;;) {
      const at = out.indexOf('\n');
      if (at >= 0) {
        const text = out.slice(0, at);
        out = out.slice(at + 1);
        return text;
      }
      if (gone()) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}: ${err}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { child, line, kill, ended };
}

const closers: (() => unknown)[] = [];

function atEnd(close: () => unknown): void {
  closers.push(close);
}

afterEach(async () => {
  for (let close = closers.pop(); close; close = closers.pop()) await close();
});
