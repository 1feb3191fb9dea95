import { client, examples, type Registry } from './registry.ts';

/** The server for clients that speak the Model Context Protocol: mcp. */
export function mcpCommand({ program, console, host, choose }: Registry): void {
  client(program.command('mcp'))
    .description('serve commands and their output to a client of the Model Context Protocol, on standard input and output')
    .option('--run <alias>', 'run of its commands, shared by all who name it (default: one of the session, named after the client)')
    .option('--config <file>', 'configuration of the server that is started when none runs (YAML)')
    .addHelpText('after', examples('headgate mcp', 'headgate mcp --project ~/work/shop --run shop'))
    .action((options) => choose(async () => (await import('../commands/mcp.ts')).mcp(console, host, options)));
}
