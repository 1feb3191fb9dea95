import { parseWhole } from '../parse.ts';
import { examples, metricsOption, type Registry } from './registry.ts';

const USER = "a service of your own user's systemd, in place of one of the machine";

/** The server as a service of systemd: service install, uninstall, status. */
export function serviceCommands({ program, console, host, choose }: Registry): void {
  const service = program
    .command('service')
    .description('the server as a service of systemd, which starts it with the machine and again when it dies; commands go on')
    .addHelpText(
      'after',
      examples('headgate service install --user', 'sudo headgate service install --as headgate', 'headgate service status --user'),
    );

  service
    .command('install')
    .description('write the unit headgate.service, enable and start it')
    .option('--user', USER)
    .option('--as <user>', 'user that a service of the machine runs as, and its commands')
    .option('--data <dir>', 'data folder (default: /var/lib/headgate, with --user your own)')
    .option('--port <n>', 'port of the server (default: 4711)', parseWhole(1, 65_535))
    .option('--config <file>', 'plugins and model providers (YAML)')
    .addOption(metricsOption())
    .option('--print', 'print the unit, and change nothing')
    .addHelpText('after', examples('headgate service install --user', 'headgate service install --as headgate --metrics --print'))
    .action((options) => choose(async () => (await import('../commands/service.ts')).install(console, host, options)));

  service
    .command('uninstall')
    .description('stop the service and remove its unit; data stay and commands go on')
    .option('--user', USER)
    .addHelpText('after', examples('headgate service uninstall --user'))
    .action((options) => choose(async () => (await import('../commands/service.ts')).uninstall(console, options)));

  service
    .command('status')
    .description('what systemd says of the service; exit code 0 when it runs')
    .option('--user', USER)
    .addHelpText('after', examples('headgate service status --user'))
    .action((options) => choose(async () => (await import('../commands/service.ts')).status(console, options)));
}
