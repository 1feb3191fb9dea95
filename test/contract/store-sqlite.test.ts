import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/store/index.ts';
import { storeContract } from './store.contract.ts';

storeContract('on SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-store-'));
  const clock = { now: 0 };
  const store = await openStore({
    file: join(folder, 'headgate.db'),
    clock: { now: () => clock.now, monotonic: () => clock.now },
    checkpoint: false,
  });
  return {
    store,
    clock,
    dispose: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
