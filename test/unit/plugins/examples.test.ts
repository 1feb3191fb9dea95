import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFiles } from '../../support/project.ts';
import { type RuntimeHarness, runtimeHarness } from '../runtime/harness.ts';
import { bundledTools, examplesOf } from './bundled-tools.ts';

/** The files that the examples name. */
const FILES = {
  'src/main.ts': 'const port = 80;\n',
  'src/old.ts': 'old\n',
  'src/util.ts': 'util\n',
  'config.example.json': '{}\n',
  'packages/core/package.json': JSON.stringify({ name: 'core', scripts: { test: 'echo all passed' } }),
  'package.json': JSON.stringify({ name: 'all', scripts: { dev: 'echo "listening on *:3000"; sleep 300' } }),
  'logs/dev.log': 'begun\n',
  '.headgate/skills/release-notes/SKILL.md': '---\ndescription: Write release notes\n---\nOne line for each change.\n',
  '.headgate/skills/release-notes/template.md': '## Changes\n',
  '.git/HEAD': 'ref: refs/heads/main\n',
  '.git/config': '[core]\n',
  '.git/objects/.keep': '',
  '.git/refs/.keep': '',
};
/** Commands of the first turn, which the examples of a tool are about. */
const COMMANDS: Readonly<Record<string, readonly object[]>> = {
  sh: [],
  wait: [{ command: 'npm run dev', yield_ms: 0 }],
  signal: [{ command: 'npm run dev', yield_ms: 0 }],
  cancel: [{ command: 'npm run dev', yield_ms: 0 }],
  input: [
    { command: 'npm init', stdin: true, yield_ms: 0 },
    { command: './menu', stdin: true, yield_ms: 0 },
  ],
};
const NPM_TEST = [{ command: 'npm test', cwd: 'packages/core' }];
/** They go on until somebody ends them. */
const ENDLESS = new Set(['tail', 'watch']);
/** The entries that they name. */
const ENTRIES = { 'known://notes/draft': 'draft', 'known://notes/plan': 'plan' };

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
  await writeFiles(h.root, FILES);
  await writeFile(join(h.root, 'menu'), '#!/bin/sh\nread one && read other\n', { mode: 0o755 });
  h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
  for (const [path, body] of Object.entries(ENTRIES)) h.runtime.entries.set(h.caller(), 'r', { path, body });
});
afterEach(() => h.close());

/** One call of the model, accepted where it proposes. */
async function called(name: string, input: object) {
  return await calledAll(name, [input]);
}

/** Calls of one answer, accepted where they propose; returns the log entry of the first. */
async function calledAll(name: string, inputs: readonly object[]) {
  const turn = h.runtime.runInfo(h.sight, 'r').turn + 1;
  const calls = inputs.map((input) => ({ name, args: JSON.stringify(input) }));
  h.model.answer({ kind: 'say', calls }, { kind: 'say', text: 'ok' });
  await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', run: 'r', wait: false });
  const loops = h.runtime.runInfo(h.sight, 'r').loops.length;
  const path = h.event('run/progress', { run: 'r', turn, phase: 'dispatching' }).then(() => actionOf(turn));
  const over = h.event('run/state', { run: 'r', loop: loops, status: 200 });
  void acceptAll(turn, over);
  await over;
  return h.entry('r', await path);
}

/** Accepts what is proposed until the loop is over. */
async function acceptAll(turn: number, over: Promise<unknown>): Promise<void> {
  let going = true;
  void over.finally(() => (going = false)).catch(() => {});
  while (going) {
    for (const { path, action } of (await h.runtime.proposals(h.sight, 'r')).filter((one) => one.turn === turn)) {
      h.runtime.resolve(h.caller(), 'r', { path, action: 'accept', ...(action === 'ask_user' ? { output: 'staging' } : {}) });
    }
    await new Promise((done) => setImmediate(done));
  }
}

async function actionOf(turn: number): Promise<string> {
  const found = await h.runtime.entries.list(h.sight, { run: 'r', pattern: `log://turn_${turn}/**` });
  return found.find(({ attributes }) => attributes['call_id'] !== undefined)!.path;
}

describe('{#tool_examples} the examples of a tool', () => {
  it.each(bundledTools())('$name end at 200 when they are called', async ({ name, definition }) => {
    // The output that several examples read is that of a command in the first turn.
    const before = COMMANDS[name] ?? NPM_TEST;
    if (before.length > 0) await calledAll('sh', before);
    const server = name === 'fetch' ? await pageServer() : undefined;
    const examples = examplesOf(definition);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      // A server of this test stands for those that the examples name.
      const input = server ? { ...example, url: new URL(new URL(String(example['url'])).pathname, server.url).href } : example;
      const entry = await called(name, input);
      expect({ example, status: entry.status, body: entry.body }).toMatchObject({ status: ENDLESS.has(name) ? 102 : 200 });
      for (const path of [example['path'], example['to']])
        if (name === 'set' && typeof path === 'string' && path.startsWith('file://')) {
          expect(existsSync(join(h.root, path.slice(7)))).toBe(true);
        }
    }
    await server?.close();
  });
});

async function pageServer(): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((_, response) => response.end('a page'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((done) => void server.close(() => done())),
  };
}
