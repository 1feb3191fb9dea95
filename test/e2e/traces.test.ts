import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { methods } from '@agentclientprotocol/sdk';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { AcpEditor } from '../support/acp-editor.ts';
import { type BuiltServer, MAIN, serve, WireClient } from '../support/built-server.ts';
import { collector, type Span } from '../support/collector.ts';
import { type OpenAiServer, openAiServer } from '../support/openai-server.ts';
import { type BuiltRunner, startRunner } from '../support/runner.ts';
import { tempFolder } from '../support/temp-store.ts';

const ATTEMPT = { id: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' };
const CLIENT = `00-${ATTEMPT.id}-${ATTEMPT.span}-01`;
const SECRET = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789';

let temp: Awaited<ReturnType<typeof tempFolder>>;
let traces: Awaited<ReturnType<typeof collector>>;
let models: OpenAiServer;
let server: BuiltServer;
let runner: BuiltRunner;
let client: WireClient;
let config: string;
let otel: NodeJS.ProcessEnv;
const data = () => join(temp.folder, 'data');

beforeAll(async () => {
  temp = await tempFolder();
  traces = await collector();
  models = await openAiServer();
  config = join(temp.folder, 'config.yml');
  await writeFile(config, `providers: {house: {baseUrl: '${models.url}'}}\n`);
  otel = { OTEL_EXPORTER_OTLP_ENDPOINT: traces.url, OTEL_EXPORTER_OTLP_HEADERS: 'api-key=of-the-collector' };
  server = await serve(data(), ['--config', config], otel);
  runner = await startRunner(server, join(temp.folder, 'runner'), ['--name', 'r1'], otel);
  client = await WireClient.connect(server, temp.folder);
  await client.call('addModel', { alias: 'house', actual: 'test-model', provider: 'house' });
}, 120_000);
afterAll(async () => {
  await client?.close();
  await runner?.stop();
  await server?.stop();
  await models?.close();
  await traces?.close();
  await temp?.remove();
});

const called = (name: string) => (span: Span) => span.name === name;
const output = async (run: string, path: string) => {
  return (await client.call<{ chunk: string }>('stream/read', { run, path, channel: 1 })).chunk;
};

describe('{#traces} one act', () => {
  it('is a tree of spans, from the client to a command on a runner, without anything that was said', async () => {
    const say = (command: string) => ({ name: 'sh', args: JSON.stringify({ command }) });
    models.answer(
      {
        kind: 'say',
        text: 'I look.',
        calls: [say(`printf "$TRACEPARENT $OTEL_EXPORTER_OTLP_HEADERS"; : ${SECRET}; exit 3`)],
        cachedTokens: 2,
      },
      { kind: 'say', text: 'The whole answer.' },
    );
    const { run } = await client.call<{ run: string }>('act', {
      model: 'house',
      prompt: 'The whole prompt.',
      _meta: { traceparent: CLIENT },
    });
    const { path } = await client.notice('run/proposal', (proposal) => proposal['run'] === run);
    await client.call('run/resolve', { run, resolution: { path, action: 'accept', runner: 'r1' } });
    const loop = await traces.span(called('invoke_agent headgate'));
    await traces.span(called('run'));
    const [turn, second] = traces.spans.filter(called('turn'));
    const chats = traces.spans.filter(called('chat test-model'));
    const [proposal] = traces.spans.filter(called('proposal'));
    const [command] = traces.spans.filter(called('execute_tool sh'));
    const [onRunner] = traces.spans.filter(called('run'));
    if (!turn || !second || !proposal || !command || !onRunner) throw new Error('a span is missing');

    expect(new Set(traces.spans.map(({ traceId }) => traceId))).toEqual(new Set([ATTEMPT.id]));
    expect(new Set(traces.spans.map(({ spanId }) => spanId)).size).toBe(traces.spans.length);
    expect(loop.parentSpanId).toBe(ATTEMPT.span);
    expect([turn.parentSpanId, second.parentSpanId]).toEqual([loop.spanId, loop.spanId]);
    expect(chats.map(({ parentSpanId }) => parentSpanId)).toEqual([turn.spanId, second.spanId]);
    expect([proposal.parentSpanId, command.parentSpanId]).toEqual([turn.spanId, turn.spanId]);
    expect(onRunner.parentSpanId).toBe(command.spanId);
    expect([command.service, onRunner.service]).toEqual(['headgate', 'headgate-runner']);
    expect(await output(run, String(path))).toBe(`00-${ATTEMPT.id}-${command.spanId}-01 `);

    const { usage } = await client.call<{ usage: { inputTokens: number } }>('getRun', { run });
    expect(chats[0]?.kind).toBe(3);
    expect(chats[0]?.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'house',
      'gen_ai.request.model': 'test-model',
      'gen_ai.conversation.id': run,
      'gen_ai.usage.cache_read.input_tokens': 2,
    });
    expect(chats.reduce((sum, { attributes }) => sum + Number(attributes['gen_ai.usage.input_tokens']), 0)).toBe(usage.inputTokens);
    expect(proposal.attributes).toMatchObject({ 'headgate.proposal.action': 'accept', 'headgate.proposal.by': 'test' });
    expect(proposal.attributes['headgate.proposal.waited_ms']).toBe(proposal.ms);
    expect(command.attributes).toMatchObject({
      'headgate.path': path,
      'headgate.runner': 'r1',
      'process.exit.code': 3,
      'error.type': 'exit:3',
    });
    expect([command.failed, loop.failed, onRunner.attributes['process.exit.code']]).toEqual([true, false, 3]);
    for (const text of [SECRET, 'The whole', 'I look', 'printf "', 'of-the-collector']) expect(traces.raw()).not.toContain(text);
  }, 60_000);

  it("keeps a command's span over kill -9 of the server, with its parent", async () => {
    const traceId = 'a'.repeat(32);
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    await client.close();
    const socket = new WebSocket(server.url, {
      headers: { authorization: `Bearer ${server.token}`, traceparent: `00-${traceId}-${'b'.repeat(16)}-01` },
    });
    const traced = new WireClient(socket);
    await new Promise((resolve) => socket.once('open', resolve));
    await traced.call('init', { name: 'test', projectRoot: temp.folder, client: { name: 'test' } });
    const gate = join(temp.folder, 'gate');
    const command = `echo $TRACEPARENT; until [ -e '${gate}' ]; do sleep 0.05; done`;
    const { path } = await traced.call<{ path: string }>('sh', { run, command });
    await traced.call('stream/subscribe', { run, path });
    await traced.notice('stream/chunk');
    await traced.close();
    await server.crash();
    server = await serve(data(), ['--config', config], otel);
    client = await WireClient.connect(server, temp.folder);
    await writeFile(gate, '');
    const span = await traces.span(called('command sh'));
    expect(span).toMatchObject({ traceId, parentSpanId: 'b'.repeat(16), failed: false });
    expect(span.attributes).toMatchObject({ 'headgate.path': path, 'process.exit.code': 0 });
    expect(await output(run, path)).toBe(`00-${traceId}-${span.spanId}-01\n`);
  }, 60_000);

  it('takes a header of a single request, records nothing for a client that does not, and leaves a variable of the call alone', async () => {
    const post = async (method: string, params: object, headers: Record<string, string> = {}) => {
      const response = await fetch(`${server.http}/rpc`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${server.token}`,
          'headgate-project': temp.folder,
          'content-type': 'application/json',
          ...headers,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      });
      return ((await response.json()) as { result: Record<string, string> }).result;
    };
    const { run } = await post('startRun', { model: 'scripted', yolo: true });
    const sh = async (params: object, traceparent: string) =>
      (await post('sh', { run, yield_ms: 20_000, ...params }, { traceparent }))['path'] ?? '';
    const own = `00-${'e'.repeat(32)}-${'e'.repeat(16)}-01`;
    const silent = await sh({ command: 'true' }, `00-${'c'.repeat(32)}-${'c'.repeat(16)}-00`);
    const given = await sh({ command: 'echo $TRACEPARENT', env: { TRACEPARENT: own } }, 'not a context');
    const heard = await sh({ command: 'true # heard' }, `00-${'d'.repeat(32)}-${'d'.repeat(16)}-01`);
    const last = await traces.span(({ attributes }) => attributes['headgate.path'] === heard);
    expect(last).toMatchObject({ traceId: 'd'.repeat(32), parentSpanId: 'd'.repeat(16) });
    expect((await post('stream/read', { run, path: given, channel: 1 }))['chunk']).toBe(`${own}\n`);
    const of = (path: string) => traces.spans.filter(({ attributes }) => attributes['headgate.path'] === path);
    expect(of(silent)).toEqual([]);
    expect(of(given)).toMatchObject([{ parentSpanId: '' }]);
  }, 60_000);
});

describe('{#traces} other protocols', () => {
  const within = (digit: string) => ({ traceparent: `00-${digit.repeat(32)}-${digit.repeat(16)}-01` });

  it('hand on the context of an editor, and of a client of tools', async () => {
    const folder = await WireClient.connect(server);
    await folder.call('init', { name: basename(temp.folder), projectRoot: temp.folder });
    await folder.call('addModel', { alias: 'house', actual: 'test-model', provider: 'house' });
    await folder.call('subscribe', {});
    const editor = new AcpEditor([], { cwd: temp.folder, data: data() });
    await editor.initialize();
    const sessionId = await editor.open(temp.folder, 'house');
    models.answer({ kind: 'say', text: 'Done.' });
    const prompt = [{ type: 'text' as const, text: 'Go.' }];
    await editor.agent.request(methods.agent.session.prompt, { sessionId, prompt, _meta: within('8') });
    const loop = await traces.span((span) => called('invoke_agent headgate')(span) && span.traceId === '8'.repeat(32));
    expect(loop.parentSpanId).toBe('8'.repeat(16));
    await editor.close();

    const tools = new Client({ name: 'test', version: '1.0.0' });
    const args = [MAIN, 'mcp', '--data', data(), '--project', temp.folder];
    await tools.connect(new StdioClientTransport({ command: process.execPath, args }));
    const result = tools.callTool({ name: 'sh', arguments: { command: 'true' }, _meta: within('9') });
    const { run, path } = await folder.notice('run/proposal');
    await folder.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    expect(await traces.span((span) => called('command sh')(span) && span.traceId === '9'.repeat(32))).toMatchObject({
      parentSpanId: '9'.repeat(16),
    });
    await result;
    await tools.close();
    await folder.close();
  }, 60_000);
});

describe('{#traces} without a collector', () => {
  it('loads nothing of the library, and gives no command a context', async () => {
    const loaded = async (name: string, env: NodeJS.ProcessEnv) => {
      const coverage = join(temp.folder, `coverage-${name}`);
      await mkdir(coverage);
      const other = await serve(join(temp.folder, name), [], { NODE_V8_COVERAGE: coverage, ...env });
      await other.stop();
      const files = await Promise.all((await readdir(coverage)).map((file) => readFile(join(coverage, file), 'utf8')));
      return files.some((text) => /\/chunks\/tracing-|\/@opentelemetry\/sdk-trace\//.test(text));
    };
    expect(await loaded('off', {})).toBe(false);
    expect(await loaded('disabled', { ...otel, OTEL_SDK_DISABLED: 'true' })).toBe(false);
    expect(await loaded('on', otel)).toBe(true);
  }, 60_000);
});
