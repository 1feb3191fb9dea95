import type { Params } from '../built-server.ts';
import { type Step, waitsFor } from '../portal.ts';
import { writeFiles } from '../project.ts';
import type { Answer, Played } from './player.ts';

const accept: Answer = { action: 'accept' };
const reject: Answer = { action: 'reject', output: 'not today' };
const sh = (command: string, more: Params = {}) => ({ tool: 'sh', input: { command, ...more } });
const set = (path: string, more: Params) => ({ tool: 'set', input: { path: `file://${path}`, ...more } });
const done: Step = { say: 'Done.' };

/** Runs of every kind that a person may read: how an action ends, who ends it, and what comes between. The name is the alias. */
export const RUNS: Readonly<Record<string, Played>> = {
  looks: {
    steps: [
      {
        say: 'I look.',
        calls: [
          { tool: 'env', input: { command: 'echo seen' } },
          { tool: 'think', input: { text: 'hm' } },
        ],
      },
      done,
    ],
  },
  writes: { steps: [{ say: 'I write.', calls: [set('new.txt', { body: 'one\ntwo\n' })] }, done], answers: [accept] },
  edits: {
    steps: [{ calls: [set('edited.txt', { edits: [{ old: 'two', new: 'zwei' }] })] }, done],
    play: async (player) => {
      await writeFiles(player.live.root, { 'edited.txt': 'one\ntwo\nthree\n' });
      await player.go([accept]);
    },
  },
  'edit-rejected': { steps: [{ calls: [set('never.txt', { body: 'never\n' })] }, done], answers: [reject] },
  'edit-late': {
    steps: [{ calls: [set('late.txt', { edits: [{ old: 'two', new: 'zwei' }] })] }, done],
    play: async (player) => {
      await writeFiles(player.live.root, { 'late.txt': 'one\ntwo\n' });
      const loop = await player.prompt('go');
      const path = await player.proposal();
      await writeFiles(player.live.root, { 'late.txt': 'another\n' });
      await player.resolve(path).catch(() => {});
      await player.over(loop);
    },
  },
  files: {
    steps: [
      { calls: [{ tool: 'cp', input: { path: 'file://kept.txt', to: 'file://copied.txt' } }] },
      { calls: [{ tool: 'mv', input: { path: 'file://copied.txt', to: 'file://moved.txt' } }] },
      { calls: [{ tool: 'rm', input: { path: 'file://moved.txt' } }] },
      done,
    ],
    play: async (player) => {
      await writeFiles(player.live.root, { 'kept.txt': 'kept\n' });
      await player.go([accept, accept, accept]);
    },
  },
  exits: { steps: [{ calls: [sh('echo out; echo err >&2; exit 3')] }, { calls: [sh('true')] }, done], answers: [accept, accept] },
  signal: { steps: [{ calls: [sh('echo before; kill -9 $$')] }, done], answers: [accept] },
  'time-limit': { steps: [{ calls: [sh('echo begun; sleep 600', { timeout_ms: 1000 })] }, done], answers: [accept] },
  rejected: { steps: [{ say: 'I ask.', calls: [sh('rm -rf nothing')] }, { say: 'I see.' }], answers: [reject] },
  question: {
    steps: [{ calls: [{ tool: 'ask_user', input: { question: 'Which one?', options: ['left', 'right'] } }] }, done],
    answers: [{ action: 'accept', output: 'left' }],
  },
  'question-rejected': { steps: [{ calls: [{ tool: 'ask_user', input: { question: 'Shall I?' } }] }, done], answers: [reject] },
  several: {
    steps: [{ say: 'Three at once.', calls: [sh('echo one'), sh('echo two'), sh('echo three')] }, done],
    answers: [accept, accept, reject],
  },
  failed: {
    steps: [
      { calls: [{ tool: 'get', input: { path: 'file://missing.txt' } }] },
      { calls: [{ tool: 'no_such_tool', input: { text: 'x' } }] },
      { calls: [sh('true', { cwd: 'missing' })] },
      done,
    ],
    play: async (player) => {
      const loop = await player.prompt('go');
      // The last one may be proposed or refused at once.
      await Promise.race([player.over(loop), player.proposal().then((path) => player.resolve(path).catch(() => {}))]);
      await player.over(loop);
    },
  },
  'model-fails': { steps: [{ say: 'I begin.', calls: [{ tool: 'think', input: { text: 'x' } }] }, { fail: 'model_config' }] },
  aborted: {
    steps: [{ say: 'It will take long.', calls: [sh('echo begun; sleep 600', { yield_ms: 600_000 })] }, done],
    play: async (player) => {
      const loop = await player.prompt('go');
      const path = await player.proposal();
      await player.resolve(path);
      await player.written(path, 6);
      await player.client.call('run/abort', { run: player.run });
      await player.over(loop);
    },
  },
  'aborted-proposal': {
    steps: [{ calls: [sh('echo never')] }, done],
    play: async (player) => {
      const loop = await player.prompt('go');
      await player.proposal();
      await player.client.call('run/abort', { run: player.run });
      await player.over(loop);
    },
  },
  queued: {
    steps: [{ calls: [sh('echo queued')] }, done],
    play: async (player) => {
      const loops = [await player.prompt('go'), await player.prompt('go on'), await player.prompt('go further')];
      for (const loop of loops) {
        await player.resolve(await player.proposal());
        await player.over(loop);
      }
    },
  },
  update: {
    steps: [
      { say: '# A heading\n\n- one\n- `two`\n', calls: [{ tool: 'update', input: { text: 'Nearly *there*.' } }] },
      { say: 'Here is раypal, with a Cyrillic beginning.' },
    ],
  },
  'look-alike': {
    steps: [{ calls: [sh('echo \u202etxt.х; echo done⟨LF⟩')] }, { calls: [sh('echo a\necho b')] }, done],
    answers: [reject, accept],
  },
  injected: {
    steps: [{ say: 'First.', calls: [sh('echo first')] }, done],
    play: async (player) => {
      const loop = await player.prompt('go');
      const path = await player.proposal();
      await player.client.call('run/inject', { run: player.run, message: 'And be quick.' });
      await player.resolve(path);
      await player.over(loop);
    },
  },
  asked: {
    steps: [{ say: 'Looking.', calls: [{ tool: 'think', input: { text: 'x' } }] }, { say: 'It is 42.' }],
    play: (player) => player.go([], { mode: 'ask' }),
  },
  yolo: {
    steps: [{ calls: [sh('echo unasked'), set('unasked.txt', { body: 'x\n' })] }, done],
    play: (player) => player.go([], { yolo: true }),
  },
  cancelled: {
    play: async (player) => {
      const path = await player.sh('echo begun; sleep 600');
      await player.written(path, 6);
      await player.client.call('stream/cancel', { run: player.run, path, reason: 'enough', grace_ms: 100 });
      await player.ended(path);
    },
  },
  input: {
    play: async (player) => {
      const path = await player.sh('printf "name? "; read name; echo "hello $name"; cat; echo over', { stdin: true });
      await player.client.notice('stream/waiting', (one) => one['path'] === path);
      await player.client.call('stream/input', { run: player.run, path, chunk: 'Ada\n', encoding: 'utf8' });
      await player.written(path, 16);
      await player.client.call('stream/input', { run: player.run, path, chunk: '', encoding: 'utf8', eof: true });
      await player.ended(path);
    },
  },
  leftover: {
    play: async (player) => {
      const path = await player.sh('sleep 600 & echo left');
      await player.client.notice('stream/leftover', (one) => one['path'] === path && one['state'] === 'running');
      await player.client.call('stream/cancel', { run: player.run, path, grace_ms: 100 });
      await player.client.notice('stream/leftover', (one) => one['path'] === path && one['state'] !== 'running');
    },
  },
  'after-the-end': {
    play: async (player) => {
      const path = await player.sh(`(${waitsFor('after.go')}; echo late) & echo now`);
      await player.client.notice('stream/leftover', (one) => one['path'] === path && one['state'] === 'running');
      await player.release('after.go');
      await player.client.notice('stream/leftover', (one) => one['path'] === path && one['state'] !== 'running');
    },
  },
  long: { steps: [{ calls: [sh('seq 1 5000; seq 1 300 >&2')] }, done], answers: [accept] },
  colours: {
    play: async (player) => {
      await writeFiles(player.live.root, { 'show.sh': `printf '\\033[31mred\\033[0m\\n10%%\\r100%%\\nab\\bc\\n\\377\\000bad\\n'` });
      await player.ended(await player.sh('sh show.sh'));
    },
  },
  'killed-server': {
    steps: [{ say: 'Over a crash.', calls: [sh(`echo before; ${waitsFor('crash.go')}; echo after; exit 4`, { yield_ms: 600_000 })] }, done],
    play: async (player) => {
      const loop = await player.prompt('go');
      const path = await player.proposal();
      await player.resolve(path);
      await player.written(path, 7);
      await player.crash();
      await player.release('crash.go');
      await player.over(loop);
    },
  },
  'killed-while-proposed': {
    steps: [{ calls: [sh('echo answered later')] }, done],
    play: async (player) => {
      const loop = await player.prompt('go');
      const path = await player.proposal();
      await player.crash();
      await player.resolve(path);
      await player.over(loop);
    },
  },
  renamed: {
    steps: [{ calls: [sh('echo under one of two names')] }, done],
    play: async (player) => {
      await player.go([accept]);
      await player.client.call('run/rename', { run: player.run, name: 'renamed-since' });
      player.run = 'renamed-since';
      await player.go([accept]);
    },
  },
  forked: {
    steps: [{ say: 'For both.', calls: [sh('echo both')] }, done],
    play: async (player) => {
      await player.go([accept]);
      await player.client.call('run/fork', { run: player.run, name: 'fork' });
      player.run = 'fork';
      await player.subscribe();
    },
  },
};
