import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, linkSync, mkdirSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Caller } from './caller.mjs';
import { attacked } from './target.mjs';

/** Connections that call. */
const CALLERS = 6;
/** Calls after which what goes on by itself is ended. */
const SWEEP = 200;

/** Files that the server reads by itself, that calls name, or both. */
const NAMES = [
  'x',
  'dir',
  'dir/x',
  'dir/sub/x',
  '.git',
  '.git/config',
  '.git/HEAD',
  '.gitignore',
  'dir/.git',
  'dir/.gitignore',
  'AGENTS.md',
  'package.json',
  'node_modules/.bin/ls',
  '.env',
  '.headgate',
  '.headgate/skills',
  '.headgate/skills/s',
  '.headgate/skills/s/SKILL.md',
  '.headgate/skills/t.md',
  '.headgate/personas',
  '.headgate/personas/p.md',
  'scenario.yaml',
  'a'.repeat(255),
  'é'.repeat(127),
  'e\u0301',
  'line\nend\r',
  ' ',
  '-rf',
  '*',
  '\u202etxt.exe',
];
/** Names that a worker swaps, back and forth, for links that lead outside. */
const SWAPPED = ['swap', 'swapped/x', 'swapped'];
const SWAPPER = `
  const fs = require('node:fs');
  const { workerData } = require('node:worker_threads');
  const attempt = (work) => { try { work(); } catch {} };
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) for (const { at, target } of workerData) {
    attempt(() => fs.renameSync(at, at + '.real')); attempt(() => fs.symlinkSync(target, at)); Atomics.wait(pause, 0, 0, 1);
    attempt(() => fs.unlinkSync(at)); attempt(() => fs.rmSync(at, { recursive: true, force: true })); attempt(() => fs.renameSync(at + '.real', at));
    Atomics.wait(pause, 0, 0, 1);
  }`;

const text = '---\nname: s\ndescription: x\n---\none\ntwo\n[core]\n\tfsmonitor = /nowhere\n';
/** What may stand under a name. */
const SHAPES = {
  text: ({ at }) => writeFileSync(at, text),
  empty: ({ at }) => writeFileSync(at, ''),
  binary: ({ at }) => writeFileSync(at, Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 31) % 256))),
  longLine: ({ at }) => writeFileSync(at, 'x'.repeat(5_000_000)),
  manyLines: ({ at }) => writeFileSync(at, '*\n'.repeat(200_000)),
  deepYaml: ({ at }) => writeFileSync(at, `steps: ${'['.repeat(20_000)}`),
  manyAliases: ({ at }) =>
    writeFileSync(
      at,
      `a0: &a0 [x, x]\n${Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`).join('')}steps: *a30\n`,
    ),
  calls: ({ at, random }) => writeFileSync(at, JSON.stringify({ steps: [{ calls: toolCalls(random) }, { say: 'Done.' }] })),
  sparse: ({ at }) => {
    writeFileSync(at, '');
    truncateSync(at, 3 * 2 ** 30);
  },
  closed: ({ at }) => {
    writeFileSync(at, text);
    chmodSync(at, 0);
  },
  pipe: ({ at }) => spawnSync('mkfifo', ['--', at]),
  socket: ({ at, sockets }) =>
    at.length < 100 &&
    sockets.push(
      createServer()
        .on('error', () => {})
        .listen(at),
    ),
  folder: ({ at }) => mkdirSync(at),
  closedFolder: ({ at }) => mkdirSync(at, { mode: 0 }),
  deepFolder: ({ at }) => mkdirSync(join(at, 'd/'.repeat(150)), { recursive: true }),
  oddNames: ({ at }) => {
    mkdirSync(at);
    for (const name of [[0xff, 0xfe], [0x0a], [0xed, 0xa0, 0x80], [0xc3, 0x28, 0x1b, 0x5b]])
      writeFileSync(Buffer.concat([Buffer.from(`${at}/`), Buffer.from(name)]), text);
  },
  manyFiles: ({ at }) => {
    mkdirSync(at);
    for (let name = 0; name < 300; name++) writeFileSync(join(at, String(name)), '');
  },
  gitFile: ({ at, outside }) => writeFileSync(at, `gitdir: ${outside}\n`),
  loop: ({ at }) => symlinkSync(at, at),
  ring: ({ at, project }) => symlinkSync(project, at),
  nowhere: ({ at }) => symlinkSync('nowhere', at),
  inside: ({ at, project }) => symlinkSync(join(project, 'dir/x'), at),
  outsideFile: ({ at, outside }) => symlinkSync(join(outside, 'canary.txt'), at),
  outsideFolder: ({ at, outside }) => symlinkSync(outside, at),
  outsideNew: ({ at, outside }) => symlinkSync(join(outside, 'new'), at),
  zeros: ({ at }) => symlinkSync('/dev/zero', at),
  memory: ({ at }) => symlinkSync('/proc/self/mem', at),
  hard: ({ at, project }) => linkSync(join(project, 'dir/x'), at),
};

/** Uses the files of a project while they are what no project has, and while some of them become links that lead outside. */
export async function fuzz(limits) {
  const { random } = limits;
  const tally = { shapes: 0, results: 0 };
  let calls = 0;
  const { findings, told } = await attacked(limits, async (target) => {
    const place = { project: target.folder('project'), outside: target.folder('outside'), sockets: [] };
    const swapper = swapping(place);
    try {
      await Promise.all(Array.from({ length: CALLERS }, (_, at) => call(target, random.fork(`caller ${at}`), tally, place)));
    } finally {
      await swapper.terminate();
      for (const socket of place.sockets) socket.close();
    }
    calls = target.count;
  });
  return { findings, told: `${calls} calls, ${tally.results} results, ${tally.shapes} hostile files; ${told}` };
}

function swapping({ project, outside }) {
  mkdirSync(join(project, 'swapped'));
  for (const name of ['swap', 'swapped/x']) writeFileSync(join(project, name), text);
  const [file, folder] = [join(outside, 'canary.txt'), outside];
  const workerData = [
    { at: join(project, 'swap'), target: file },
    { at: join(project, 'swapped'), target: folder },
  ];
  return new Worker(SWAPPER, { eval: true, workerData });
}

async function call(target, random, tally, place) {
  const caller = new Caller(target, 'admin');
  await caller.connect();
  await caller.send('init', { name: 'fuzz', projectRoot: place.project });
  const { result } = await caller.send('startRun', { model: 'scripted' });
  for (let at = 1; target.more() && caller.open; at++) {
    if (random.chance(0.2) && reshape(random, place)) tally.shapes += 1;
    const [method, params] = drawCall(random, result.run);
    target.count += 1;
    const response = await caller.send(method, params);
    if (response && 'result' in response) tally.results += 1;
    // A rule that keeps everything away would leave nothing to try.
    if (method === 'store' && params.path.includes('*')) await caller.send('store', { path: params.path, clear: true });
    if (at % SWEEP === 0) await caller.send('stream/cancelAll', { grace_ms: 0 });
  }
  caller.close();
}

/** Puts something else under a name, unless its folder is outside of the project by now. */
function reshape(random, place) {
  const at = join(place.project, random.pick(NAMES));
  const make = SHAPES[random.pick(Object.keys(SHAPES))];
  let there = dirname(at);
  while (!existsSync(there)) there = dirname(there);
  if (relative(realpathSync(place.project), realpathSync(there)).startsWith('..')) return false;
  try {
    mkdirSync(dirname(at), { recursive: true });
    rmSync(at, { recursive: true, force: true });
    make({ ...place, at, random });
    return true;
  } catch {
    // Something stands in the way; another name will do.
    return false;
  }
}

const pathOf = (random) => `file://${random.chance(0.25) ? random.pick(SWAPPED) : random.pick(NAMES)}`;
const anyPath = (random) => `${pathOf(random)}${random.weighted({ '': 8, '/': 1, '/**': 1, '/new/x': 1 })}`;

function drawCall(random, run) {
  const path = anyPath(random);
  const name = path.slice('file://'.length);
  const quoted = `'${name.replaceAll("'", '')}'`;
  switch (random.weighted({ get: 20, set: 12, rm: 2, mv: 6, cp: 6, store: 3, check: 16, guides: 8, context: 6, act: 3, sh: 2 })) {
    case 'get':
      return ['get', { run, path, ...random.pick([{}, { line: -5 }, { line: 2, limit: 3 }, { limit: 100_000 }]) }];
    case 'set':
      return ['set', { run, path, body: random.pick(['', text, 'x'.repeat(100_000)]) }];
    case 'rm':
      return ['rm', { run, path }];
    case 'mv':
      return ['mv', { run, path, to: random.chance(0.8) ? anyPath(random) : 'known://moved' }];
    case 'cp':
      return [
        'cp',
        { run, path: random.chance(0.9) ? path : 'known://moved', to: random.chance(0.8) ? anyPath(random) : 'known://copied' },
      ];
    case 'store':
      return [
        'store',
        { path: random.pick([name, '*', 'dir/**']), ...random.pick([{ ignore: true }, { persist: true }, { clear: true }]) },
      ];
    case 'check': {
      const command = random.pick([
        'git status',
        'git diff',
        'git log',
        `cat ${quoted}`,
        `ls ${quoted}`,
        `grep -r x ${quoted}`,
        `cd ${quoted} && git status`,
        `env < ${quoted}`,
      ]);
      return [
        'policy/check',
        random.chance(0.5) ? { tool: 'env', command } : { tool: random.pick(['get', 'set', 'rm']), subjects: [path] },
      ];
    }
    case 'guides':
      return random.pick([
        ['listSkills', {}],
        ['listPersonas', {}],
        ['getSkills', { run }],
        ['skill/add', { run, name: random.pick(['s', 't']) }],
        ['skill/remove', { run, name: random.pick(['s', 't']) }],
        ['persona/set', { run, name: 'p' }],
      ]);
    case 'context':
      return random.pick([
        ['getEntries', { run, body: true, limit: 100 }],
        ['getEntries', { body: true, newest: true, limit: 50 }],
        ['getContext', { run, body: true }],
      ]);
    case 'act':
      return random.chance(0.3)
        ? [
            'addModel',
            { alias: 'files', actual: random.pick(['scenario.yaml', 'scenario.yaml', 'swap', name.slice(0, 500)]), provider: 'scripted' },
          ]
        : ['act', { model: random.pick(['files', 'scripted']), prompt: 'go', yolo: true }];
    default:
      return ['sh', { run, command: 'true', cwd: name }];
  }
}

/** What a model asks of the tools: changes of files, and what reads by itself. */
function toolCalls(random) {
  return Array.from({ length: random.int(1, 5) }, () => {
    const path = anyPath(random);
    const name = path.slice('file://'.length);
    return random.pick([
      { tool: 'get', input: { path } },
      { tool: 'set', input: { path, body: text } },
      { tool: 'cp', input: { path, to: anyPath(random) } },
      { tool: 'mv', input: { path, to: anyPath(random) } },
      { tool: 'rm', input: { path } },
      { tool: 'search', input: { pattern: 'one|canary', hidden: true, ignored: true } },
      { tool: 'tail', input: { path: name } },
      { tool: 'watch', input: { path: name } },
      { tool: 'skill', input: { name: 's', file: '../../../x' } },
    ]);
  });
}
