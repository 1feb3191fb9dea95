import { Option } from 'commander';
import { EXPORT_FORMATS } from '../../rpc/protocol/export-formats.ts';
import { parseDuration, parseLine, parseVariable, parseWhole } from '../parse.ts';
import { addPlaceOptions } from '../place-options.ts';
import { client, examples, type Registry } from './registry.ts';
import { LIFETIME_OPTION, ttyCommand } from './tty.ts';

/** How a command of a run is named (SPEC {#cli_paths}). */
const PATH_HELP = 'the log entry, such as log://turn_1/sh/make-test, its end (make-test), 3 for the third command of the run, or last';

/** Commands and their output: sh, tty, output, ps, cancel, kill, export. */
export function commandCommands(registry: Registry): void {
  const { program, console, choose } = registry;
  addPlaceOptions(
    client(program.command('sh'))
      .description(
        'run a command on the server, in a container, in tmux or on another host; stdin, stdout, stderr and the exit code are its own',
      )
      .usage('[options] -- <command> [args...]')
      .argument('[command...]', 'one word is a shell command line, several are a command and its arguments; none with --watch or --pane')
      .option('--run <alias>', 'run that the command belongs to; made when it does not exist', 'shell')
      .option('--cwd <dir>', 'working directory, relative to the project')
      .option('--env <name=value>', 'variable for the command; may be given again', parseVariable(console.env))
      .option('--timeout <duration>', 'end it after so long, for example 30s or 5m', parseDuration)
      .option('--lifetime <lifetime>', LIFETIME_OPTION)
      .option(
        '--runner <which>',
        'where it runs: gpu,eu has both as name or label, !old has not, name:build-1 is that one (default: the server itself)',
      )
      .option('--tty', 'give it a terminal instead of pipes, of the size of ours; headgate tty is for typing into one')
      .option('--no-stdin', 'do not forward standard input; for programs that read all of it, such as rg without a path')
      .option('--propose', 'only propose it, print run and path, and let another client answer')
      .option('--json', 'with --propose: print JSON')
      .passThroughOptions(),
  )
    .addHelpText(
      'after',
      `\nWhat you type goes to the command by the line, and Ctrl-D ends its input. Ctrl-C sends it SIGINT, a second one cancels it, a third one leaves at once.\n${examples('headgate sh -- make test', `headgate sh 'seq 5 | wc -l'`, 'tar c src | headgate sh -- tar tv', 'headgate sh --timeout 5m --run build -- npm test', 'headgate sh --sandbox workspace --network -- npm ci', 'headgate sh --image debian:12 --memory 512m --mount "$PWD":/src:ro -- ls /src', 'headgate sh --host deploy@build.example:2222 -- uptime', 'headgate sh --container web --watch logs')}`,
    )
    .action((words, options) => choose(async () => (await import('../commands/sh.ts')).sh(console, words, options)));

  ttyCommand(registry);

  client(program.command('output'))
    .description('write what a command has written, byte for byte')
    .argument('<run>')
    .argument('<path>', PATH_HELP)
    .option('--channel <n>', '1 is stdout, 2 is stderr', parseWhole(1, 99), 1)
    .addOption(new Option('--all', 'all channels, each line marked with its channel').conflicts('channel'))
    .option('--live', 'go on until the command ends')
    .option('--from <offset>', 'byte offset to begin at', parseWhole(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--line <n>', 'line to begin at; -20 is the last 20 lines', parseLine)
    .option('--limit <n>', 'with --line: lines at most', parseWhole(1, Number.MAX_SAFE_INTEGER))
    .option('--match <regex>', 'only lines that match, each with its number')
    .option('--strip-ansi', 'leave out terminal control sequences')
    .option('--redact', 'mask secrets, as the model and other clients see them')
    .addHelpText(
      'after',
      examples(
        'headgate output shell log://turn_0/sh/make-test',
        'headgate output --line -20 shell last',
        'headgate output shell make-test',
        "headgate output --match 'error|FAIL' shell log://turn_0/sh/make-test",
        'headgate output --live --channel 2 shell log://turn_0/sh/make-test | grep -i error',
      ),
    )
    .action((run, path, options) => choose(async () => (await import('../commands/output.ts')).output(console, run, path, options)));

  client(program.command('ps'))
    .description('list the commands that run; without a server those that go on without one')
    .option('--run <alias>', 'only those of this run')
    .option('--all', 'also those that have ended')
    .option('--all-projects', 'of every project of the server')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate ps', 'headgate ps --all --json'))
    .action((options) => choose(async () => (await import('../commands/listings.ts')).ps(console, registry.host, options)));

  client(program.command('cancel'))
    .description('end a command with all its processes, and say what became of them')
    .argument('<run>')
    .argument('[path]', `${PATH_HELP}; not needed when only one command of the run is running`)
    .option('--reason <text>', 'why; every client is notified')
    .option('--signal <name>', 'first signal, default TERM')
    .option('--grace <duration>', 'how long before KILL, default 2s', parseDuration)
    .option('--json', 'print the receipt as JSON')
    .addHelpText(
      'after',
      examples('headgate cancel shell', 'headgate cancel shell log://turn_0/sh/make-test --reason "wrong branch" --grace 10s'),
    )
    .action((run, path, options) => choose(async () => (await import('../commands/end.ts')).cancel(console, run, path, options)));

  client(program.command('kill'))
    .description('send a signal to a command, which goes on unless the signal ends it; headgate cancel ends it for certain')
    .argument('<run>')
    .argument('[path]', `${PATH_HELP}; not needed when only one command of the run is running`)
    .option('--signal <name>', 'name or number', 'TERM')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate kill shell', 'headgate kill --signal HUP web log://turn_0/sh/npm-start'))
    .action((run, path, options) => choose(async () => (await import('../commands/end.ts')).kill(console, run, path, options)));

  client(program.command('export'))
    .description('write the output of a command as a document: its bytes, its text, a recording, or what its terminal shows')
    .argument('<run>')
    .argument('<path>', PATH_HELP)
    .addOption(
      new Option('--format <format>', 'asciicast is for asciinema (default: by the name of FILE, else raw)').choices([...EXPORT_FORMATS]),
    )
    .option('-o, --output <file>', 'file to write (default: standard output)')
    .option('--channel <n>', '1 is stdout, 2 is stderr (default: 1; both with asciicast and html)', parseWhole(1, 99))
    .option('--redact', 'mask secrets, as the model and other clients see them')
    .addHelpText(
      'after',
      examples(
        'headgate export -o build.html shell log://turn_0/sh/make-test',
        'headgate export -o build.cast shell log://turn_0/sh/make-test',
        'headgate export --format text shell log://turn_0/sh/make-test | less',
      ),
    )
    .action((run, path, options) => choose(async () => (await import('../commands/export.ts')).exportOutput(console, run, path, options)));
}
