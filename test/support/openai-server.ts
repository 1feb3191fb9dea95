import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FORMATS, type ModelFormat, pieces, type WireCall, type WireEnd } from './model-formats.ts';

export type { WireCall } from './model-formats.ts';

/** What the server does with one request. */
export type Answer =
  | {
      readonly kind: 'say';
      readonly text?: string;
      readonly calls?: readonly WireCall[];
      readonly cachedTokens?: number;
      readonly writtenTokens?: number;
      /** Pieces of the calls come in turn. */
      readonly interleaved?: boolean;
      readonly end?: WireEnd;
      readonly usage?: false;
      /** Waits for `release` between the text and the rest. */
      readonly held?: boolean;
    }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string;
      readonly retryAfterMs?: number;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Refuses the context as the API of the request does. */
  | { readonly kind: 'too-long' }
  /** Sends some text, or the beginning of a call, and then drops the connection. */
  | { readonly kind: 'cut'; readonly text: string; readonly call?: WireCall }
  /** Sends some text and then nothing more. */
  | { readonly kind: 'stall'; readonly text: string }
  /** Ends the stream in order, but before its finish reason. */
  | { readonly kind: 'unfinished'; readonly text: string }
  /** 200 with a body that is no event stream. */
  | { readonly kind: 'nonsense'; readonly body: string }
  /** Sends nothing until the client goes away. */
  | { readonly kind: 'hang' };

/** An answer, or what makes one of the request as it came. */
export type Script = Answer | ((body: unknown) => Answer);

export interface WireRequest {
  readonly model: string;
  readonly messages: readonly {
    readonly role: string;
    readonly content: unknown;
    readonly tool_calls?: unknown;
    readonly tool_call_id?: string;
  }[];
  readonly tools?: readonly { readonly function: { readonly name: string; readonly parameters: unknown } }[];
  readonly temperature?: number;
  readonly stream: boolean;
}

/** A request as it came; `body` has the chat form where the path is that of chat completions. */
export interface WireRecord {
  readonly path: string;
  readonly body: WireRequest;
  readonly headers: IncomingMessage['headers'];
  readonly authorization: string | undefined;
  /** Milliseconds, only differences mean something. */
  readonly at: number;
}

/**
 * A server that speaks the APIs of the providers with event streams, on a free port of the loopback: OpenAI chat completions,
 * OpenAI responses and Anthropic messages, by the path of the request.
 */
export interface OpenAiServer {
  /** As a provider's `baseUrl`. */
  readonly url: string;
  readonly requests: WireRecord[];
  /** Answers for the next requests, in order; beyond them the server answers 500. */
  answer(...answers: Script[]): void;
  /** Lets the next answer that is held go on. */
  release(): void;
  /** Resolves when so many requests have come in all. */
  received(count: number): Promise<void>;
  /** Connections that clients have closed before their answer was whole. */
  readonly abandoned: number;
  close(): Promise<void>;
}

export async function openAiServer(): Promise<OpenAiServer> {
  const requests: OpenAiServer['requests'] = [];
  const answers: Script[] = [];
  const watchers = new Set<() => void>();
  let abandoned = 0;
  const releases: (() => void)[] = [];
  let released = 0;
  const held = () =>
    new Promise<void>((resolve) => {
      if (released > 0) {
        released--;
        resolve();
      } else releases.push(resolve);
    });
  const server = createServer((request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) abandoned++;
      for (const look of [...watchers]) look();
    });
    void read(request).then((body) => {
      const path = request.url ?? '';
      const { headers } = request;
      requests.push({ path, body: JSON.parse(body) as WireRequest, headers, authorization: headers.authorization, at: performance.now() });
      for (const look of [...watchers]) look();
      const format = FORMATS[path]?.();
      const next = answers.shift() ?? { kind: 'status' as const, status: 500, body: '{"error":{"message":"nothing more is scripted"}}' };
      const answer = typeof next === 'function' ? next(JSON.parse(body)) : next;
      if (format) void send(response, answer, format, held);
      else response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"no such path"}}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const until = (test: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!test()) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    get abandoned() {
      return abandoned;
    },
    release: () => {
      const next = releases.shift();
      if (next) next();
      else released++;
    },
    answer: (...more) => void answers.push(...more),
    received: (count) => until(() => requests.length >= count),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

async function send(response: ServerResponse, answer: Answer, format: ModelFormat, held: () => Promise<void>): Promise<void> {
  const stream = () => response.writeHead(200, { 'content-type': 'text/event-stream' });
  switch (answer.kind) {
    case 'hang':
      return;
    case 'status': {
      const wait = answer.retryAfterMs === undefined ? {} : { 'retry-after-ms': String(answer.retryAfterMs) };
      response.writeHead(answer.status, { 'content-type': 'application/json', ...wait, ...answer.headers });
      response.end(answer.body ?? format.error(answer.status, `status ${answer.status}`));
      return;
    }
    case 'too-long':
      response.writeHead(format.tooLong.status, { 'content-type': 'application/json' });
      response.end(format.tooLong.body);
      return;
    case 'nonsense':
      stream().end(answer.body);
      return;
    case 'cut':
      stream().write(format.open());
      response.write(`${answer.text === '' ? '' : format.text(answer.text)}${answer.call ? format.cutCall(answer.call) : ''}`, () =>
        response.destroy(),
      );
      return;
    case 'stall':
      stream().write(`${format.open()}${format.text(answer.text)}`);
      return;
    case 'unfinished':
      stream().end(`${format.open()}${format.text(answer.text)}`);
      return;
    case 'say': {
      stream().write(format.open());
      for (const piece of pieces(answer.text ?? '')) response.write(format.text(piece));
      if (answer.held) await held();
      for (const part of format.calls(answer.calls ?? [], answer.interleaved ?? false)) response.write(part);
      const usage = answer.usage === false ? null : { cached: answer.cachedTokens ?? 0, written: answer.writtenTokens ?? 0 };
      response.end(format.end(answer.end ?? (answer.calls?.length ? 'calls' : 'stop'), usage));
    }
  }
}
