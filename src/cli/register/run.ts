import { defined } from '../../core/defined.ts';
import { parseWhole } from '../parse.ts';
import { client, examples, type Registry } from './registry.ts';

/** Runs of agents: asking, listing, answering and changing them. */
export function runCommands({ program, console, choose }: Registry): void {
  for (const mode of ['act', 'ask'] as const) {
    client(program.command(mode))
      .description(
        mode === 'act'
          ? 'give an agent something to do, and watch and answer it'
          : 'ask an agent something; it may look but change nothing',
      )
      .argument('[prompt]', 'what to do, or - to read it from standard input')
      .option('--prompt-file <file>', 'read it from a file')
      .option('--model <alias>', 'model of the run (HEADGATE_MODEL; else the only one that was added, else scripted)')
      .option('--run <alias>', 'go on with this run; made when it does not exist')
      .option('--persona <text>', 'who the model shall be')
      .option('--agent <name>', 'an agent of others that drives the run; headgate agents lists them')
      .option('--yolo', 'let the server accept every proposal that no rule denies')
      .option('--yes', 'accept every proposal from here')
      .option('--json', 'print the result as JSON at the end')
      .addHelpText(
        'after',
        examples(`headgate ${mode} "what is in this folder?"`, `headgate ${mode} --yes --model scripted "look around" > answer.txt`),
      )
      .action((prompt, options) => choose(async () => (await import('../commands/prompt.ts')).prompt(console, mode, prompt, options)));
  }

  client(program.command('runs'))
    .description('list the runs of the project, newest first')
    .option('--limit <n>', 'rows at most', parseWhole(1, 1000), 50)
    .option('--all-projects', 'of every project of the server')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate runs', 'headgate runs --json --limit 1'))
    .action((options) => choose(async () => (await import('../commands/listings.ts')).runs(console, options)));

  client(program.command('context'))
    .description('show what the model was sent in a turn: every message, and which bytes of which entry it quotes')
    .argument('<run>')
    .option('--turn <n>', 'default: the last', parseWhole(1, 999_999_999))
    .option('--text', 'with the texts that are no quotations')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate context demo-1', 'headgate context demo-1 --turn 2 --text'))
    .action((run, options) => choose(async () => (await import('../commands/context.ts')).context(console, run, options)));

  client(program.command('proposals'))
    .description('list what waits for an answer')
    .argument('[run]', 'only those of this run')
    .option('--all-projects', 'of every project of the server')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate proposals', 'headgate proposals demo-1 --json'))
    .action((run, options) => choose(async () => (await import('../commands/answers.ts')).proposals(console, run, options)));

  for (const action of ['accept', 'reject'] as const) {
    const command = client(program.command(action))
      .description(action === 'accept' ? 'accept a proposal, or answer a question' : 'reject a proposal; the model is told why')
      .argument('<run>')
      .argument('[path]', 'the log entry; not needed when only one proposal of the run waits')
      .option('--all', 'every proposal of the run that waits now')
      .option('--remember', 'and decide so from now on, by the rules that the proposal shows');
    if (action === 'accept') command.option('--text <text>', 'the answer to a question; of a command: its output, which then is not run');
    else command.option('--reason <text>', 'why, for the model');
    command
      .option('--json', 'print the results as JSON')
      .addHelpText(
        'after',
        examples(
          `headgate ${action} demo-1`,
          `headgate ${action} demo-1 log://turn_1/sh/make-test --remember`,
          `headgate ${action} demo-1 --all`,
        ),
      )
      .action((run, path, { reason, ...options }) =>
        choose(async () =>
          (await import('../commands/answers.ts')).answer(console, action, run, path, {
            ...options,
            ...defined({ text: reason }),
          }),
        ),
      );
  }

  client(program.command('abort'))
    .description('end the loops of a run, with the commands that they wait for')
    .argument('<run>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate abort demo-1'))
    .action((run, options) => choose(async () => (await import('../commands/end.ts')).abort(console, run, options)));

  client(program.command('rename'))
    .description('give a run another name, while nothing of it runs')
    .argument('<run>')
    .argument('<name>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate rename demo-1 login-fix'))
    .action((run, name, options) => choose(async () => (await import('../commands/changes.ts')).rename(console, run, name, options)));

  client(program.command('fork'))
    .description('copy a run up to its present state into a new one, and print its name')
    .argument('<run>')
    .argument('[name]', 'of the copy (default: the server makes one up)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate fork login-fix', 'headgate fork login-fix login-fix-2'))
    .action((run, name, options) => choose(async () => (await import('../commands/changes.ts')).fork(console, run, name, options)));

  client(program.command('rm'))
    .description('delete a run with all that it holds, while nothing of it runs')
    .argument('<run>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate rm login-fix-2'))
    .action((run, options) => choose(async () => (await import('../commands/changes.ts')).remove(console, run, options)));

  client(program.command('skills'))
    .description('list the skills that there are, or those of a run')
    .argument('[run]')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate skills', 'headgate skills demo-1 --json'))
    .action((run, options) => choose(async () => (await import('../commands/listings.ts')).skills(console, run, options)));
}
