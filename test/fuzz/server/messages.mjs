/** Ids that a request may have, and some that it may not. */
const IDS = [0, 1, 1, -1, -0, 1.5, 2 ** 53, 1e308, '', '1', 'x'.repeat(5000), '\ud800', null, true, [], {}, [1], { id: 1 }];
const METHODS = [
  'ping',
  'ping',
  'init',
  'getRuns',
  'subscribe',
  'stream',
  '',
  'PING',
  'rpc.x',
  '__proto__',
  'constructor',
  'toString',
  '$/x',
];
const PARAMS = [undefined, {}, [], null, 1, 'x', { x: 1 }, { __proto__: null, run: '\0' }, { limit: -0 }, { redact: true }];
const TEXTS = [
  '',
  ' ',
  '\n',
  '\ufeff{}',
  '\0',
  'null',
  'NaN',
  '-0',
  '1e999',
  '"\\ud800"',
  '[]',
  '[[]]',
  '{}',
  '[1,2,3]',
  '{"__proto__":{"jsonrpc":"2.0"},"id":1,"method":"ping"}',
  '{"jsonrpc":"2.0","jsonrpc":"1.0","id":1,"id":2,"method":"ping"}',
  '{"jsonrpc":"2.0","id":1e999,"method":"ping"}',
  '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}',
  "{'jsonrpc':'2.0'}",
  '{"jsonrpc":"2.0","id":1,"result":{}}',
  '{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"x"}}',
  '{"jsonrpc":"2.0","id":1,"method":"ping","result":1}',
  '{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}',
  '{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":{}}}',
  '{"jsonrpc":"2.0","method":"$/cancelRequest"}',
  '{"jsonrpc":"2.0","method":"$/binary","params":{"bytes":"AAAA"}}',
  '{"jsonrpc":"2.0","method":"$/binary","params":{"bytes":1}}',
];

/** A request, mostly; its id may be one that many have. */
function request(random) {
  const params = random.pick(PARAMS);
  const id = random.chance(0.2) ? {} : { id: random.chance(0.5) ? random.int(1, 5) : random.pick(IDS) };
  return {
    jsonrpc: random.chance(0.97) ? '2.0' : random.pick(['1.0', 2, null]),
    ...id,
    method: random.chance(0.003) ? 'discover' : random.pick(METHODS),
    ...(params === undefined ? {} : { params }),
  };
}

function nested(random) {
  const depth = random.pick([63, 64, 65, 1000, 100_000]);
  const [open, shut] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
  ]);
  const inner = `${open.repeat(depth)}1${random.chance(0.8) ? shut.repeat(depth) : ''}`;
  return random.chance(0.5) ? inner : `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":${inner}}}`;
}

function batch(random) {
  const size = random.pick([1, 2, 10, 100, 101, 5000]);
  return JSON.stringify(Array.from({ length: size }, () => (random.chance(0.9) ? request(random) : random.pick([1, null, [], {}, 'x']))));
}

function damaged(random) {
  const bytes = Buffer.from(JSON.stringify(request(random)));
  for (let flips = random.int(1, 4); flips > 0; flips--) bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
  return bytes.subarray(0, random.chance(0.3) ? random.int(0, bytes.length) : bytes.length);
}

/** So many drawn bytes. */
export function bytes(random, count) {
  const drawn = Buffer.allocUnsafe(count);
  for (let at = 0; at < count; at++) drawn[at] = random.next();
  return drawn;
}

function long(random) {
  const text = random.pick(['x', '\\u0000', '[', '"', ' ', '9']).repeat(random.scale(10_000, 500_000));
  return random.pick([
    text,
    `{"jsonrpc":"2.0","id":1,"method":"${text}"}`,
    `{"jsonrpc":"2.0","id":2,"method":"ping","params":{"x":"${text}"}}`,
  ]);
}

/** What a client may send as one message, and should not. */
export function hostileMessage(random) {
  switch (random.weighted({ request: 60, text: 12, damaged: 12, bytes: 6, batch: 1, nested: 0.4, long: 0.1 })) {
    case 'text':
      return Buffer.from(random.pick(TEXTS));
    case 'damaged':
      return damaged(random);
    case 'bytes':
      return bytes(random, random.scale(1, 200));
    case 'batch':
      return Buffer.from(batch(random));
    case 'nested':
      return Buffer.from(nested(random));
    case 'long':
      return Buffer.from(long(random));
    default:
      return Buffer.from(JSON.stringify(request(random)));
  }
}
