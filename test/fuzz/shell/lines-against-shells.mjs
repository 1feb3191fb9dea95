import { shellLine } from './lines.mjs';
import { SHELLS, World } from './world.mjs';

/** Findings after which it ends. */
const ENOUGH = 10;
/** What prints in another way each time, or in an order of its own. */
const RESTLESS = /&(?!&)|\btime\b|\bdu\b|\bstat\b|\bls\b.*-\w*[lsi]|\$\$|-ls\b/;

/**
 * Draws lines while `more` says so, judges each as the tool that looks and as one with a rule, and runs what is allowed unasked: the line that is run may
 * change nothing, run no canary and show no secret under any shell, and prints and ends as the text that it was read from.
 */
export async function fuzzShell({ random, judge, readRule, more }) {
  const world = new World();
  const rules = [readRule({ decision: 'allow', text: 'sh(tool *)' }, 'config')];
  const findings = [];
  let lines = 0;
  let allowed = 0;
  try {
    while (findings.length < ENOUGH && more(lines)) {
      const looks = random.int(1, 4) > 1;
      const command = looks ? shellLine(random) : `tool x${random.int(0, 1) ? '; ' : ' && '}${shellLine(random)}`;
      lines += 1;
      const one = { kind: 'shell', tool: looks ? 'env' : 'sh', command, root: world.root, cwd: world.root, doubts: [], looks };
      const { decision, runs } = await judge(one, looks ? [] : rules);
      if (decision !== 'allow') continue;
      allowed += 1;
      const why = problem(world, command, runs.line);
      if (why) findings.push({ ...why, command, runs: runs.line, tool: one.tool });
    }
  } finally {
    world.close();
  }
  return { findings, lines, allowed };
}

function problem(world, text, line) {
  for (const shell of SHELLS) {
    for (const tools of ['gnu', 'busybox']) {
      const { harm, outcome } = world.run(line, shell, tools);
      if (harm) return { harm, shell, tools };
      if (tools !== 'gnu' || RESTLESS.test(text)) continue;
      const asWritten = world.run(text, shell, tools);
      if (asWritten.harm || asWritten.outcome !== outcome)
        return { harm: asWritten.harm ?? 'what is run is not what was written', shell, tools, ran: outcome, written: asWritten.outcome };
    }
  }
  return undefined;
}
