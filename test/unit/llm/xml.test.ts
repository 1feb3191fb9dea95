import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { healed } from '../../../src/llm/heal/provider.ts';
import { withDialect } from '../../../src/llm/xml/provider.ts';
import type { ModelEvent, ModelMessage, ModelProvider, ModelRequest, ToolCall, ToolSpec } from '../../../src/model/ports/model-provider.ts';

const TOOLS: ToolSpec[] = [
  {
    name: 'sh',
    description: 'Runs a command.',
    inputSchema: {
      type: 'object',
      properties: {
        command: { type: 'string' },
        cwd: { type: 'string' },
        yield_ms: { type: 'integer' },
        stdin: { type: 'boolean' },
        env: { type: 'object', additionalProperties: { type: 'string' } },
      },
      required: ['command'],
      additionalProperties: false,
    },
  },
  {
    name: 'set',
    description: 'Writes.',
    inputSchema: {
      type: 'object',
      properties: { path: { type: 'string' }, body: { type: 'string' } },
      required: ['path', 'body'],
      additionalProperties: false,
    },
  },
  {
    name: 'get',
    description: 'Reads.',
    inputSchema: {
      type: 'object',
      properties: { path: { type: 'string', description: 'Where.' }, line: { type: 'integer' } },
      required: ['path'],
      additionalProperties: false,
    },
  },
];
const USAGE = { inputTokens: 1, outputTokens: 1, cachedTokens: 0 };

/** A provider whose model says these pieces, read as the dialect; with what it was asked. */
function saying(pieces: readonly string[], reason: 'stop' | 'length' = 'stop') {
  const asked: ModelRequest[] = [];
  const base: ModelProvider = {
    name: 'p',
    dialect: 'xml',
    async *ask(request) {
      asked.push(request);
      for (const text of pieces) yield { type: 'text', text };
      yield { type: 'finish', usage: USAGE, reason };
    },
  };
  return { provider: healed(withDialect(base)), asked };
}

async function read(text: string | readonly string[], reason: 'stop' | 'length' = 'stop', messages: ModelMessage[] = []) {
  const { provider, asked } = saying(typeof text === 'string' ? [text] : text, reason);
  const request: ModelRequest = { model: 'm', messages, tools: TOOLS, projectRoot: '/', step: 0, mode: 'act', prompt: '' };
  const events: ModelEvent[] = [];
  for await (const event of provider.ask(request, new AbortController().signal)) events.push(event);
  return {
    events,
    said: events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join(''),
    calls: events.flatMap((event) =>
      event.type === 'call' ? [{ tool: event.call.tool, input: event.call.input, repaired: event.repaired ?? [] }] : [],
    ),
    bad: events.flatMap((event) => (event.type === 'bad-call' ? [event] : [])),
    asked: asked[0]!,
  };
}

describe('{#dialect_xml} a call', () => {
  it.each([
    ['a tag that closes itself', '<get path="known://a" line="-5"/>', 'get', { path: 'known://a', line: -5 }],
    ['a tag with its text', '<sh>\nls -la\n</sh>', 'sh', { command: 'ls -la' }],
    ['text on the line of the tag', '<sh cwd="src">ls</sh>', 'sh', { command: 'ls', cwd: 'src' }],
    ['text as an attribute', '<sh command="a && b &quot;c&quot;"/>', 'sh', { command: 'a && b "c"' }],
    [
      'text that looks like tags',
      '<set path="a.html">\n<get path="x"/>\n<b>&amp;</b>\n</set>',
      'set',
      { path: 'a.html', body: '<get path="x"/>\n<b>&amp;</b>' },
    ],
    ['text with its own closing tag', '<sh end="EOS">\ncat <<X\n</sh>\nX\n</sh EOS>', 'sh', { command: 'cat <<X\n</sh>\nX' }],
    ['text with empty lines at its ends', '<set path="a">\n\nx\n\n</set>', 'set', { path: 'a', body: '\nx\n' }],
    [
      'an attribute of another type',
      `<sh yield_ms="5" stdin="true" env='{"A":"1"}'>x</sh>`,
      'sh',
      { command: 'x', yield_ms: 5, stdin: true, env: { A: '1' } },
    ],
    ['a JSON object of all parameters', '<sh>{"command":"ls","cwd":"a"}</sh>', 'sh', { command: 'ls', cwd: 'a' }],
    ['a JSON text that is the body', '<set path="p.json">{"path":"x"}</set>', 'set', { path: 'p.json', body: '{"path":"x"}' }],
  ])('is %s', async (_, text, tool, input) => {
    const { calls, bad, said } = await read(`Well.\n${text}\n`);
    expect(bad).toEqual([]);
    expect(calls).toEqual([{ tool, input, repaired: [] }]);
    expect(said.trim()).toBe('Well.');
  });

  it.each([
    ['another case', '<Get PATH="a"/>', 'get', { path: 'a' }, 2],
    ['no quotes', '<get path=a/>', 'get', { path: 'a' }, 1],
    ['an attribute without a value', '<sh stdin>x</sh>', 'sh', { command: 'x', stdin: true }, 1],
    ['no closing tag, at the end of its line', '<sh>ls', 'sh', { command: 'ls' }, 1],
    ['no closing tag, and nothing to close', '<get path="a">\nThen I go on.', 'get', { path: 'a' }, 1],
    ['a fence around it', '```xml\n<get path="a"/>\n```\n', 'get', { path: 'a' }, 1],
    ['<tool_call> and JSON', '<tool_call>\n{"name": "get", "arguments": {"path": "a"}}\n</tool_call>', 'get', { path: 'a' }, 1],
    [
      '<tool_call> and arguments in a string',
      '<tool_call>{"name":"get","arguments":"{\\"path\\":\\"a\\"}"}</tool_call>',
      'get',
      { path: 'a' },
      0,
    ],
    ['<function=...> and JSON', '<function=get>{"path": "a"}</function>', 'get', { path: 'a' }, 0],
    [
      '<function=...> and parameters',
      '<tool_call>\n<function=sh>\n<parameter=command>\nls <a>\n</parameter>\n</function>\n</tool_call>',
      'sh',
      { command: 'ls <a>' },
      1,
    ],
    [
      '<invoke>',
      '<invoke name="get"><parameter name="path">a</parameter><parameter name="line">3</parameter></invoke>',
      'get',
      { path: 'a', line: 3 },
      1,
    ],
  ])('{#healing} is repaired: %s', async (_, text, tool, input, repairs) => {
    const { calls, bad } = await read(`Well.\n${text}`);
    expect(bad).toEqual([]);
    expect(calls).toMatchObject([{ tool, input }]);
    expect(calls[0]?.repaired.length).toBeGreaterThanOrEqual(repairs);
  });

  it.each([
    ['its text may have ended early', '<sh>\ncat <<X\n</sh>\nX\n</sh>', 'end="WORD"'],
    ['it has several lines and no end', '<sh>\nrm a\nNow I wait.', 'no </sh>'],
    ['its quotes do not match', '<sh command="echo "hi""/>', 'closing quote'],
    ['it says the command twice', '<sh command="a">b</sh>', 'twice'],
    ['what is in <tool_call> is nothing', '<tool_call>get a</tool_call>', 'no JSON'],
    ['parameters run into text', '<function=sh><parameter=command>a</parameter>b</parameter></function>', 'ended early'],
    ['it has text where none belongs', '<get path="a">text</get>', 'nothing between'],
  ])('{#healing} is reported and not made when %s', async (_, text, problem) => {
    const { calls, bad } = await read(text);
    expect(calls).toEqual([]);
    expect(bad).toHaveLength(1);
    expect(bad[0]?.problem).toContain(problem);
  });

  it('{#healing} is not closed when the answer reached its limit of tokens', async () => {
    const { calls, bad } = await read('<sh>rm -r build', 'length');
    expect(calls).toEqual([]);
    expect(bad[0]?.problem).toContain('limit of tokens');
  });

  it.each([
    ['in quotes of code', 'Write `<get path="a"/>` for that.'],
    ['as the parameter of a type', 'A Map<get> and if (a <sh && b> c).'],
    ['as a word in brackets', 'The <set of values> is <get>.'],
    ['within a thought', '<think>perhaps <get path="a"/></think>No.'],
    ['of nobody', '<div class="a">x</div> </p> <'],
  ])('is none %s: all of it stays text', async (_, text) => {
    const { calls, bad, said } = await read(text);
    expect([calls, bad]).toEqual([[], []]);
    expect(said).toBe(text);
  });

  it('gives several in their order, and the text between them', async () => {
    const { calls, said } = await read('One.\n<get path="a"/>\nTwo.\n<sh>\nls\n</sh>\n<get path="b"/>');
    expect(calls.map(({ tool }) => tool)).toEqual(['get', 'sh', 'get']);
    expect(said).toBe('One.\nTwo.\n');
  });

  it('keeps the fences of code around which no call is', async () => {
    const text = 'So:\n```js\nlet a\n```\nDone.\n```\nb\n```\n';
    expect((await read([...text])).said).toBe(text);
    expect((await read([...`${text}<get path="a"/>`])).said).toBe(text);
  });
});

describe('{#dialect_xml} text', () => {
  it('goes out while it comes; only what may become a tag is held back', async () => {
    const heard: string[] = [];
    const base: ModelProvider = {
      name: 'p',
      async *ask() {
        for (const text of ['Let me ', 'look: <', 'b> and ', '<s', 'h>\nls', '\n</s', 'h>']) {
          yield { type: 'text', text };
          heard.push('|');
        }
        yield { type: 'finish', usage: USAGE, reason: 'stop' };
      },
    };
    const request: ModelRequest = {
      model: 'm',
      messages: [],
      tools: TOOLS,
      projectRoot: '/',
      step: 0,
      mode: 'act',
      prompt: '',
      dialect: 'xml',
    };
    for await (const event of withDialect(base).ask(request, new AbortController().signal))
      if (event.type === 'text') heard.push(event.text);
    expect(heard.join('')).toBe('Let me |look: |<b> and |||||');
  });

  it('of any kind, in any pieces, is read without a throw, and none of it is lost', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '<',
        '</',
        '>',
        '/>',
        '"',
        "'",
        '=',
        '\n',
        '`',
        '```',
        '```xml\n',
        '<sh',
        '<sh>',
        '</sh>',
        '<set path="a">',
        '</set>',
        ' end="E"',
        '</sh E>',
      ),
      fc.constantFrom(
        '<tool_call>',
        '</tool_call>',
        '<function=sh>',
        '</function>',
        '{"name":"sh"}',
        '<think>',
        '</think>',
        '<get path=',
        '<invoke name="sh">',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), fc.boolean(), async (pieces, cut) => {
        const whole = await read([pieces.join('')], cut ? 'length' : 'stop');
        const inPieces = await read(pieces, cut ? 'length' : 'stop');
        const single = await read([...pieces.join('')], cut ? 'length' : 'stop');
        const facts = ({ said, calls, bad }: Awaited<ReturnType<typeof read>>) => ({
          said,
          calls,
          bad: bad.map(({ tool, raw, problem }) => ({ tool, raw, problem })),
        });
        expect(facts(inPieces)).toEqual(facts(whole));
        expect(facts(single)).toEqual(facts(whole));
        // Whoever finds no call finds the very text; text outside of calls is a part of what was said, in order.
        if (whole.calls.length + whole.bad.length === 0) expect(whole.said).toBe(pieces.join(''));
        let at = 0;
        for (const char of whole.said) {
          at = pieces.join('').indexOf(char, at) + 1;
          expect(at).toBeGreaterThan(0);
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe('{#dialect_xml} answers that are made to be slow', () => {
  it.each([
    ['tags that nobody closes', '<get>'.repeat(200_000)],
    ['closed in words of their own', Array.from({ length: 100_000 }, (_, index) => `<sh end="w${index}">`).join('')],
    ['parameters that nobody closes', `<function=sh>${'<parameter=a>'.repeat(100_000)}</function>`],
    ['spaces in a fence', `<tool_call>\`\`\`\n${' '.repeat(1_000_000)}</tool_call>`],
    ['quotes', '<sh command="'.repeat(100_000)],
    ['fences', '```\n'.repeat(200_000)],
  ])(
    'are read in about the time of others: %s',
    async (_, text) => {
      const pieces = text.match(/[\s\S]{1,5000}/g) ?? [];
      const { said, calls, bad } = await read(pieces);
      expect(said.length + calls.length + bad.length).toBeGreaterThan(0);
    },
    10_000,
  );
});

describe('{#dialect_xml} what the model is told', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.constantFrom('</sh>', '<sh>\n</sh>\n', 'a\n</set>\nE1', '"', '&quot;', '\n', ' x ', '```\n'),
  );
  const call: fc.Arbitrary<ToolCall> = fc.oneof(
    fc.record({
      id: fc.constant('c'),
      tool: fc.constant('get'),
      input: fc.record({ path: text, line: fc.integer() }, { requiredKeys: ['path'] }),
    }),
    fc.record({ id: fc.constant('c'), tool: fc.constant('set'), input: fc.record({ path: text, body: text }) }),
    fc.record({
      id: fc.constant('c'),
      tool: fc.constant('sh'),
      input: fc.record(
        { command: text, cwd: text, stdin: fc.boolean(), yield_ms: fc.integer({ min: 0 }), env: fc.dictionary(fc.string(), text) },
        { requiredKeys: ['command'] },
      ),
    }),
  );

  it('of its own calls can be read as the same calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 4 }), async (calls) => {
        const { asked } = await read('ok', 'stop', [{ role: 'assistant', text: 'Well.', calls }]);
        const told = asked.messages.find(({ role }) => role === 'assistant')!.text;
        const again = await read([...told]);
        expect(again.bad).toEqual([]);
        expect(again.calls.map(({ tool, input }) => ({ tool, input }))).toEqual(calls.map(({ tool, input }) => ({ tool, input })));
        expect(again.calls.flatMap(({ repaired }) => repaired)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('is the tools in the system text, its calls as tags, and results as messages, the same each time', async () => {
    const messages: ModelMessage[] = [
      { role: 'system', text: 'Be exact.' },
      { role: 'user', text: 'Go.' },
      { role: 'assistant', text: 'Looking.', calls: [{ id: 'c1', tool: 'get', input: { path: 'a', line: 2 } }] },
      { role: 'tool', callId: 'c1', tool: 'get', text: 'it says </result>' },
    ];
    const { asked } = await read('ok', 'stop', messages);
    expect(asked.tools).toEqual([]);
    expect(asked.messages.map(({ role }) => role)).toEqual(['system', 'system', 'user', 'assistant', 'user']);
    expect(asked.messages[1]?.text).toMatch(
      /## <sh>[\s\S]*command \(the text between the tags, string, required\)[\s\S]*## <get>[\s\S]*path \(attribute, string, required\): Where\./,
    );
    expect(asked.messages[3]?.text).toBe('Looking.\n<get path="a" line="2"/>');
    expect(asked.messages[4]?.text).toBe('<result tool="get" call="c1" end="E1">\nit says </result>\n</result E1>');
    expect((await read('ok', 'stop', messages)).asked.messages).toEqual(asked.messages);
  });
});
