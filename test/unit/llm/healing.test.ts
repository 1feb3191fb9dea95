import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { healCall } from '../../../src/llm/heal/call.ts';
import { mendJson } from '../../../src/llm/heal/json.ts';
import type { ToolSpec } from '../../../src/model/ports/model-provider.ts';

const TOOLS: ToolSpec[] = [
  {
    name: 'sh',
    description: '',
    inputSchema: {
      type: 'object',
      properties: {
        command: { type: 'string' },
        yield_ms: { type: 'integer' },
        stdin: { type: 'boolean' },
        labels: { type: 'array', items: { type: 'string' } },
        env: { type: 'object', additionalProperties: { type: 'string' } },
      },
      required: ['command'],
      additionalProperties: false,
    },
  },
  {
    name: 'get',
    description: '',
    inputSchema: {
      type: 'object',
      properties: { path: { type: 'string' }, line: { type: 'integer' } },
      required: ['path'],
      additionalProperties: false,
    },
  },
];

describe('{#healing} arguments', () => {
  it.each([
    ['single quotes', "{'command': 'ls'}", { command: 'ls' }],
    ['keys without quotes', '{command: "ls"}', { command: 'ls' }],
    ['trailing commas', '{"command": "ls", "labels": ["a",],}', { command: 'ls', labels: ['a'] }],
    ['comments', '{"command": "ls" // list\n}', { command: 'ls' }],
    ["Python's literals", '{"command": "ls", "stdin": True}', { command: 'ls', stdin: true }],
    ['raw line ends in a string', '{"command": "a\nb"}', { command: 'a\nb' }],
    ['a fence', '```json\n{"command": "ls"}\n```', { command: 'ls' }],
    ['missing brackets', '{"command": "ls", "labels": ["a"', { command: 'ls', labels: ['a'] }],
    ['a bracket too many', '{"command": "ls"}}', { command: 'ls' }],
    ['JSON in a string', '"{\\"command\\": \\"ls\\"}"', { command: 'ls' }],
    ['a list of one object', '[{"command": "ls"}]', { command: 'ls' }],
  ])('are mended and the repair is named: %s', (_, text, input) => {
    const healed = healCall('sh', text, TOOLS);
    expect(healed).toMatchObject({ tool: 'sh', input });
    expect('repairs' in healed && healed.repairs.length).toBeGreaterThanOrEqual(1);
  });

  it.each([
    ['more levels than a message may have', `{"command": ${'['.repeat(65)}${']'.repeat(65)}}`, '64 levels'],
    ['a string that does not end', '{"command": "rm -r buil', 'middle of a string'],
    ['a number that may go on', '{"command": "ls", "yield_ms": 12', 'the text ends'],
    ['an unknown escape', '{"command": "sed s/\\d/x/"}', 'no escape of JSON'],
    ['a quote within single quotes', "{'command': 'echo it's'}", 'missing'],
    ['two objects', '{"command": "a"}{"command": "b"}', 'more text than one value'],
    ['words', 'run ls for me', 'no value'],
    ['a command alone', '"ls"', 'no object'],
    ['depth without end', '['.repeat(100_000), 'levels'],
  ])('are refused with the place when they have more than one reading: %s', (_, text, problem) => {
    const healed = healCall('sh', text, TOOLS);
    expect('problem' in healed ? healed.problem : JSON.stringify(healed)).toContain(problem);
  });

  it('are never thrown at, and what is JSON is what JSON says', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.json(),
          fc.json().map((text) => text.slice(0, -1)),
          fc.json().map((text) => text.replaceAll('"', "'")),
        ),
        (text) => {
          const mended = mendJson(text);
          let expected: { value: unknown } | undefined;
          try {
            expected = { value: JSON.parse(text) };
          } catch {
            expected = undefined;
          }
          if (expected) expect(mended).toEqual({ ...expected, repairs: [] });
          else if ('value' in mended) expect(mended.repairs.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('in another notation have the value that was meant', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any')),
        fc.dictionary(fc.string(), tie('any')),
      ),
    })).any;
    const loose = (one: unknown): string => {
      if (Array.isArray(one)) return `[${one.map((item) => `${loose(item)},`).join(' ')}]`;
      if (typeof one === 'object' && one !== null)
        return `{/* */${Object.entries(one)
          .map(([key, item]) => `${JSON.stringify(key)}: ${loose(item)},`)
          .join('\n')}}`;
      return typeof one === 'boolean' ? (one ? 'True' : 'False') : one === null ? 'None' : JSON.stringify(one);
    };
    fc.assert(
      fc.property(value, (one) => {
        expect(mendJson(loose(one))).toHaveProperty('value', one);
      }),
      { numRuns: 500 },
    );
  });
});

describe('{#healing} inputs that nearly fit', () => {
  it.each([
    ['a number as a string', { command: 'x', yield_ms: '500' }, { command: 'x', yield_ms: 500 }],
    ['a boolean as a string', { command: 'x', stdin: 'true' }, { command: 'x', stdin: true }],
    ['one string for a list', { command: 'x', labels: 'a' }, { command: 'x', labels: ['a'] }],
    ['a list as a string', { command: 'x', labels: '["a"]' }, { command: 'x', labels: ['a'] }],
    ['an object as a string', { command: 'x', env: '{"A": "1"}' }, { command: 'x', env: { A: '1' } }],
    ['null for what may be left out', { command: 'x', labels: null }, { command: 'x' }],
    ['another spelling of a key', { Command: 'x', yieldMs: 5 }, { command: 'x', yield_ms: 5 }],
    ['a chatty key', { command: 'x', description: 'Lists files' }, { command: 'x' }],
  ])('are fitted and the repair is named: %s', (_, input, fitted) => {
    const healed = healCall('sh', input, TOOLS);
    expect(healed).toMatchObject({ input: fitted });
    expect('input' in healed && Object.keys(healed.input)).toEqual(Object.keys(fitted));
    expect('repairs' in healed && healed.repairs.length).toBeGreaterThanOrEqual(1);
  });

  it.each([
    ['a key that may mean something', { command: 'x', dry_run: true }],
    ['another name for the command', { cmd: 'x' }],
    ['a number for the command', { command: 5 }],
    ['a key in two spellings', { command: 'x', Command: 'y' }],
  ])('are left for the tool to refuse: %s', (_, input) => {
    expect(healCall('sh', input, TOOLS)).toEqual({ tool: 'sh', input, repairs: [] });
  });

  it('never change a string that stays one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (command) => {
        expect(healCall('SH', { Command: command, yield_ms: '1' }, TOOLS)).toMatchObject({ input: { command, yield_ms: 1 } });
        expect(healCall('sh', `{'command': ${JSON.stringify(command)},}`, TOOLS)).toMatchObject({ input: { command } });
      }),
    );
  });

  it('take a bare string for the one text that a tool needs', () => {
    expect(healCall('get', '"known://a"', TOOLS)).toMatchObject({ input: { path: 'known://a' } });
  });
});

describe('{#healing} names of tools', () => {
  it.each(['GET', 'functions.get', 'default_api:get', 'get<|channel|>commentary', ' get '])('are recognised: %s', (name) => {
    expect(healCall(name, { path: 'a' }, TOOLS)).toMatchObject({ tool: 'get', repairs: [expect.stringContaining('as "get"') as string] });
  });

  it('are left alone when they may mean another tool', () => {
    expect(healCall('getter', {}, TOOLS)).toEqual({ tool: 'getter', input: {}, repairs: [] });
  });
});
