import { client, examples, type Registry } from './registry.ts';

/** Editors: acp. */
export function editorCommands({ program, console, host, choose }: Registry): void {
  client(program.command('acp'))
    .description('be the agent of an editor that speaks the Agent Client Protocol, on standard input and output')
    .option('--model <alias>', 'model of new sessions (HEADGATE_MODEL; else the first that was added, else scripted)')
    .option('--agent <name>', 'an agent of others that drives new sessions; headgate agents lists them')
    .option('--yolo', 'begin in the mode in which every proposal that no rule denies is accepted')
    .option('--config <file>', 'of the server that is started where none runs: plugins and model providers (YAML)')
    .option('--no-serve', 'start no server where none runs')
    .addHelpText(
      'after',
      examples(
        'headgate acp',
        'headgate acp --model local',
        'headgate acp --agent codex',
        'headgate acp --url wss://build.example:4711/rpc',
      ),
    )
    .action((options) => choose(async () => (await import('../commands/acp.ts')).acp(console, host, options)));
}
