import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startClient } from '../lib/client.mjs';
import { limited, limitPeer } from '../lib/limits.mjs';
import { Scope } from '../lib/scope.mjs';
import { startHeadgate } from '../lib/servers.mjs';
import { shellQuoted } from '../lib/shell.mjs';
import { percentile } from '../lib/stats.mjs';

const GENERATOR = fileURLToPath(new URL('../lib/generator.mjs', import.meta.url));
const FULL_BYTES = 1024 ** 3;
const QUICK_BYTES = FULL_BYTES / 8;
const LIMIT_MS = 5;
/** For what is done once the deletion has been reported; as long as the pings before it. */
const AROUND_MS = 2000;

/** What the deletion of a large run costs the others. */
export const deletion = {
  results: [
    limited(LIMIT_MS, 'ms', {
      name: 'delete-blocks',
      what: `the longest ping of another client while a run of 1 GiB is deleted and ${AROUND_MS / 1000} s after`,
      floor: 'the same before the deletion',
    }),
  ],
  drivesClient: true,
  async measure({ client, quick }) {
    const scope = new Scope();
    try {
      const { url, token } = await startHeadgate(scope, scope.folder());
      const server = { url, token, root: scope.folder() };
      const bytes = quick ? QUICK_BYTES : FULL_BYTES;
      const command = shellQuoted([process.execPath, GENERATOR, String(bytes)]);
      const stored = await client('headgateSoak', { server, command, carriage: 'raw' });
      if (stored.bytes !== bytes) throw new Error(`${stored.bytes} bytes arrived instead of ${bytes}`);
      const other = startClient(scope);
      const pings = async (work) => {
        await other('pingStart', { server });
        const result = await work();
        await delay(AROUND_MS);
        return { ms: await other('pingStop', {}), result };
      };
      await pings(() => undefined);
      const before = await pings(() => undefined);
      const during = await pings(() => client('headgateDelete', { server, run: stored.run }));
      return {
        'delete-blocks': {
          value: Math.max(...during.ms),
          floor: Math.max(...before.ms),
          peers: {
            ...limitPeer(LIMIT_MS, 'ms'),
            'p99, ms': percentile(during.ms, 99),
            'run/delete, ms': during.result,
            'GiB deleted': bytes / FULL_BYTES,
          },
        },
      };
    } finally {
      await scope.close();
    }
  },
};
