import { existsSync } from 'node:fs';
import { readOutlived } from '../backends/index.ts';
import type { OutlivedCommand } from '../cli/host.ts';
import { lifetimeText } from '../model/lifetime.ts';
import { producerIdOf } from '../model/producer-id.ts';
import { readLive } from '../store/index.ts';
import { dataPaths } from './server-files.ts';

/** Runners whose commands end with the server, or do not belong to it. */
const NOT_OURS: readonly string[] = ['server', 'client'];

/**
 * The commands that go on while no server has the data folder (SPEC {#lifetime_shown}); what runs with a server is among them too.
 * Changes nothing. Throws when the database cannot be read.
 */
export function outlived(options: { data: string }): OutlivedCommand[] {
  if (!existsSync(options.data)) return [];
  const paths = dataPaths(options.data);
  const { since, commands } = readOutlived(paths.producers);
  const seen = new Map(commands.map((one) => [one.id, one]));
  const known = existsSync(paths.database) ? readLive(paths.database) : [];
  const rows = known
    .filter(({ runner }) => !NOT_OURS.includes(runner))
    .flatMap(({ run, path, project, backend, runner, spec, ...producer }) => {
      const found = seen.get(producerIdOf(producer));
      seen.delete(producerIdOf(producer));
      // Here it would be seen.
      const isHere = runner === 'embedded' && !spec.container && !spec.ssh;
      if (isHere && !found) return [];
      const { pid = null, until = null } = found ?? {};
      return [
        { run, path, project, command: spec.command, backend, pid, lifetime: lifetimeText(spec.lifetime ?? 'forever'), since, until },
      ];
    });
  const rest = [...seen.values()].map(({ id, command, pid, lifetime, until }) => {
    return { run: '', path: id, project: '', command, backend: 'process', pid, lifetime: lifetimeText(lifetime), since, until };
  });
  return [...rows, ...rest];
}
