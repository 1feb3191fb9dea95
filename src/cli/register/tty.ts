import { Option } from 'commander';
import { parseVariable } from '../parse.ts';
import { addPlaceOptions } from '../place-options.ts';
import { DETACH_KEYS, parseDetachKeys } from '../tty/detach-keys.ts';
import { client, examples, type Registry } from './registry.ts';

/** What `--lifetime` of a command says of itself. */
export const LIFETIME_OPTION =
  'how long it may run once the server has gone: server (it ends when the server is stopped), forever, or 30s, 15m, 24h, 7d (default: forever)';

/** The terminal: tty. */
export function ttyCommand({ program, console, choose }: Registry): void {
  addPlaceOptions(client(program.command('tty')))
    .description(
      "run a command of the server in this terminal, or on pipes where standard input is not a terminal; its exit code is the command's",
    )
    .usage('[options] [-- <command> [args...]]')
    .argument('[command...]', 'one word is a shell command line, several are a command and its arguments (default: a shell)')
    .option('--attach', 'come to a command that is there: the words are its run and the path of its log entry')
    .option('--run <alias>', 'run that the command belongs to; made when it does not exist', 'tty')
    .option('--cwd <dir>', 'working directory, relative to the project; absolute in a container or on another host')
    .option('--env <name=value>', 'variable for the command; may be given again', parseVariable(console.env))
    .option('--lifetime <lifetime>', LIFETIME_OPTION)
    .option('--runner <name>', 'where it runs: name or label of a registered runner (default: the server itself)')
    .option('--no-tty', 'pipes, also where standard input is a terminal')
    .addOption(
      new Option('--detach-keys <keys>', 'keys that leave the command running, such as ctrl-p,ctrl-q; or none')
        .argParser(parseDetachKeys)
        .default(parseDetachKeys(DETACH_KEYS), DETACH_KEYS),
    )
    .passThroughOptions()
    .addHelpText(
      'after',
      examples(
        'headgate tty',
        'headgate tty -- vi notes.txt',
        'headgate tty --image debian:12',
        'headgate tty --host me@build.example -- htop',
        'headgate tty --attach tty log://turn_0/sh/vi-notes-txt',
        'tar c src | headgate tty -- tar tv',
      ),
    )
    .action((words, options) => choose(async () => (await import('../commands/tty.ts')).tty(console, words, options)));
}
