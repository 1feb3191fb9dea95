import { Argument } from 'commander';
import { parseWhole } from '../parse.ts';
import { client, examples, type Registry } from './registry.ts';

/** Rules: policy list, add, remove, check. */
export function policyCommands({ program, console, choose }: Registry): void {
  const policy = program
    .command('policy')
    .description('rules on what is allowed, asked and denied without a person')
    .addHelpText(
      'after',
      examples(`headgate policy add allow 'sh(npm test *)'`, `headgate policy check 'git push'`, 'headgate policy list'),
    );

  client(policy.command('list'))
    .description('list the rules of the configuration and of the project')
    .option('--removed', 'also those that were taken back')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate policy list --removed'))
    .action((options) => choose(async () => (await import('../commands/policy.ts')).list(console, options)));

  client(policy.command('add'))
    .description('add a rule to the project')
    .addArgument(new Argument('<decision>', 'what it decides').choices(['allow', 'ask', 'deny']))
    .argument('<rule>', 'tool(pattern)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(`headgate policy add allow 'sh(git status *)'`, `headgate policy add deny 'set(file://.github/**)'`))
    .action((decision, rule, options) =>
      choose(async () => (await import('../commands/policy.ts')).add(console, { decision, rule }, options)),
    );

  client(policy.command('remove'))
    .description('take a rule of the project back; it stays on record')
    .argument('<id>', 'its number in the list', parseWhole(1, Number.MAX_SAFE_INTEGER))
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate policy remove 3'))
    .action((id, options) => choose(async () => (await import('../commands/policy.ts')).remove(console, id, options)));

  client(policy.command('check'))
    .description('say what would become of a command that a model proposes, and why; it runs nothing')
    .argument('<command>', 'a shell command line; for other tools than sh and env the file://path, URL or text that it is about')
    .option('--tool <name>', 'the tool that proposes it', 'sh')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(`headgate policy check 'git status && git push'`, `headgate policy check --tool env 'cat .env'`))
    .action((command, options) => choose(async () => (await import('../commands/policy.ts')).check(console, command, options)));
}
