import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** A kind of tests, with its folder's name. `wire` and `e2e` drive the built command, which is built first when it is stale; the others run from the sources. */
function project(name: string, setupFiles: string[] = []) {
  return { extends: true as const, test: { name, include: [`test/${name}/**/*.test.ts`], setupFiles } };
}

/** For the kinds with property tests; loading fast-check takes a tenth of a second a file. */
const SEEDED = ['test/support/property-seed.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A condition may take long to hold on a loaded machine.
    expect: { poll: { timeout: 20_000 } },
    // Most tests wait for processes, so one processor bears two as well; more than eight would share one disk and one Docker.
    maxWorkers: Math.min(8, Math.max(2, availableParallelism())),
    projects: [project('unit', SEEDED), project('contract', SEEDED), project('spec'), project('wire'), project('e2e')],
  },
});
