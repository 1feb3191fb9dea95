import { Option } from 'commander';
import { parseWhole } from '../parse.ts';
import { client, examples, type Registry } from './registry.ts';

/** Models: models, models add, models remove. */
export function modelCommands({ program, console, choose }: Registry): void {
  const models = client(program.command('models'))
    .description('list the models that runs can name')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('headgate models', 'headgate models add fast gpt-5-mini --provider openai', 'headgate models remove fast'),
    )
    .action((options) => choose(async () => (await import('../commands/listings.ts')).models(console, options)));

  client(program.command('agents'))
    .description('list the agents of others that can drive runs')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate agents', 'headgate act --agent codex "make the tests pass"'))
    .action((options) => choose(async () => (await import('../commands/listings.ts')).agents(console, options)));

  client(models.command('add'))
    .description('add a model under a name of your own')
    .argument('<alias>', 'how runs name it')
    .argument('<actual>', 'how its provider names it')
    .option('--base-url <url>', 'where its API is, such as http://127.0.0.1:8080/v1')
    .option('--key-env <name>', 'with --base-url: variable of the server that holds the key')
    .option(
      '--provider <name>',
      'openai, anthropic, openrouter, ollama, or one of the configuration; with --base-url the API that it speaks (default: openai-compatible)',
    )
    .option('--context-length <tokens>', 'what it reads at most', parseWhole(1000, 100_000_000))
    .addOption(new Option('--dialect <dialect>', "how it calls tools (default: the provider's)").choices(['native', 'xml']))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'headgate models add fast gpt-5-mini --provider openai',
        'headgate models add local qwen3 --provider ollama',
        'headgate models add lab qwen3 --base-url http://127.0.0.1:8080/v1 --key-env LAB_KEY',
      ),
    )
    .action((alias, actual, options) =>
      choose(async () => (await import('../commands/changes.ts')).addModel(console, alias, actual, options)),
    );

  client(models.command('remove'))
    .description('remove a model; runs that named it keep its name')
    .argument('<alias>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate models remove fast'))
    .action((alias, options) => choose(async () => (await import('../commands/changes.ts')).removeModel(console, alias, options)));
}
