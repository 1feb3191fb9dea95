import { examples, type Registry } from './registry.ts';

/** The data folder: backup, restore. */
export function dataCommands({ program, console, host, choose }: Registry): void {
  program
    .command('backup')
    .description('put all data of a server, which may be running, into one new file, which then holds the token and all output')
    .argument('<file>', 'archive to make (tar)')
    .option('--data <dir>', 'folder of the server (default: $HEADGATE_DATA or ~/.local/share/headgate)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('headgate backup headgate-$(date +%F).tar', 'headgate backup /mnt/backup/monday.tar --data /var/lib/headgate'),
    )
    .action((file, options) => choose(async () => (await import('../commands/backup.ts')).backup(console, host, { ...options, file })));

  program
    .command('restore')
    .description('unpack a backup into an empty folder; a server that starts on it takes up none of the commands')
    .argument('<file>', 'archive that headgate backup made')
    .argument('<folder>', 'folder that is empty, or does not exist')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('headgate restore monday.tar ~/.local/share/headgate', 'headgate restore monday.tar /tmp/tried'))
    .action((file, folder, options) =>
      choose(async () => (await import('../commands/backup.ts')).restore(console, host, { ...options, file, folder })),
    );
}
