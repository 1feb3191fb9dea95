import { SshHosts } from '../../src/backends/ssh/ssh-backend.ts';
import { createTmuxBackend, RemoteTmux } from '../../src/backends/tmux/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { ProducerSpec } from '../../src/model/records.ts';

// A server to be killed: starts a command in tmux, tells its parent what it has stored, and never ends by itself.
// argv: folder, which is that of the other host where the spec names one; producer id, spec as JSON
const [folder = '', producerId = '', spec = ''] = process.argv.slice(2);
const hosts = new SshHosts();
const shared = { clock: systemClock, logger: silentLogger };
const remote = new RemoteTmux({ ...shared, root: folder, runner: () => 'test-runner', hostOf: (place) => hosts.host(place) });
const backend = createTmuxBackend({ ...shared, folder }, undefined, remote);
const tell = (message: object): Promise<void> => new Promise((resolve) => process.send?.(message, () => resolve()));

const handle = await backend.start(
  { producerId, spec: JSON.parse(spec) as ProducerSpec },
  { write: (channel, offset, bytes) => tell({ channel, offset, bytes: bytes.toString('base64') }) },
);
await tell({ ref: handle.ref });
setInterval(() => {}, 60_000);
