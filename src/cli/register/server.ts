import { Option } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { LOG_LEVELS } from '../host.ts';
import { parseProxy, parseWebAddress, parseWhole } from '../parse.ts';
import { client, examples, metricsOption, type Registry } from './registry.ts';

/** The server itself: serve, stop, portal, demo, doctor, rpc. */
export function serverCommands({ program, console, host, choose }: Registry): void {
  program
    .command('serve')
    .description('run the server until Ctrl-C; commands go on when it stops')
    .option('--data <dir>', 'folder of database, socket, token and output (default: $HEADGATE_DATA or ~/.local/share/headgate)')
    .option('--port <n>', 'port on the host; 0 takes a free one (default: 4711, with --detach a free one)', parseWhole(0, 65_535))
    .option('--host <address>', 'address to listen on; beyond loopback with TLS only', '127.0.0.1')
    .option('--tls-cert <file>', 'certificate of the server (PEM); connections are encrypted then')
    .option('--tls-key <file>', 'key of the certificate (PEM)')
    .option('--tls-client-ca <file>', 'who has to have signed the certificates of clients (PEM)')
    .option('--insecure-listen', 'listen beyond loopback without TLS, where something else encrypts')
    .option('--config <file>', 'plugins and model providers (YAML)')
    .option('--socket <path>', 'unix socket (default: in the data folder)')
    .option('--runner-lease <seconds>', 'how long a runner may be away before what it has is lost (default: 30)', parseWhole(1, 86_400))
    .addOption(new Option('--log-level <level>', 'how much standard error tells (default: warn, with --json info)').choices(LOG_LEVELS))
    .option('--public-url <url>', 'where a proxy in front of the server is reached, such as https://HOST/headgate', parseWebAddress)
    .option('--trusted-proxy <address...>', 'addresses or networks of proxies whose X-Forwarded-For is believed', parseProxy)
    .option('--allow-origin <origin...>', 'web pages of other origins that may connect, such as https://HOST')
    .addOption(metricsOption())
    .option('--detach', 'start it in the background where none runs on the data folder, and end when it answers; headgate stop ends it')
    .option('--show-token', "print the token, and the portal's address with it")
    .option('--json', 'print one JSON line when ready and nothing else')
    .addHelpText('after', examples('headgate serve', 'headgate serve --detach', 'headgate serve --json --port 0 --data /tmp/work'))
    .action((options) =>
      choose(async () =>
        options.detach
          ? (await import('../commands/serve-detached.ts')).serveDetached(console, host, options)
          : (await import('../commands/serve.ts')).serve(console, host, options),
      ),
    );

  program
    .command('stop')
    .description('stop the server of a data folder in order and wait until it is gone; commands go on, and the next start takes them up')
    .option('--kill', 'end every command first, also those that an earlier server has left, and say what became of each')
    .option('--data <dir>', 'folder of the server (default: $HEADGATE_DATA or ~/.local/share/headgate)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate stop', 'headgate stop --kill', 'headgate stop --data /tmp/work'))
    .action((options) => choose(async () => (await import('../commands/stop.ts')).stop(console, host, options)));

  client(program.command('portal'))
    .description('print the address of the portal, for a browser; a person who has the address can do all that you can')
    .argument('[run]', 'the page of this run')
    .addHelpText('after', examples('headgate portal', 'headgate portal --project ~/src/app fix-tests'))
    .action((run, options) => choose(async () => (await import('../commands/portal.ts')).portal(console, { ...options, run })));

  client(program.command('open'))
    .description('open the portal in a browser')
    .argument('[run]', 'the page of this run')
    .addHelpText('after', examples('headgate open', 'headgate open fix-tests'))
    .action((run, options) => choose(async () => (await import('../commands/open.ts')).open(console, { ...options, run })));

  client(program.command('projects'))
    .description('list the projects that the server has')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate projects', 'headgate runs --all-projects'))
    .action((options) => choose(async () => (await import('../commands/listings.ts')).projects(console, options)));

  program
    .command('check')
    .description('say what is wrong with a configuration file, without serving')
    .requiredOption('--config <file>', 'the file that headgate serve would be given')
    .addHelpText('after', examples('headgate check --config headgate.yaml'))
    .action(({ config }: { config: string }) =>
      choose(async () => {
        await host.checkConfig?.(config);
        await console.out.write(`${config} is a configuration that a server takes\n`);
        return EXIT.ok;
      }),
    );

  program
    .command('version')
    .description('print the version')
    .action(() =>
      choose(async () => {
        await console.out.write(`${console.version}\n`);
        return EXIT.ok;
      }),
    );

  program
    .command('demo')
    .description('show everything in one go, on a temporary server; exit code 0 only if all of it happened')
    .option('--keep', 'keep the folder with all that was stored')
    .addHelpText('after', examples('headgate demo', 'headgate demo --keep'))
    .action((options) => choose(async () => (await import('../demo/demo.ts')).demo(console, options)));

  client(program.command('doctor'))
    .description('check this machine and the data folder: Node, SQLite, /proc, the shell, the server, the database, permissions')
    .option('--repair', 'mend what can be mended without guessing, after a copy of the database has been made')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate doctor', 'headgate doctor --repair', 'headgate doctor --json --data /tmp/work'))
    .action((options) => choose(async () => (await import('../commands/doctor.ts')).doctor(console, host, options)));

  client(program.command('rpc'))
    .description('call one method and print its result as JSON, or be a JSON-RPC connection on stdio')
    .argument('[method]', 'for example getRuns')
    .argument('[params]', 'a JSON object, or - to read it from standard input')
    .option('--stdio', 'relay JSON-RPC, one message a line, between stdio and the server')
    .addHelpText(
      'after',
      examples(
        'headgate rpc discover',
        `headgate rpc getEntries '{"run": "shell", "body": false}'`,
        `echo '{"run": "shell"}' | headgate rpc getRun -`,
      ),
    )
    .action((method, params, options) => choose(async () => (await import('../commands/rpc.ts')).rpc(console, method, params, options)));
}
