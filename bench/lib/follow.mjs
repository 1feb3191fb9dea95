/** JSON-RPC's "invalid params": what a server answers that does not know the carriage. */
const INVALID_PARAMS = -32602;

/**
 * Subscribes to the standard output of one command in either carriage, and checks that each piece begins where the one
 * before it ended. Returns the number of bytes so far, as `bytes()`.
 *
 * @param options - `carriage` is `json` or `raw`; `take(data, encoding, offset)`, where given, gets each piece as it came, a Buffer or a string in
 * that encoding, and returns its bytes
 */
export async function follow(wire, { run, path, carriage = 'json', redact, take = lengthOf }) {
  let bytes = 0;
  const advance = (offset, data, encoding) => {
    if (offset !== bytes) throw new Error(`expected offset ${bytes}, got ${offset}`);
    bytes += take(data, encoding, offset);
  };
  if (carriage === 'raw') await followRaw(wire, { run, path, redact }, advance);
  else {
    wire.listeners.set('stream/chunk', ({ offset, chunk, encoding }) => advance(offset, chunk, encoding));
    await wire.call('stream/subscribe', { run, path, channel: 1, from: 'start', redact });
  }
  return { bytes: () => bytes };
}

/** A `take` that gives each piece as a Buffer, and its offset. */
export function asBuffers(each) {
  return (data, encoding, offset) => {
    const bytes = typeof data === 'string' ? Buffer.from(data, encoding) : data;
    each(bytes, offset);
    return bytes.length;
  };
}

function lengthOf(data, encoding) {
  return typeof data === 'string' ? Buffer.byteLength(data, encoding) : data.length;
}

/**
 * The handle is in the answer, or, of a command that has not been accepted yet, in `stream/opened`. Messages that come before
 * the answer has been looked at wait for it.
 */
async function followRaw(wire, { run, path, redact }, advance) {
  let handle;
  const early = [];
  wire.onBinary = (chunk) => {
    if (handle === undefined) early.push(chunk);
    else if (chunk.handle === handle && chunk.channel === 1) advance(chunk.offset, chunk.bytes);
  };
  const known = (number) => {
    handle ??= number;
    if (handle !== undefined) for (const chunk of early.splice(0)) wire.onBinary(chunk);
  };
  wire.listeners.set('stream/opened', (opened) => opened.path === path && known(opened.handle));
  wire.listeners.set('stream/chunk', () => {
    throw new Error('this server sends stream/chunk where binary frames were asked for');
  });
  const { channels } = await subscribeRaw(wire, { run, path, redact });
  known(channels.find(({ channel }) => channel === 1)?.handle);
}

/** The answer; where the server does not know the carriage, an error that says so. */
async function subscribeRaw(wire, { run, path, redact }) {
  try {
    return await wire.call('stream/subscribe', { run, path, channel: 1, from: 'start', carriage: 'raw', redact });
  } catch (error) {
    if (error.code === INVALID_PARAMS) throw new Error(`this server has no binary carriage for stream/subscribe (${error.message})`);
    throw error;
  }
}

/** The carriage for what is not about the carriage: `raw` where the server has it, because it costs the client least. */
export async function bestCarriage(wire) {
  const { run } = await wire.call('startRun', { model: 'scripted' });
  const { path } = await wire.call('sh', { run, command: 'true' });
  const carriage = await subscribeRaw(wire, { run, path }).then(
    () => 'raw',
    () => 'json',
  );
  await wire.call('run/resolve', { run, resolution: { path, action: 'reject' } });
  return carriage;
}
