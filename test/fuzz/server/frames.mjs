import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Receiver, Sender } from 'ws';
import { bytes, hostileMessage } from './messages.mjs';
import { attacked } from './target.mjs';

/** Connections at a time. */
const AT_ONCE = 6;
const ANSWER_MS = 30_000;
const MESSAGE_BYTES = 16 * 2 ** 20;
const TEXT = 1;
const BINARY = 2;
const PING = 9;

/** Sends frames that no client should send, over WebSockets, the unix socket, POST and what is HTTP by half. */
export async function fuzz(limits) {
  const { random } = limits;
  const counts = { connections: 0, answers: 0 };
  let frames = 0;
  const { findings, told } = await attacked(limits, async (target) => {
    let next = 0;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (target.more()) {
          const own = random.fork(`connection ${next++}`);
          const kind = KINDS[own.weighted({ webSocket: 10, terminal: 1, unix: 4, http: 6 })];
          counts.connections += 1;
          await kind({ target, random: own, counts });
        }
      }),
    );
    frames = target.count;
  });
  return { findings, told: `${frames} frames on ${counts.connections} connections, ${counts.answers} answers; ${told}` };
}

/** A socket that writes no faster than the server takes, and never fails. */
async function reach(where) {
  const socket = connect(where);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  await Promise.race([once(socket, 'connect').catch(() => undefined), closed]);
  return {
    socket,
    closed,
    write: async (data) => {
      if (socket.writable && !socket.write(data)) await Promise.race([once(socket, 'drain').catch(() => undefined), closed]);
    },
  };
}

const portOf = ({ address }) => ({ host: '127.0.0.1', port: Number(new URL(address.url).port) });

/** Whether `promise` is settled in time. */
async function inTime(promise) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ANSWER_MS, false)));
  const done = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

function upgrade({ host, port }, token, { path = '/rpc', more = [] } = {}) {
  return [
    `GET ${path} HTTP/1.1`,
    `host: ${host}:${port}`,
    'upgrade: websocket',
    'connection: Upgrade',
    'sec-websocket-version: 13',
    'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
    ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
    ...more,
    '',
    '',
  ].join('\r\n');
}

/** One frame of a client. */
function frame(random, data, options) {
  const generateMask = (mask) => mask.writeUInt32LE(random.next());
  return Buffer.concat(Sender.frame(data, { fin: true, mask: true, generateMask, readOnly: true, rsv1: false, opcode: TEXT, ...options }));
}

/** Frames of one message that end no connection. Few are pings: `ws` leaves a peer that sends many and does not take their answers. */
function borne(random) {
  const message = hostileMessage(random);
  switch (random.weighted({ whole: 80, parts: 8, binary: 6, pong: 3, ping: 0.3 })) {
    case 'binary':
      return [frame(random, message, { opcode: BINARY })];
    case 'ping':
      return [frame(random, message.subarray(0, 125), { opcode: PING })];
    case 'pong':
      return [frame(random, message.subarray(0, 125), { opcode: PING + 1 })];
    case 'parts':
      return inParts(random, isUtf8(message) ? message : Buffer.from('{'));
    default:
      return [frame(random, message, isUtf8(message) ? {} : { opcode: BINARY })];
  }
}

function inParts(random, message) {
  const frames = [];
  const parts = random.int(2, 20);
  const size = Math.ceil(message.length / parts);
  for (let part = 0; part < parts; part++) {
    const piece = message.subarray(part * size, (part + 1) * size);
    frames.push(frame(random, piece, { opcode: part === 0 ? TEXT : 0, fin: part === parts - 1 }));
    if (part < parts - 1 && random.chance(0.1)) frames.push(frame(random, Buffer.from('x'), { opcode: PING + 1 }));
  }
  return frames;
}

/** What ends a connection, or should. */
const FATAL = {
  unmasked: (random) => frame(random, Buffer.from('{}'), { mask: false }),
  reserved: (random) => frame(random, Buffer.from('{}'), { opcode: random.pick([3, 4, 7, 11, 15]) }),
  rsv: (random) => frame(random, Buffer.from('{}'), { rsv1: true }),
  longControl: (random) => frame(random, Buffer.alloc(126), { opcode: random.pick([8, PING]) }),
  partOfControl: (random) => frame(random, Buffer.from('x'), { opcode: PING, fin: false }),
  continuation: (random) => frame(random, Buffer.from('{}'), { opcode: 0 }),
  twoAtOnce: (random) => Buffer.concat([frame(random, Buffer.from('{'), { fin: false }), frame(random, Buffer.from('{}'))]),
  noUtf8: (random) => frame(random, Buffer.from([0x22, 0xff, 0xc0, 0x22])),
  badClose: (random) => frame(random, random.pick([Buffer.from([3]), Buffer.from([0, 0]), Buffer.from([3, 232, 0xff])]), { opcode: 8 }),
  close: (random) => frame(random, Buffer.from([3, 232]), { opcode: 8 }),
  hugeHead: () => Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1]),
  tooLarge: (random) => frame(random, Buffer.alloc(random.chance(0.1) ? MESSAGE_BYTES + 1 : 0, ' '), { fin: false }),
  half: (random) => frame(random, Buffer.alloc(random.scale(10, 10_000), '{')).subarray(0, random.int(1, 10)),
  bytes: (random) => bytes(random, random.scale(1, 5000)),
};

/** The socket of an upgraded connection, what it says going to `hear`; undefined when it was refused. */
async function webSocketAt(target, head, hear) {
  const link = await reach(portOf(target));
  await link.write(head);
  let start = Buffer.alloc(0);
  while (!start.includes('\r\n\r\n')) {
    const came = await Promise.race([once(link.socket, 'data').catch(() => undefined), link.closed.then(() => undefined)]);
    if (!came) return undefined;
    start = Buffer.concat([start, came[0]]);
  }
  if (!start.toString('latin1').startsWith('HTTP/1.1 101 ')) return undefined;
  const receiver = new Receiver({ isServer: false, maxPayload: 0 });
  receiver.on('message', hear);
  receiver.on('conclude', (code, reason) => (link.end = `${code} ${reason}`));
  receiver.on('error', (error) => target.found(`a frame that is none came: ${error.message}`));
  receiver.write(start.subarray(start.indexOf('\r\n\r\n') + 4));
  link.socket.on('data', (data) => receiver.write(data));
  return link;
}

async function webSocket({ target, random, counts }) {
  let answered;
  const last = new Promise((resolve) => (answered = resolve));
  const end = `last-${counts.connections}`;
  const scope = random.pick(['admin', 'admin', 'run', 'read', 'runner']);
  const hear = (data, binary) => {
    counts.answers += 1;
    if (binary) return target.found('a binary message came');
    for (const { id } of target.heard(data.toString())) if (id === end) answered();
  };
  const link = await webSocketAt(target, upgrade(portOf(target), target.tokens[scope]), hear);
  if (!link) return target.more() && target.found('a good upgrade was refused', { scope });
  const { socket } = link;
  const deaf = random.chance(0.03);
  if (deaf) socket.pause();
  for (let left = random.scale(1, 3000); left > 0 && socket.writable && target.more(); left--) {
    const frames = borne(random);
    target.count += frames.length;
    const writing = link.write(Buffer.concat(frames));
    // Who does not read is not read any more.
    if (deaf && socket.writableNeedDrain) break;
    await writing;
  }
  if (!deaf) {
    await link.write(frame(random, Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: end, method: 'ping' }))));
    const answer = inTime(Promise.race([last, link.closed]));
    if (!(await answer)) target.found('no answer to a ping', { connection: end });
    else if (socket.closed && target.more()) target.found('frames that end no connection ended one', { connection: end, as: link.end });
    const kind = random.pick(Object.keys(FATAL));
    target.count += 1;
    await link.write(FATAL[kind](random));
    if (!['half', 'bytes', 'tooLarge'].includes(kind) && !(await inTime(link.closed))) target.found('a connection stays', { after: kind });
  }
  socket.destroy();
}

/** A terminal session, of nonsense from its first message on or of a command that ends at once. */
async function terminal({ target, random }) {
  const head = upgrade(portOf(target), target.tokens[random.pick(['admin', 'run'])], { path: '/tty' });
  const link = await webSocketAt(target, head, (data, binary) => binary || JSON.parse(data));
  if (!link) return;
  const open = { projectRoot: target.folder('project'), cmd: random.pick(['true', 'cat', ['echo', 'x']]), tty: random.pick([null, {}]) };
  if (random.chance(0.6)) await link.write(frame(random, Buffer.from(JSON.stringify(open))));
  for (let left = random.scale(1, 100); left > 0 && link.socket.writable; left--) {
    const frames = borne(random);
    target.count += frames.length;
    await link.write(Buffer.concat(frames));
  }
  link.socket.destroy();
}

async function unix({ target, random, counts }) {
  let answered;
  const last = new Promise((resolve) => (answered = resolve));
  const end = `last-${counts.connections}`;
  const link = await reach(target.address.socket);
  let rest = '';
  link.socket.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      counts.answers += 1;
      for (const { id } of target.heard(line)) if (id === end) answered();
    }
  });
  for (let left = random.scale(1, 2000); left > 0 && link.socket.writable && target.more(); left--) {
    const line = random.chance(0.0005) ? Buffer.alloc(MESSAGE_BYTES + 2, ' ') : hostileMessage(random);
    target.count += 1;
    await link.write(Buffer.concat([line, Buffer.from(random.pick(['\n', '\n', '\r\n', '\n\n']))]));
  }
  await link.write(`\n${JSON.stringify({ jsonrpc: '2.0', id: end, method: 'ping' })}\n${random.chance(0.3) ? '{"half' : ''}`);
  if (random.chance(0.3)) link.socket.end();
  if (!(await inTime(Promise.race([last, link.closed])))) target.found('no answer to a line', { connection: end });
  link.socket.destroy();
}

/** Requests by their bytes: what status they may have, and whether the other side ends the connection by itself. */
const REQUESTS = {
  post: ({ head, body }) => [head('POST /rpc', `content-length: ${body.length}`), body, [200, 204]],
  chunked: ({ head, body }) => [
    head('POST /rpc', 'transfer-encoding: chunked'),
    Buffer.concat([Buffer.from(`${body.length.toString(16)};x=y\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]),
    body.length === 0 ? [200, 204, 400] : [200, 204],
  ],
  lengthAndChunks: ({ head, inner }) => [head('POST /rpc', 'content-length: 4', 'transfer-encoding: chunked'), `0\r\n\r\n${inner}`, [400]],
  twoLengths: ({ head, inner }) => [head('POST /rpc', 'content-length: 0', `content-length: ${inner.length}`), inner, [400]],
  badLength: ({ random, head }) => [
    head('POST /rpc', `content-length: ${random.pick(['-1', '+1', '0x10', '1 2', '1e3', '9'.repeat(30)])}`),
    '{}',
    [400],
  ],
  oddChunks: ({ random, head, inner }) => [
    head(
      'POST /rpc',
      `transfer-encoding: ${random.pick(['chunked, identity', 'x, chunked, chunked', ' chunked x', 'identity', '\vchunked'])}`,
    ),
    `0\r\n\r\n${inner}`,
    [400, 501],
  ],
  badChunk: ({ random, head }) => [
    head('POST /rpc', 'transfer-encoding: chunked'),
    `${random.pick(['g', '-1', 'ffffffffffffffffff', ''])}\r\nx\r\n`,
    [400, undefined],
  ],
  fold: ({ head }) => [head('GET /healthz', 'x: a\r\n b: c'), '', [200, 400]],
  spaceBeforeColon: ({ head }) => [head('POST /rpc', 'content-length : 2'), '{}', [400]],
  nulInHeader: ({ head }) => [head('GET /healthz', 'x: \0'), '', [400]],
  manyHeaders: ({ head }) => [head('GET /healthz', ...Array.from({ length: 3000 }, (_, at) => `x${at}: ${at}`)), '', [200, 431]],
  longTarget: ({ head }) => [head(`GET /${'a'.repeat(70_000)}`), '', [431]],
  otherHost: ({ head }) => [head('GET /healthz', 'host: example.org').replace(/host: 127[^\r]*\r\n/, ''), '', [403]],
  twoHosts: ({ head }) => [head('POST /rpc', 'host: example.org', 'content-length: 0'), '', [400, 403, 200]],
  noHost: ({ head }) => [head('GET /healthz').replace(/host: 127[^\r]*\r\n/, ''), '', [400, 403]],
  foreignOrigin: ({ random, head, body }) => [
    head('POST /rpc', `origin: ${random.pick(ORIGINS)}`, `content-length: ${body.length}`),
    body,
    [403],
  ],
  noToken: ({ body, bare }) => [bare('POST /rpc', `content-length: ${body.length}`), body, [401]],
  badToken: ({ random, body, bare }) => [
    bare('POST /rpc', `authorization: ${random.pick(TOKENS)}`, `content-length: ${body.length}`),
    body,
    [401],
  ],
  compressed: ({ head, body }) => [head('POST /rpc', 'content-encoding: gzip', `content-length: ${body.length}`), body, [415]],
  method: ({ random, head }) => [head(`${random.pick(['PUT', 'DELETE', 'OPTIONS', 'TRACE', 'HEAD', 'PATCH'])} /rpc`), '', [426]],
  source: ({ random, head }) => [head(`GET /runs/${random.pick(['%', '%ff', '%00', '..', 'a%2f..', 'x', ''])}/events`), '', [400, 404]],
  path: ({ random, head }) => [
    head(`GET ${random.pick(['/..%2f..%2fetc/passwd', '//x', '/%', '*', 'http://example.org/', '/\\..\\x', '/?a#b'])}`),
    '',
    [200, 302, 400, 403, 404],
  ],
  nonsense: ({ random }) => ['', bytes(random, random.scale(1, 2000)), undefined],
  half: ({ head, body }) => [head('POST /rpc', `content-length: ${body.length + 10}`), body, undefined],
  halfHead: ({ random, head }) => [head('GET /healthz').slice(0, random.int(1, 40)), '', undefined],
};
const ORIGINS = [
  'null',
  'http://example.org',
  'http://127.0.0.1.example.org',
  'file://',
  'http://localhost:1',
  'x',
  'http://[::1',
  'https://127.0.0.1',
];
const TOKENS = ['Bearer', 'Bearer ', 'Bearer x', 'Basic eDp4', 'bearer', `Bearer ${'x'.repeat(9000)}`, 'Bearer \xff', 'Bearer undefined'];
/** Upgrades that are refused. */
const UPGRADES = {
  origin: (random, at, token) => upgrade(at, token, { more: [`origin: ${random.pick(ORIGINS)}`] }),
  token: (random, at) => upgrade(at, undefined, { more: [`authorization: ${random.pick(TOKENS)}`] }),
  subprotocol: (_, at) => upgrade(at, undefined, { more: ['sec-websocket-protocol: headgate, bearer.x'] }),
  nothing: (_, at) => upgrade(at),
  path: (random, at, token) => upgrade(at, token, { path: random.pick(['/', '/rpcx', '/RPC', '/rpc/..', '/tty/x', '//rpc']) }),
  host: (_, at, token) => upgrade(at, token).replace(/host: [^\r]*/, 'host: example.org'),
  version: (_, at, token) => upgrade(at, token).replace('version: 13', 'version: 12'),
  key: (_, at, token) => upgrade(at, token).replace('AAAA==', 'A'),
  verb: (_, at, token) => upgrade(at, token).replace('GET', 'POST'),
};

/** Whether a response has the status of the error in it, as that of a single call has (SPEC {#transport_http}). */
function isOfItsError(response, status) {
  try {
    return JSON.parse(response.slice(response.indexOf('\r\n\r\n'))).error.data.status === status;
  } catch {
    return false;
  }
}

async function http({ target, random, counts }) {
  const at = portOf(target);
  const bare = (start, ...headers) =>
    [`${start} HTTP/1.1`, `host: ${at.host}:${at.port}`, 'connection: close', ...headers, '', ''].join('\r\n');
  const head = (start, ...headers) => bare(start, `authorization: Bearer ${target.tokens.run}`, ...headers);
  for (let left = random.int(1, 20); left > 0 && target.more(); left--) {
    const link = await reach(at);
    const parts = [];
    link.socket.on('data', (data) => parts.push(data));
    target.count += 1;
    const upgrades = random.chance(0.2);
    const kind = random.pick(Object.keys(upgrades ? UPGRADES : REQUESTS));
    const body = hostileMessage(random);
    const inner = `${bare('POST /rpc', `authorization: Bearer ${target.tokens.run}`, 'content-length: 40')}{"jsonrpc":"2.0","id":1,"method":"ping"}`;
    const [start, rest, expected] = upgrades
      ? [UPGRADES[kind](random, at, target.tokens.run), '', [400, 401, 403, 404, 405, 426]]
      : REQUESTS[kind]({ random, head, bare, body, inner });
    await link.write(start);
    await link.write(rest);
    if (expected && !(await inTime(link.closed))) target.found('a request is not answered', { kind });
    link.socket.destroy();
    if (!expected || !target.more()) continue;
    counts.answers += 1;
    const answer = Buffer.concat(parts).toString();
    const status = answer === '' ? undefined : Number(answer.slice(9, 12));
    const answers = answer.split('HTTP/1.1 ').length - 1;
    // What is answered before all of it was read may be reset before the answer was.
    if (status === undefined && start.length + rest.length > 4096) continue;
    if (!(expected.includes(status) || isOfItsError(answer, status)) || answers > 1)
      target.found('an answer that should not be', { kind, start: start.slice(0, 500), answer: answer.slice(0, 500) });
    if (kind === 'post' && status === 200) target.heard(answer.slice(answer.indexOf('\r\n\r\n') + 4), () => body.toString());
  }
}

const KINDS = { webSocket, terminal, unix, http };
