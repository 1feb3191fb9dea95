import { Command, CommanderError, Option } from 'commander';
import { type Console, createConsole } from './console.ts';
import type { ClientOptions } from './context.ts';
import { describeError, exitCodeOf } from './errors.ts';
import { EXIT, EXIT_CODE_HELP } from './exit-codes.ts';
import { type CliHost, LOG_LEVELS } from './host.ts';
import { parseDuration, parseList, parseVariable, parseWhole } from './parse.ts';
import { addPlaceOptions } from './place-options.ts';

/** Runs one command and answers its exit code; the module behind it is loaded only then. */
type Action = () => Promise<number>;

/**
 * The `headgate` command. `argv` is what follows the program's name. Answers the exit code once everything printed has
 * left the process; errors are one message on standard error, never a stack (SPEC {#cli_exit_codes}).
 */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  const console = createConsole(host);
  let action: Action | undefined;
  const program = buildProgram(console, host, (chosen) => {
    action = chosen;
  });
  let code: number;
  try {
    await program.parseAsync([...argv], { from: 'user' });
    code = action ? await action() : EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      code = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    } else {
      await console.err.write(describeError(error));
      code = exitCodeOf(error);
    }
  }
  await Promise.all([console.out.flush(), console.err.flush()]);
  return code;
}

function buildProgram(console: Console, host: CliHost, choose: (action: Action) => void): Command {
  const program = new Command('headgate')
    .description('JSON-RPC agent runtime: commands run behind proposals, their output streams to every client and outlives all of them.')
    .version(console.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void console.out.write(text),
      writeErr: (text) => void console.err.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'headgate: ')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', EXIT_CODE_HELP);

  serverCommands(program, console, host, choose);
  runnerCommands(program, console, host, choose);
  runCommands(program, console, choose);
  commandCommands(program, console, choose);
  for (const command of program.commands) command.showHelpAfterError(`  headgate ${command.name()} --help says more`);
  program.showHelpAfterError('  headgate --help says more');
  return program;
}

function serverCommands(program: Command, console: Console, host: CliHost, choose: (action: Action) => void): void {
  program
    .command('serve')
    .description('run the server until Ctrl-C; commands go on when it stops')
    .option('--data <dir>', 'folder of database, socket, token and output (default: $HEADGATE_DATA or ~/.local/share/headgate)')
    .option('--port <n>', 'port on the host; 0 takes a free one', parseWhole(0, 65_535), 4711)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--config <file>', 'plugins and model providers (YAML)')
    .option('--socket <path>', 'unix socket (default: in the data folder)')
    .option('--runner-lease <seconds>', 'how long a runner may be away before what it has is lost (default: 30)', parseWhole(1, 86_400))
    .addOption(new Option('--log-level <level>', 'how much standard error tells (default: warn, with --json info)').choices(LOG_LEVELS))
    .option('--json', 'print one JSON line when ready and nothing else')
    .addHelpText('after', examples('headgate serve', 'headgate serve --json --port 0 --data /tmp/work'))
    .action((options) => choose(async () => (await import('./commands/serve.ts')).serve(console, host, options)));

  program
    .command('demo')
    .description('show everything in one go, on a temporary server; exit code 0 only if all of it happened')
    .option('--keep', 'keep the folder with all that was stored')
    .addHelpText('after', examples('headgate demo', 'headgate demo --keep'))
    .action((options) => choose(async () => (await import('./demo/demo.ts')).demo(console, options)));

  client(program.command('doctor'))
    .description('check this machine and the data folder: Node, SQLite, /proc, the shell, the server, the database, permissions')
    .option('--repair', 'mend what can be mended without guessing, after a copy of the database has been made')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate doctor', 'headgate doctor --repair', 'headgate doctor --json --data /tmp/work'))
    .action((options) => choose(async () => (await import('./commands/doctor.ts')).doctor(console, host, options)));

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
    .action((method, params, options) => choose(async () => (await import('./commands/rpc.ts')).rpc(console, method, params, options)));
}

function runnerCommands(program: Command, console: Console, host: CliHost, choose: (action: Action) => void): void {
  const runner = program
    .command('runner')
    .description('run commands for a server, in a process of its own; what runs survives the server, this process and both')
    .option('--connect <url>', 'server, ws://host:port/rpc (HEADGATE_URL)')
    .option('--token <token>', 'its token (HEADGATE_TOKEN)')
    .option('--name <name>', 'name of the runner (default: the name of this host)')
    .option('--labels <a,b>', 'what commands can ask for beside its name', parseList, [])
    .option('--capacity <n>', 'commands at a time', parseWhole(1, 10_000), 100)
    .option('--data <dir>', 'folder of its state and output (default: runners/NAME in the data folder)')
    .addOption(new Option('--log-level <level>', 'how much standard error tells (default: warn, with --json info)').choices(LOG_LEVELS))
    .option('--json', 'print one JSON line when registered and nothing else')
    .addHelpText(
      'after',
      examples('headgate runner --connect ws://127.0.0.1:4711/rpc --name gpu-1 --labels gpu,big', 'headgate runner drain gpu-1'),
    )
    .action((options) => choose(async () => (await import('./commands/runner.ts')).runner(console, host, options)));

  client(runner.command('drain'))
    .description('let a runner finish what it has, take no more, and leave')
    .argument('<name>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate runner drain gpu-1'))
    .action((name, options) => choose(async () => (await import('./commands/runners.ts')).drain(console, name, options)));

  client(program.command('runners'))
    .description('list the runners: what each offers, how much it has, whether it is there')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate runners', 'headgate runners --json'))
    .action((options) => choose(async () => (await import('./commands/runners.ts')).runners(console, options)));
}

function runCommands(program: Command, console: Console, choose: (action: Action) => void): void {
  for (const mode of ['act', 'ask'] as const) {
    client(program.command(mode))
      .description(
        mode === 'act'
          ? 'give an agent something to do, and watch and answer it'
          : 'ask an agent something; it may look but change nothing',
      )
      .argument('<prompt>', 'what to do, or - to read it from standard input')
      .option('--model <alias>', 'model of the run (HEADGATE_MODEL; else the only one that was added, else scripted)')
      .option('--run <alias>', 'go on with this run; opened when there is none')
      .option('--persona <text>', 'who the model shall be')
      .option('--yolo', 'let the server accept every proposal that no rule denies')
      .option('--yes', 'accept every proposal from here')
      .option('--json', 'print the result as JSON at the end')
      .addHelpText(
        'after',
        examples(`headgate ${mode} "what is in this folder?"`, `headgate ${mode} --yes --model scripted "look around" > answer.txt`),
      )
      .action((prompt, options) => choose(async () => (await import('./commands/prompt.ts')).prompt(console, mode, prompt, options)));
  }

  client(program.command('runs'))
    .description('list the runs of the project, newest first')
    .option('--limit <n>', 'rows at most', parseWhole(1, 1000), 50)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate runs', 'headgate runs --json --limit 1'))
    .action((options) => choose(async () => (await import('./commands/listings.ts')).runs(console, options)));

  client(program.command('attach'))
    .description('watch a run from its beginning and go on live; keys: a accept, r reject, c cancel, q leave')
    .argument('<run>')
    .addHelpText('after', examples('headgate attach shell', 'headgate attach demo-1 | tee log.txt'))
    .action((run, options) => choose(async () => (await import('./commands/attach.ts')).attach(console, run, options)));
}

function commandCommands(program: Command, console: Console, choose: (action: Action) => void): void {
  addPlaceOptions(
    client(program.command('sh'))
      .description(
        'run a command on the server, in a container, in tmux or on another host; stdin, stdout, stderr and the exit code are its own',
      )
      .usage('[options] -- <command> [args...]')
      .argument('[command...]', 'one word is a shell command line, several are a command and its arguments; none with --watch or --pane')
      .option('--run <alias>', 'run that the command belongs to; opened when there is none', 'shell')
      .option('--cwd <dir>', 'working directory, relative to the project')
      .option('--env <name=value>', 'variable for the command; may be given again', parseVariable(console.env))
      .option('--timeout <duration>', 'end it after so long, for example 30s or 5m', parseDuration)
      .option('--runner <name>', 'where it runs: name or label of a registered runner (default: the server itself)')
      .option('--tty', 'give it a terminal instead of pipes, of the size of ours; headgate tty is for typing into one')
      .option('--no-stdin', 'do not forward standard input')
      .option('--propose', 'only propose it, print run and path, and let another client answer')
      .option('--json', 'with --propose: print JSON')
      .passThroughOptions(),
  )
    .addHelpText(
      'after',
      `\nCtrl-C cancels the command, a second one leaves at once.\n${examples('headgate sh -- make test', `headgate sh 'seq 5 | wc -l'`, 'tar c src | headgate sh -- tar tv', 'headgate sh --timeout 5m --run build -- npm test', 'headgate sh --sandbox workspace --network -- npm ci', 'headgate sh --image debian:12 --memory 512m --mount "$PWD":/src:ro -- ls /src', 'headgate sh --host deploy@build.example:2222 -- uptime', 'headgate sh --container web --watch logs')}`,
    )
    .action((words, options) => choose(async () => (await import('./commands/sh.ts')).sh(console, words, options)));

  client(program.command('output'))
    .description('write what a command has written, byte for byte')
    .argument('<run>')
    .argument('<path>', 'the log entry, for example log://turn_1/sh/make-test')
    .option('--channel <n>', '1 is stdout, 2 is stderr', parseWhole(1, 99), 1)
    .addOption(new Option('--all', 'all channels, each line marked with its channel').conflicts('channel'))
    .option('--live', 'go on until the command ends')
    .option('--from <offset>', 'byte offset to begin at', parseWhole(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--strip-ansi', 'leave out terminal control sequences')
    .addHelpText(
      'after',
      examples(
        'headgate output shell log://turn_0/sh/make-test',
        'headgate output --live --channel 2 shell log://turn_0/sh/make-test | grep -i error',
      ),
    )
    .action((run, path, options) => choose(async () => (await import('./commands/output.ts')).output(console, run, path, options)));

  client(program.command('ps'))
    .description('list the commands that run')
    .option('--run <alias>', 'only those of this run')
    .option('--all', 'also those that have ended')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate ps', 'headgate ps --all --json'))
    .action((options) => choose(async () => (await import('./commands/listings.ts')).ps(console, options)));

  client(program.command('cancel'))
    .description('end a command with all its processes, and say what became of them')
    .argument('<run>')
    .argument('[path]', 'the log entry; not needed when only one command of the run is running')
    .option('--reason <text>', 'why; everyone is told')
    .option('--signal <name>', 'first signal, default TERM')
    .option('--grace <duration>', 'how long before KILL, default 2s', parseDuration)
    .option('--json', 'print the receipt as JSON')
    .addHelpText(
      'after',
      examples('headgate cancel shell', 'headgate cancel shell log://turn_0/sh/make-test --reason "wrong branch" --grace 10s'),
    )
    .action((run, path, options) => choose(async () => (await import('./commands/listings.ts')).cancel(console, run, path, options)));
}

/** Adds the options by which a client command finds its server and its project (SPEC {#cli_server}). */
function client(command: Command): Command {
  const keys: Record<keyof ClientOptions, [string, string]> = {
    url: ['--url <url>', 'server to reach over WebSocket (HEADGATE_URL)'],
    token: ['--token <token>', 'its token (HEADGATE_TOKEN)'],
    socket: ['--socket <path>', 'server to reach over its unix socket (HEADGATE_SOCKET)'],
    data: ['--data <dir>', "server's data folder, to find its socket in (HEADGATE_DATA)"],
    project: ['--project <dir>', 'root folder of the project (default: the working directory)'],
  };
  for (const [flags, description] of Object.values(keys))
    command.addOption(new Option(flags, description).helpGroup('Server and project:'));
  return command;
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}
