import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Caller } from './caller.mjs';
import { attacked } from './target.mjs';
import { paramsOf, toText } from './values.mjs';

/** Whose calls are made, one connection each: tokens of these scopes. */
const CALLERS = ['admin', 'admin', 'run', 'run', 'read', 'runner'];
/** Calls that one connection has under way. */
const UNDER_WAY = 6;
/** Calls after which it is made again. */
const CALLS = 300;
/** Runs and entries that calls are about, of those that answers named. */
const KNOWN = 200;

/** Calls every method with params that its schema takes, and with such as it should not, with a token of each scope. */
export async function fuzz(limits) {
  const { random } = limits;
  const tally = { answers: 0, results: 0, methods: new Set() };
  let calls = 0;
  const { findings, told } = await attacked(limits, async (target) => {
    const owner = await target.link();
    const { methods } = await owner.call('rpc.discover');
    owner.vanish();
    const known = acquainted(target);
    await Promise.all(CALLERS.map((scope, at) => call({ target, scope, methods, known, tally, random: random.fork(`caller ${at}`) })));
    calls = target.count;
  });
  const { answers, results } = tally;
  return { findings, told: `${calls} calls of ${tally.methods.size} methods, ${answers} answers, ${results} of them results; ${told}` };
}

/** What calls may name; the project has two files. */
function acquainted(target) {
  const [project, base] = [target.folder('project'), target.folder('')];
  mkdirSync(`${project}/sub`);
  for (const name of ['a.txt', 'sub/b.txt']) writeFileSync(`${project}/${name}`, 'one\ntwo\n');
  symlinkSync('loop', `${base}/loop`);
  const roots = [
    project,
    project,
    project,
    `${project}/sub`,
    `${project}/../project`,
    `${base}/nope`,
    `${base}/loop`,
    `${base}/loop/x`,
    `${project}/a.txt`,
  ];
  const odd = [
    '',
    ' ',
    '..',
    '\0',
    `${base}/\0`,
    `${base}/${'a'.repeat(256)}`,
    `${base}/${'é'.repeat(200)}`,
    `${base}/${'a/'.repeat(1900)}`,
    `${base}/\ud800`,
    '/dev/null',
    1,
    null,
    {},
  ];
  return { runs: [], places: [], roots: [...roots, ...odd] };
}

/** One connection after the other, of a token of one scope, with calls under way. */
async function call({ target, scope, methods, known, tally, random }) {
  const caller = new Caller(target, scope);
  while (target.more()) {
    await caller.connect();
    if (random.chance(0.9)) await caller.send('init', { name: 'fuzz', projectRoot: target.folder('project') });
    if (random.chance(0.9)) await caller.send('startRun', { model: 'scripted' });
    let left = CALLS;
    const one = async () => {
      while (target.more() && left-- > 0 && caller.open) {
        const method = random.pick(methods);
        const params = paramsOf({ random, known }, method);
        target.count += 1;
        const response = await caller.send(method.name, params, toText);
        if (response) tally.answers += 1;
        if (response && 'result' in response) {
          tally.results += 1;
          tally.methods.add(method.name);
          learn(known, random, response.result, params?.run);
        }
        const retryMs = response?.error?.data?.retry_after_ms;
        if (retryMs) await delay(Math.min(retryMs, 500));
      }
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, one));
    caller.close();
  }
}

/** Keeps the runs and places that an answer names. */
function learn(known, random, result, run) {
  const keep = (list, one) => (list.length < KNOWN ? list.push(one) : (list[random.int(0, KNOWN - 1)] = one));
  for (const one of Array.isArray(result) ? result.slice(0, 5) : [result]) {
    if (typeof one?.run === 'string') keep(known.runs, one.run);
    const of = one?.run ?? run;
    if (typeof one?.path === 'string' && typeof of === 'string') keep(known.places, { run: of, path: one.path });
  }
}
