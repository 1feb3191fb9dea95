const long = (unit, count) => unit.repeat(count);

/** Texts that a careless program takes for something else. None is a command that does anything. */
export const TEXTS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'x\udfffy',
  '\n',
  '\r\nx: y',
  '\u202eabc',
  '\u2028',
  '\ufeff',
  '%00',
  '%ff%2e%2e',
  '.',
  '..',
  '...',
  './.',
  '~',
  '-',
  '--help',
  '*',
  '**',
  '**/**/**/**/*',
  '?',
  '{a,b}',
  long('{a,b}', 40),
  long('[', 500),
  '(a+)+$',
  '(',
  '\\',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'undefined',
  'NaN',
  '-0',
  '1e999',
  "'; drop table runs; --",
  '💥',
  'e\u0301',
  long('a', 64),
  long('a', 65),
  long('a', 255),
  long('a', 256),
  long('é', 128),
  long('a', 4096),
  long('a', 70_000),
  long('é', 2000),
  long('a/', 500),
  long('a/', 2100),
  long('../', 40),
];
/** Paths of entries and files. */
const PATHS = [
  'file://',
  'file://a.txt',
  'file://sub/b.txt',
  'file://sub/',
  'file://../outside/canary.txt',
  'file://sub/../../outside/canary.txt',
  'file:///etc/hostname',
  'file://.git/config',
  'file://%2e%2e/x',
  'file://a\0b',
  'file://\ud800',
  'file://a\nb',
  'file://*',
  'file://**/*.txt',
  `file://${long('a', 255)}`,
  `file://${long('a', 256)}`,
  `file://${long('é', 128)}`,
  `file://${long('a/', 500)}`,
  'FILE://a.txt',
  'log://turn_0/sh/echo',
  'log://turn_0/sh/echo/1',
  'log://turn_99999999999999999999/sh/x',
  'log://../x',
  'log://',
  'prompt://x',
  'skill://..',
  'known://x',
  'known://',
  'unknown://x',
  'x://y',
  'a.txt',
  '/a.txt',
  '://',
];
const NUMBERS = [
  0,
  '@raw:-0@',
  1,
  -1,
  1.5,
  7,
  65_535,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  1e21,
  1e308,
  '@raw:1e999@',
  '@raw:-1e999@',
  '@raw:1e-400@',
];
/** What a command may be: nothing that does harm, or lasts. */
const COMMANDS = [
  'true',
  'exit 3',
  'echo hi',
  'printf "a\\nb\\n"',
  'sleep 0.2',
  'seq 1 5000',
  'head -c 100000 /dev/zero',
  'kill -9 $$',
  'read line; echo "$line"',
  '( sleep 0.3 & )',
  'ls',
  'git status',
  ['echo', 'x'],
  ['echo', '\ud800'],
  ['printf', 'a\0b'],
  [],
  [''],
  '',
  ' ',
  '\0',
  '\ud800',
  'echo \u202e',
  ': ((',
  `: ${long('a', 20_000)}`,
  `: ${long('"$(', 300)}`,
  `: ${long('{a,b}', 200)}`,
];
/** Numbers that no process of this machine has. */
const NO_PROCESS = [[], [2 ** 40], [2 ** 53 - 1, 2 ** 40], [1.5], ['x'], 'x', null];

/**
 * What a field is drawn from whatever its schema says, so that a call means something, and nothing is reached, signalled or run outside of the throw-away
 * folders. `known` has runs, places and folders.
 */
const FIELDS = {
  run: ({ random, known }) => random.pick([...known.runs, 'nope', 'a1']),
  path: ({ random, known }) => random.pick([random.pick(PATHS), random.pick(known.places)?.path ?? 'file://a.txt']),
  to: ({ random }) => random.pick(PATHS),
  pattern: ({ random }) => random.pick(['*', '**', 'log://**', 'file://**', '{a,b}', '[']),
  name: ({ random }) => random.pick(['test', 'a', 'b-1', 'x'.repeat(64)]),
  alias: ({ random }) => random.pick(['m1', 'm2', 'r1', 'scripted']),
  model: ({ random }) => random.pick(['scripted', 'scripted', 'm1', 'nope']),
  actual: ({ random }) => random.pick(['default', 'default', 'nope.yaml', '../outside/canary.txt', 'a.txt', ...TEXTS]),
  provider: ({ random }) => random.pick(['scripted', 'scripted', 'openai', 'anthropic', ...TEXTS]),
  projectRoot: ({ random, known }) => random.pick(known.roots),
  command: ({ random }) => random.pick(COMMANDS),
  prompt: ({ random }) => random.pick(['hello', 'sh: echo hi', 'env: ls', 'sh: sleep 0.1', ...TEXTS]),
  container: ({ random }) => random.pick([{}, null, 1, 'x', { x: 1 }]),
  ssh: ({ random }) => random.pick([{ host: '127.0.0.1', port: 9 }, {}, null, 'x', { host: '\n' }]),
  tmux: ({ random }) => random.pick([{ socket: '/nowhere', pane: '%9' }, { session: '\n' }, null, 'x']),
  backend: ({ random }) => random.pick(['process', 'pty', 'nope', '', '\0']),
  backends: ({ random }) => random.pick([['process'], ['pty', 'process'], ['x'], []]),
  detached: ({ random }) => random.pick(NO_PROCESS),
  processes: ({ random }) => random.pick(NO_PROCESS),
  receipt: () => ({ requestedBy: 'x', reason: null, requestedAt: 1, signals: [], confirmedDead: [], escaped: [], finishedAt: null }),
  rule: ({ random }) => random.pick(['sh(echo *)', 'sh(*) in .', 'set(**)', 'env(git *)', 'sh(', '(', 'x', ...TEXTS]),
  tool: ({ random }) => random.pick(['sh', 'env', 'set', 'get', 'fetch', 'search', 'nope', ...TEXTS]),
  subjects: ({ random }) => [random.pick([...PATHS, ...TEXTS])],
  signal: ({ random }) => random.pick(['SIGTERM', 'TERM', 'SIGKILL', 'SIGINT', 'SIGWINCH', '9', 'SIGNOPE', '']),
  match: ({ random }) => random.pick(['a', '(a+)+$', '(', '^', '(?<=a)b', '\\p{L}', ...TEXTS]),
  chunk: ({ random }) => random.pick(['x\n', 'AAAA', '====', '\u001b[2J', '\u001b]0;', long('\u001b[', 1000), ...TEXTS]),
  reason: ({ random }) => random.pick(TEXTS),
  producer: ({ random }) => random.pick(['p1-a', 'p999999999999999-zzzzzzzzzzz']),
  lifetime: ({ random }) => random.pick(['server', '1s', '999999999d', '0s']),
  yield_ms: ({ random }) => random.pick([0, 1, 50, -1, '@raw:1e999@']),
  cwd: ({ random }) => random.pick(['.', 'sub', '..', '/', ...TEXTS]),
};

/** Any JSON value, mostly one that is not asked for. `@raw:X@` stands for the text X, which JSON.stringify has not. */
export function hostileValue(random) {
  switch (random.weighted({ text: 50, number: 25, other: 15, deep: 5, wide: 5 })) {
    case 'text':
      return random.chance(0.3) ? random.pick(PATHS) : random.chance(0.01) ? long('x', 2 ** 20 + 1) : random.pick(TEXTS);
    case 'number':
      return random.pick(NUMBERS);
    case 'deep': {
      let value = random.pick([1, {}, []]);
      for (let left = random.pick([3, 30, 58]); left > 0; left--) value = random.chance(0.5) ? [value] : { a: value };
      return value;
    }
    case 'wide':
      return random.chance(0.5)
        ? Array(random.pick([0, 17, 1000])).fill(random.pick(TEXTS.slice(0, 20)))
        : Object.fromEntries(TEXTS.map((text, at) => [text, at]));
    default:
      return random.pick([null, true, false, [], {}, [null], [[]], { x: 1 }, { length: 3 }]);
  }
}

/** A value of a schema, on its edges where it has some; null where none is found. */
function ofSchema(given, schema, field) {
  const { random } = given;
  if (field !== undefined && Object.hasOwn(FIELDS, field) && (random.chance(0.7) || GUARDED.has(field))) return FIELDS[field](given);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return random.pick(schema.enum);
  if (schema.anyOf) return ofSchema(given, random.pick(schema.anyOf));
  const type = Array.isArray(schema.type) ? random.pick(schema.type) : schema.type;
  switch (type) {
    case 'string':
      return text(random, schema);
    case 'integer':
    case 'number': {
      const { minimum = -(2 ** 53), maximum = 2 ** 53 - 1 } = schema;
      return random.pick([minimum, maximum, 0, 1, 7, 100, 2 ** 31].filter((one) => one >= minimum && one <= maximum));
    }
    case 'boolean':
      return random.chance(0.5);
    case 'array':
      return Array.from({ length: random.int(schema.minItems ?? 0, Math.min(schema.maxItems ?? 3, 3)) }, () =>
        ofSchema(given, schema.items ?? {}),
      );
    case 'object': {
      const fields = ofFields(given, Object.entries(schema.properties ?? {}), new Set(schema.required));
      if (schema.additionalProperties && random.chance(0.7)) fields[random.pick(['A', 'x', ...TEXTS])] = random.pick([...TEXTS, 1, null]);
      return fields;
    }
    default:
      return type === 'null' ? null : hostileValue(random);
  }
}

function text(random, { pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY }) {
  const fits = (one) => one.length >= minLength && one.length <= maxLength && (pattern === undefined || new RegExp(pattern, 'u').test(one));
  const drawn = Array.from({ length: 8 }, () => random.pick(TEXTS));
  return drawn.find(fits) ?? ['a1', '1s', 'A', 'p1-a', 'x'.repeat(minLength)].find(fits) ?? null;
}

function ofFields(given, fields, required) {
  const made = fields.filter(([name]) => required.has(name) || given.random.chance(0.4));
  return Object.fromEntries(made.map(([name, schema]) => [name, ofSchema(given, schema, name)]));
}

/** Fields that take nothing but what is drawn for them: anything else might be done. */
const GUARDED = new Set([
  'projectRoot',
  'command',
  'container',
  'ssh',
  'tmux',
  'backend',
  'backends',
  'detached',
  'processes',
  'receipt',
  'prompt',
  'provider',
  'yield_ms',
]);

/** The params of a call of a method, right or wrong in one way or several. */
export function paramsOf(given, method) {
  const { random } = given;
  const how = random.weighted({ right: 35, field: 40, fields: 7, missing: 6, unknown: 5, whole: 4, place: 0 });
  if (how === 'whole') return hostileValue(random);
  const schemas = method.params.map(({ name, schema }) => [name, schema]);
  const params = ofFields(given, schemas, new Set(method.params.filter(({ required }) => required).map(({ name }) => name)));
  const place = random.pick(given.known.places);
  if (place && 'run' in params && random.chance(0.6)) Object.assign(params, place, 'path' in params ? {} : { path: undefined });
  if (place && params.resolution?.path && random.chance(0.7))
    Object.assign(params, { run: place.run, resolution: { ...params.resolution, path: place.path } });
  if (how === 'unknown') params[random.pick(TEXTS)] = hostileValue(random);
  const open = schemas.map(([name]) => name).filter((name) => !GUARDED.has(name));
  if (open.length > 0) {
    if (how === 'field') params[random.pick(open)] = hostileValue(random);
    if (how === 'fields') for (const name of open) if (random.chance(0.5)) params[name] = hostileValue(random);
    if (how === 'missing') delete params[random.pick(open)];
  }
  return params;
}

/** JSON, with what JavaScript's own has not. */
export function toText(value) {
  return JSON.stringify(value).replace(/"@raw:([^"@]*)@"/g, '$1');
}
