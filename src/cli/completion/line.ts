import type { Command, Option } from 'commander';

/** What can come next on a command line that is being typed. */
export interface Place {
  /** The command that the words have reached. */
  readonly command: Command;
  /** Values of the options so far, by their attribute names. */
  readonly options: Readonly<Record<string, string>>;
  /** Arguments so far. */
  readonly args: readonly string[];
  /** The word that is being typed; empty when it has not begun. */
  readonly word: string;
  /** The option whose value is being typed. */
  readonly option: Option | undefined;
  /** Behind `--`, or in the command that a command is given: the words are not ours. */
  readonly foreign: boolean;
}

/** Reads the words behind the program's name, the last of which is being typed. */
export function placeOf(program: Command, words: readonly string[]): Place {
  const word = words.at(-1) ?? '';
  const options: Record<string, string> = {};
  const args: string[] = [];
  let command = program;
  let option: Option | undefined;
  let foreign = false;
  for (const one of words.slice(0, -1)) {
    if (option) {
      options[option.attributeName()] = one;
      option = undefined;
    } else if (foreign) args.push(one);
    else if (one === '--') foreign = true;
    else if (one.startsWith('-')) option = withValue(command, one);
    else {
      const next = args.length === 0 ? command.commands.find((known) => known.name() === one) : undefined;
      if (next) command = next;
      else args.push(one);
      // What follows the first word of a command to run are its own options.
      foreign = !next && command.registeredArguments.some((argument) => argument.variadic);
    }
  }
  return { command, options, args, word, option, foreign };
}

/** The option of that flag when its value is the next word. */
function withValue(command: Command, flag: string): Option | undefined {
  const option = command.options.find(({ long, short }) => flag === long || flag === short);
  return option && (option.required || option.optional) ? option : undefined;
}
