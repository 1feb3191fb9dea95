import { client, examples, type Registry } from './registry.ts';

/** The live views: attach of a run, top of everything. */
export function attachCommand({ program, console, choose }: Registry): void {
  client(program.command('attach'))
    .description('watch a run and go on live, answer, type and cancel by key; on a terminal it fills the screen, ? shows the keys')
    .argument('<run>')
    .option('--plain', 'line by line, also on a terminal; keys: a accept, r reject, c cancel, q leave')
    .addHelpText('after', examples('headgate attach shell', 'headgate attach demo-1 | tee log.txt'))
    .action((run, options) => choose(async () => (await import('../commands/attach.ts')).attach(console, run, options)));

  client(program.command('top'))
    .description('watch all projects: what waits for you, the commands with what they use, the runners; keys answer, cancel and open a run')
    .addHelpText('after', examples('headgate top', 'headgate top | head'))
    .action((options) => choose(async () => (await import('../commands/top.ts')).top(console, options)));
}
