import { Option } from 'commander';
import { client, examples, type Registry } from './registry.ts';

/** Tokens for others: token add, list, revoke. */
export function tokenCommands({ program, console, choose }: Registry): void {
  const token = program
    .command('token')
    .description('tokens for others: a machine that serves as a runner, a person who may look')
    .addHelpText(
      'after',
      examples(
        'headgate token add --scope runner --name build-1',
        'headgate token add --scope run --name ci --only app --expires 24h',
        'headgate token add --scope run --name nightly --own-runs',
        'headgate token list',
        'headgate token revoke build-1',
      ),
    );

  client(token.command('add'))
    .description('make a token and print it, this once; only its hash is kept')
    .addOption(new Option('--scope <scope>', 'what it allows').choices(['read', 'run', 'runner', 'admin']).makeOptionMandatory())
    .requiredOption('--name <name>', 'whom it is for')
    .option('--only <project...>', 'names of the projects that it is bound to (default: every one)')
    .option('--own-runs', 'bind it to the runs that are made with it, for scope run: those of others are as if they were not there')
    .option('--expires <duration>', 'how long it is taken: 30m, 24h, 7d (default: until it is revoked)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate token add --scope runner --name build-1 > build-1.token'))
    .action(({ scope, name, only: projects, ownRuns, expires, ...options }) =>
      choose(async () => (await import('../commands/token.ts')).add(console, { scope, name, projects, ownRuns, expires }, options)),
    );

  client(token.command('list'))
    .description('list the tokens that were made: name, scope, age, bounds')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate token list --json'))
    .action((options) => choose(async () => (await import('../commands/token.ts')).list(console, options)));

  client(token.command('revoke'))
    .description('take a token back; every connection that came with it ends')
    .argument('<name>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate token revoke build-1'))
    .action((name, options) => choose(async () => (await import('../commands/token.ts')).revoke(console, name, options)));
}
