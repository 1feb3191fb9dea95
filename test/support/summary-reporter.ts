import type { Reporter, SerializedError, TestModule, TestSuite } from 'vitest/node';

/** Ends a run with the names of the suites that were skipped and one line of totals. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const totals = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) totals[test.result().state] += 1;
      if (module.state() === 'failed' && !anyFailed(module)) totals.failed += 1;
      for (const suite of module.children.allSuites())
        if (isSkipped(suite) && !hasSkippedParent(suite)) skipped.push(`${module.relativeModuleId} > ${suite.fullName}`);
    }
    if (skipped.length > 0) process.stdout.write(`\nSkipped suites:\n${skipped.map((name) => `  ${name}\n`).join('')}`);
    process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped + totals.pending} skipped\n`);
  }
}

/** A module can fail without a failed test: it did not load, or a hook threw. */
function anyFailed(module: TestModule): boolean {
  return [...module.children.allTests('failed')].length > 0;
}

function isSkipped(suite: TestSuite): boolean {
  return suite.options.mode === 'skip';
}

function hasSkippedParent(suite: TestSuite): boolean {
  return suite.parent.type === 'suite' && isSkipped(suite.parent);
}
