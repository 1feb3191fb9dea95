// A server to be killed, over the sources: starts a command, or takes it up, stores its output in a file, and gives
// the spool back in small steps. argv: folder, producer id, command, file, bytes of a step
import { fstatSync, openSync, writeSync } from 'node:fs';
import { createProcessBackend } from '../../src/backends/process/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';

const [folder = '', producerId = '', command = '', file = '', step = ''] = process.argv.slice(2);
const backend = createProcessBackend({ folder, clock: systemClock, logger: silentLogger, giveBackBytes: Number(step) });
const store = openSync(file, 'a+');
const { size } = fstatSync(store);
const request = { producerId, spec: { command, cwd: process.cwd(), env: {}, stdin: false } };
let stored = size;
const sink = {
  write: async (/** @type {number} */ channel, /** @type {number} */ offset, /** @type {Buffer} */ bytes) => {
    if (channel !== 1 || offset !== stored) throw new Error(`not the next byte: ${channel} ${offset}`);
    writeSync(store, bytes);
    stored += bytes.length;
  },
  persist: async () => {},
};
const handle = await (size === 0 ? backend.start(request, sink) : backend.adopt(request, null, new Map([[1, size]]), sink));
const { exitCode } = await handle.exited;
await handle.closed;
process.exit(exitCode ?? 99);
