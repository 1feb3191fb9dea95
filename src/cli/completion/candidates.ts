import type { Command } from 'commander';
import type { Runtime } from '../../rpc/client/index.ts';
import { type Place, placeOf } from './line.ts';

/** What the server knows, asked for only where it is needed; nothing where no server answers. */
export type Ask = (options: Place['options'], what: (session: Runtime) => Promise<readonly string[]>) => Promise<readonly string[]>;

/**
 * What the last of the words behind the program's name can become: commands, options and their values, names of runs and
 * models, paths of commands and proposals (SPEC {#cli_completion}).
 */
export async function candidates(program: Command, words: readonly string[], ask: Ask): Promise<readonly string[]> {
  const place = placeOf(program, words);
  const found = place.foreign ? [] : await all(place, ask);
  return [...new Set(found)].filter((one) => one.startsWith(place.word)).sort();
}

async function all(place: Place, ask: Ask): Promise<readonly string[]> {
  const { command, option, options, args, word } = place;
  if (option) return option.argChoices ?? (await named(option.attributeName(), place, ask));
  if (word.startsWith('-'))
    // The help hides those that all commands share.
    return [...command.createHelp().visibleOptions(command), ...command.options].map(({ long, flags }) => long ?? flags);
  const commands =
    args.length > 0
      ? []
      : command
          .createHelp()
          .visibleCommands(command)
          .map((one) => one.name());
  const argument = command.registeredArguments[args.length];
  if (!argument) return commands;
  if (argument.argChoices) return [...commands, ...argument.argChoices];
  if (argument.name() === 'path') return [...commands, ...(await ask(options, (session) => paths(session, command.name(), args[0])))];
  return [...commands, ...(await named(argument.name(), place, ask))];
}

async function named(name: string, { command, options }: Place, ask: Ask): Promise<readonly string[]> {
  if (name === 'run') return await ask(options, async (session) => (await session.look('getRuns', {})).map(({ run }) => run));
  const isModel = name === 'model' || (name === 'alias' && command.parent?.name() === 'models' && command.name() !== 'add');
  if (isModel) return await ask(options, async (session) => (await session.look('getModels', {})).map(({ alias }) => alias));
  return [];
}

/** Proposals for what answers them, commands that run for what ends them, else every command of the run. */
async function paths(session: Runtime, command: string, run: string | undefined): Promise<readonly string[]> {
  if (run === undefined) return [];
  if (command === 'accept' || command === 'reject') return (await session.look('getProposals', { run })).map(({ path }) => path);
  const live = command === 'cancel' || command === 'kill';
  return (await session.look('stream/list', { run, ...(live ? { state: 'live' } : {}) })).map(({ path }) => path);
}
