import { Argument } from 'commander';
import { SHELLS } from '../completion/scripts.ts';
import { examples, type Registry } from './registry.ts';

/** Completion of the command line itself. */
export function completionCommands({ program, console, choose }: Registry): void {
  program
    .command('completion')
    .description('print what a shell reads to complete commands, options, names of runs and paths')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        `echo 'source <(headgate completion bash)' >> ~/.bashrc`,
        `echo 'source <(headgate completion zsh)' >> ~/.zshrc`,
        'headgate completion fish > ~/.config/fish/completions/headgate.fish',
      ),
    )
    .action((shell) => choose(async () => (await import('../commands/completion.ts')).completion(console, program, shell)));

  // What the shells ask; the words behind -- are those that were typed so far.
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action((words) => choose(async () => (await import('../commands/completion.ts')).complete(console, program, words)));
}
