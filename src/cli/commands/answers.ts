import { defined } from '../../core/defined.ts';
import { actionOf, type Runtime } from '../../rpc/client/index.ts';
import type { ResultOf } from '../../rpc/protocol/table.ts';
import { type ProjectsOptions, rowsOf } from '../all-projects.ts';
import type { Console } from '../console.ts';
import { CliError, describeError, usageError, wireError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type ListOptions, printJson, printListing, withSession } from '../listing.ts';
import { meant } from '../short-path.ts';
import { formatDuration, visibleLine } from '../text.ts';
import { theOnly } from '../the-only.ts';

/** Options of `headgate accept` and `headgate reject`. */
export interface AnswerOptions extends ListOptions {
  /** Every proposal of the run that waits. */
  readonly all?: boolean;
  readonly remember?: boolean;
  /** The answer to a question, or why it was rejected. */
  readonly text?: string;
}

type Action = 'accept' | 'reject';

/** `headgate proposals`: what waits for an answer, oldest first. */
export async function proposals(console: Console, run: string | undefined, options: ProjectsOptions): Promise<number> {
  const read = await rowsOf(console, options, (session) => session.look('getProposals', run === undefined ? {} : { run }));
  const rows = read.toSorted((a, b) => a.createdAt - b.createdAt);
  const now = Date.now();
  return await printListing(console, options, rows, {
    columns: [
      ...(options.allProjects ? [{ title: 'PROJECT', whole: true }] : []),
      { title: 'RUN', whole: true },
      { title: 'PATH', whole: true },
      { title: 'ACTION' },
      { title: 'WAITS', right: true },
      { title: 'PROPOSAL', whole: true },
    ],
    cells: rows.map((row) => [
      ...(row.project === undefined ? [] : [row.project]),
      row.run,
      row.path,
      row.action,
      formatDuration(Math.max(0, now - row.createdAt)),
      row.command ?? row.summary,
    ]),
    empty: 'nothing waits for an answer',
  });
}

/** `headgate accept` and `headgate reject`: answer one proposal, or all of a run; the first answer wins (SPEC {#cli_answer}). */
export async function answer(
  console: Console,
  action: Action,
  run: string,
  path: string | undefined,
  options: AnswerOptions,
): Promise<number> {
  if (options.all && path !== undefined) throw usageError('--all answers every proposal of the run; leave the path out');
  return await withSession(console, options, async (session) => {
    const paths = await chosen(session, action, run, path, options);
    const answers: ResultOf<'run/resolve'>[] = [];
    const failures: Error[] = [];
    for (const one of paths) {
      const resolution = {
        path: one,
        action,
        ...defined({ output: options.text }),
        ...(options.remember ? { remember: true } : {}),
      };
      try {
        const resolved = await session.call('run/resolve', { run, resolution });
        answers.push(resolved);
        if (!options.json) await console.out.write(`${sentence(action, resolved)}\n`);
      } catch (error) {
        failures.push(error as Error);
        // An error about one proposal, such as an answer of another client that came first, does not stop the others.
        if (!wireError(error)) break;
      }
    }
    if (options.json && (options.all || failures.length === 0)) await printJson(console, answers);
    const last = failures.pop();
    for (const error of failures) await console.err.write(describeError(error));
    if (last !== undefined) throw last;
    return EXIT.ok;
  });
}

async function chosen(
  session: Runtime,
  action: Action,
  run: string,
  path: string | undefined,
  { all, text }: AnswerOptions,
): Promise<string[]> {
  const waiting = await session.look('getProposals', { run });
  const paths = waiting.map((proposal) => proposal.path);
  const named = path === undefined ? undefined : meant(path, paths, { what: `proposal of ${run}`, listing: `headgate proposals ${run}` });
  const one = waiting.find((proposal) => proposal.path === named);
  if (named !== undefined && !one) return [named];
  // Another client may have been faster: the command line is right.
  const none = new CliError(`nothing of ${run} waits for an answer`, EXIT.refused, 'headgate proposals shows what waits elsewhere');
  const wanted = one
    ? [one.path]
    : all && waiting.length > 0
      ? waiting.map((proposal) => proposal.path)
      : [
          theOnly(
            waiting.map((proposal) => proposal.path),
            { none, many: `proposals of ${run} wait` },
            (name) => `headgate ${action} ${run} ${name}`,
          ),
        ];
  const question = waiting.find((proposal) => wanted.includes(proposal.path) && actionOf(proposal.attributes).question);
  if (action === 'accept' && question && text === undefined) {
    throw usageError(
      `${question.path} asks: ${visibleLine(question.summary)}`,
      `headgate accept ${run} ${question.path} --text "the answer"`,
    );
  }
  return wanted;
}

function sentence(action: Action, { run, path, channels, remembered }: ResultOf<'run/resolve'>): string {
  const rules = (remembered ?? []).map((rule) => `\n  remembered: ${action === 'accept' ? 'allow' : 'deny'} ${visibleLine(rule)}`);
  const see = channels && channels.length > 0 ? `; headgate output --live ${run} ${path} shows its output` : '';
  return `${action}ed ${path}${see}${rules.join('')}`;
}
