/** JSON-RPC's "invalid params": what a server answers that does not know the carriage. */
const INVALID_PARAMS = -32602;

/**
 * Subscribes to the standard output of one command in either carriage, and checks that each piece begins where the one
 * before it ended. Answers the number of bytes so far, as `bytes()`.
 *
 * @param options - `carriage` is `json` or `raw`; `take(bytes, offset)`, where given, gets each piece as a Buffer
 */
export async function follow(wire, { run, path, carriage = 'json', take }) {
  let bytes = 0;
  const advance = (offset, length) => {
    if (offset !== bytes) throw new Error(`expected offset ${bytes}, got ${offset}`);
    bytes += length;
  };
  if (carriage === 'raw') await followRaw(wire, { run, path }, advance, take);
  else {
    wire.listeners.set('stream/chunk', ({ offset, chunk, encoding }) => {
      advance(offset, Buffer.byteLength(chunk, encoding));
      take?.(Buffer.from(chunk, encoding), offset);
    });
    await wire.call('stream/subscribe', { run, path, channel: 1, from: 'start' });
  }
  return { bytes: () => bytes };
}

/** Pieces that come before the answer with the handle has been looked at wait for it. */
async function followRaw(wire, target, advance, take) {
  let handle;
  const early = [];
  wire.onBinary = (chunk) => {
    if (handle === undefined) early.push(chunk);
    else if (chunk.handle === handle) {
      advance(chunk.offset, chunk.bytes.length);
      take?.(chunk.bytes, chunk.offset);
    }
  };
  handle = await rawHandle(wire, target);
  for (const chunk of early) wire.onBinary(chunk);
}

/** The handle of channel 1 in the binary carriage; the error says what the server does not offer. */
async function rawHandle(wire, { run, path }) {
  const { channels } = await wire.call('stream/subscribe', { run, path, channel: 1, from: 'start', carriage: 'raw' }).catch((error) => {
    if (error.code === INVALID_PARAMS) throw new Error(`this server has no binary carriage for stream/subscribe (${error.message})`);
    throw error;
  });
  const handle = channels.find(({ channel }) => channel === 1)?.handle;
  if (!Number.isInteger(handle)) throw new Error('this server gives no handle for carriage "raw": there are no binary frames to measure');
  return handle;
}

/** The carriage for what is not about the carriage: `raw` where the server has it, because it costs the client least. */
export async function bestCarriage(wire) {
  const { run } = await wire.call('startRun', { model: 'scripted' });
  const { path } = await wire.call('sh', { run, command: 'true' });
  const carriage = await rawHandle(wire, { run, path }).then(
    () => 'raw',
    () => 'json',
  );
  await wire.call('run/resolve', { run, resolution: { path, action: 'reject' } });
  return carriage;
}
