import { Command, CommanderError } from 'commander';
import { messageOf } from '../core/errors.ts';
import { createConsole } from './console.ts';
import { CliError, describeError, errorJson, exitCodeOf, usageError } from './errors.ts';
import { EXIT, EXIT_CODE_HELP } from './exit-codes.ts';
import type { CliHost } from './host.ts';
import { attachCommand } from './register/attach.ts';
import { commandCommands } from './register/command.ts';
import { completionCommands } from './register/completion.ts';
import { dataCommands } from './register/data.ts';
import { editorCommands } from './register/editor.ts';
import { mcpCommand } from './register/mcp.ts';
import { modelCommands } from './register/model.ts';
import { policyCommands } from './register/policy.ts';
import type { Action, Registry } from './register/registry.ts';
import { runCommands } from './register/run.ts';
import { runnerCommands } from './register/runner.ts';
import { serverCommands } from './register/server.ts';
import { serviceCommands } from './register/service.ts';
import { tokenCommands } from './register/token.ts';

const OPTIONS_FOLLOW = 'options follow the command, as in headgate ps --data DIR';

/** Each adds the commands of one group, in the order of the help. */
const GROUPS: readonly ((registry: Registry) => void)[] = [
  serverCommands,
  serviceCommands,
  dataCommands,
  runnerCommands,
  tokenCommands,
  policyCommands,
  modelCommands,
  runCommands,
  attachCommand,
  editorCommands,
  commandCommands,
  mcpCommand,
  completionCommands,
];

/**
 * The `headgate` command. `argv` is what follows the program's name. Returns the exit code once everything printed has
 * left the process; errors are one message on standard error, never a stack (SPEC {#cli_exit_codes}).
 */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  const console = createConsole(host);
  let action: Action | undefined;
  // Errors of the command line itself are printed before its options are known.
  let json = wantsJson(argv);
  const program = commandTree({
    console,
    host,
    choose: (chosen) => {
      action = chosen;
    },
    wrong: (text) => {
      if (!json) void console.err.write(text);
    },
  });
  program.hook('preAction', (_, command) => {
    json = command.opts()['json'] === true;
  });
  let code: number;
  try {
    await program.parseAsync(helpAsked(program, argv), { from: 'user' });
    code = action ? await action() : EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      code = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
      const hint = error.code === 'commander.unknownOption' && argv[0]?.startsWith('-') ? OPTIONS_FOLLOW : undefined;
      if (json && code !== EXIT.ok) await console.err.write(errorJson(usageError(plain(error.message), hint)));
      else if (hint !== undefined) await console.err.write(`  ${hint}\n`);
    } else {
      await console.err.write(json ? errorJson(error) : describeError(error));
      code = exitCodeOf(error);
    }
  }
  await Promise.all([console.out.flush(), console.err.flush()]);
  return console.out.failure === undefined ? code : await outputLost(console.out.failure, code);

  /** Says that standard output has not got all; returns the exit code. */
  async function outputLost(cause: unknown, before: number): Promise<number> {
    const failure = new CliError(
      `standard output could not be written: ${messageOf(cause)}`,
      EXIT.failed,
      'some of it is missing there; headgate output still has what a command wrote',
    );
    await console.err.write(json ? errorJson(failure) : describeError(failure));
    await console.err.flush();
    return before === EXIT.ok || before === EXIT.brokenPipe ? EXIT.failed : before;
  }
}

/** `help` as commander should take it: it prints the general help for a command that does not exist, and knows no command below another. */
function helpAsked(program: Command, argv: readonly string[]): string[] {
  const [first, ...names] = argv;
  // As it was called before.
  if (first === '-V') return ['-v', ...names];
  const [name] = names;
  if (first !== 'help' || name === undefined || name === 'help' || name.startsWith('-')) return [...argv];
  const found: string[] = [];
  let at: Command | undefined = program;
  for (const each of names) {
    at = at.commands.find((one) => one.name() === each);
    if (!at) break;
    found.push(each);
  }
  return found.length === 0 ? [name] : [...found, '--help'];
}

/** True when `--json` is among our own options, and not those of a command to run. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? undefined : end).includes('--json');
}

function plain(message: string): string {
  return message.replace(/^error: /, '').replace(/\n/g, ' ');
}

/** Every command with its options; `choose` is called with the action of the one that a parsed line names, `wrong` with what is wrong with a line. */
export function commandTree({
  console,
  host,
  choose,
  wrong,
}: Omit<Registry, 'program'> & { readonly wrong: (text: string) => void }): Command {
  const program = new Command('headgate')
    .description('JSON-RPC agent runtime: commands run behind proposals, their output streams to every client and outlives all of them.')
    .version(console.version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void console.out.write(text),
      writeErr: wrong,
      outputError: (text, write) => write(text.replace(/^error: /, 'headgate: ')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', EXIT_CODE_HELP);

  for (const register of GROUPS) register({ program, console, host, choose });
  pointToHelp(program, 'headgate');
  return program;
}

/** A wrong line for this command, or one below it, ends with where its help is. */
function pointToHelp(command: Command, line: string): void {
  command.showHelpAfterError(`  ${line} --help says more`);
  for (const below of command.commands) pointToHelp(below, `${line} ${below.name()}`);
}
