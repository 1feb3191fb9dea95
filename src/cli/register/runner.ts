import { Option } from 'commander';
import { LOG_LEVELS } from '../host.ts';
import { parseList, parseWhole } from '../parse.ts';
import { CA, CERT, client, examples, KEY, type Registry } from './registry.ts';

/** Runners: runner, runner drain, runner forget, runners. */
export function runnerCommands({ program, console, host, choose }: Registry): void {
  const runner = program
    .command('runner')
    .description('run commands for a server, in a process of its own; what runs survives the server, this process and both')
    .option('--connect <url>', 'server: ws://host:port/rpc, wss:// or unix:/path of its socket (HEADGATE_URL)')
    .option('--token <token>', 'its token (HEADGATE_TOKEN)')
    .option('--ca <file>', CA)
    .option('--cert <file>', CERT)
    .option('--key <file>', KEY)
    .option('--name <name>', 'name of the runner (default: the name of this host)')
    .option('--labels <a,b>', 'what commands can ask for beside its name', parseList, [])
    .option('--for <a,b>', "runs whose commands it takes, for example 'ci-*' (default: every run's)", parseList, [])
    .option('--capacity <n>', 'commands at a time', parseWhole(1, 10_000), 100)
    .option('--data <dir>', 'folder of its state and output (default: runners/NAME in the data folder)')
    .addOption(new Option('--log-level <level>', 'how much standard error tells (default: warn, with --json info)').choices(LOG_LEVELS))
    .option('--json', 'print one JSON line when registered and nothing else')
    .addHelpText(
      'after',
      examples('headgate runner --connect ws://127.0.0.1:4711/rpc --name gpu-1 --labels gpu,big', 'headgate runner drain gpu-1'),
    )
    .action((options) => choose(async () => (await import('../commands/runner.ts')).runner(console, host, options)));

  client(runner.command('drain'))
    .description('let a runner finish what it has, take no more, and leave')
    .argument('<name>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate runner drain gpu-1'))
    .action((name, options) => choose(async () => (await import('../commands/runners.ts')).drain(console, name, options)));

  client(runner.command('forget'))
    .description('take a runner that will not come back off the list; its name is free')
    .argument('<name>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate runner forget gpu-1'))
    .action((name, options) => choose(async () => (await import('../commands/runners.ts')).forget(console, name, options)));

  client(program.command('runners'))
    .description('list the runners: what each offers, how much it has, whether it is there')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate runners', 'headgate runners --json'))
    .action((options) => choose(async () => (await import('../commands/runners.ts')).runners(console, options)));
}
