import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { prepare } from '../../scripts/prepare.mjs';
import { markedProcesses } from './marked-processes.ts';

/** Every process that a test starts inherits this variable, however deep and however detached. */
const MARK = 'HEADGATE_TEST_RUN';
/** These run from the sources, as the run itself ('') does; the others drive the built command. */
const FROM_SOURCES = new Set(['', 'unit', 'contract', 'spec']);
/** What a process that has been told to end may take to be gone. */
const PATIENCE_MS = 5000;

/** vitest calls this once a project, each time as a new module, so what the calls share hangs on the process. */
const shared = (() => {
  const slot = Symbol.for('headgate.test-run');
  const holder = globalThis as { [slot]?: { users: number; installed?: Promise<unknown>; built?: Promise<unknown> } };
  return (holder[slot] ??= { users: 0 });
})();

/**
 * Installs packages where they are stale, builds for a project that needs it, and marks the run. At the end, after the last project, a process that still carries the mark fails
 * the run, is named with its command line, and is ended.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.users += 1;
  process.env[MARK] ??= randomUUID();
  await (shared.installed ??= prepare({ build: false }));
  if (!FROM_SOURCES.has(project.name)) await (shared.built ??= prepare());
  return async () => {
    shared.users -= 1;
    if (shared.users === 0) await refuseSurvivors(`${MARK}=${process.env[MARK]}`);
  };
}

async function refuseSurvivors(entry: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  let survivors = markedProcesses(entry);
  while (survivors.length > 0 && Date.now() < deadline) {
    await delay(100);
    survivors = markedProcesses(entry);
  }
  if (survivors.length === 0) return;
  for (const { pid } of survivors) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended by itself; it is a survivor all the same.
    }
  }
  process.exitCode = 1;
  throw new Error(`processes that tests started outlived them:\n${survivors.map(({ pid, command }) => `  ${pid} ${command}`).join('\n')}`);
}
