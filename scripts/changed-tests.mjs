#!/usr/bin/env node
/**
 * `npm run t [-- FILE...]`: the unit tests that belong to the files that differ from HEAD, or to the named ones, nearest first and without a build, until
 * the time is over. Says what was left out and how to run it.
 */
import { spawnSync } from 'node:child_process';
import { relative, resolve } from 'node:path';
import { BaseSequencer, createVitest } from 'vitest/node';
import { belongingTests } from './lib/belonging-tests.mjs';
import { filesUnder } from './lib/files-under.mjs';
import { ROOT } from './lib/root.mjs';

/** The rest of half a minute is for starting, and for the tests that run when it is over. */
const SECONDS = 20;
const AREAS = ['src', 'web', 'migrations', 'test', 'scripts', 'bench'];

const named = process.argv.slice(2).map((file) => relative(ROOT, resolve(file)));
const changed =
  named.length > 0 ? named : [...git('diff', '--name-only', '-z', 'HEAD'), ...git('ls-files', '--others', '--exclude-standard', '-z')];
const { tests, farther } = belongingTests(
  AREAS.flatMap((area) => filesUnder(ROOT, area, /\.(?:ts|mjs)$/)),
  changed,
);
if (tests.size === 0) console.log(`no unit test belongs to ${changed.join(', ') || 'a change: there is none'}`);
else await run();
if (farther.length > 0)
  console.log(`left out: ${farther.length} unit tests that import it in more than two steps; npx vitest run --project unit`);

function git(...args) {
  return spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' }).stdout.split('\0').filter(Boolean);
}

async function run() {
  const rank = (spec) => tests.get(relative(ROOT, spec.moduleId));
  class NearestFirst extends BaseSequencer {
    /** Among equals the quick ones first, as far as an earlier run has told. */
    sort(specs) {
      const took = (spec) => this.ctx.cache.getFileTestResults(`unit:${relative(ROOT, spec.moduleId)}`)?.duration ?? 0;
      return specs.toSorted((a, b) => rank(a) - rank(b) || took(a) - took(b));
    }
  }
  const vitest = await createVitest('test', { root: ROOT, project: ['unit'], watch: false, sequence: { sequencer: NearestFirst } });
  const timer = setTimeout(() => void vitest.cancelCurrentRun('keyboard-input'), SECONDS * 1000);
  const { testModules } = await vitest.start([...tests.keys()]);
  clearTimeout(timer);
  const finished = new Set(testModules.filter(ranWhole).map((module) => module.relativeModuleId));
  const late = [...tests.keys()].filter((name) => !finished.has(name));
  if (late.length > 0) console.log(`not finished within ${SECONDS} s: npx vitest run --project unit ${late.join(' ')}`);
  await vitest.close();
}

/** Whether each of its tests ran that is not skipped by itself. */
function ranWhole(module) {
  if (!['passed', 'failed'].includes(module.state())) return false;
  return [...module.children.allTests()].every(
    (test) => test.options.mode === 'skip' || ['passed', 'failed'].includes(test.result().state),
  );
}
