import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One tool call as the server sends it; `args` goes out as it is, JSON or not. */
export interface WireCall {
  readonly id?: string;
  readonly name: string;
  readonly args: string;
}

/** What the server does with one request to `/chat/completions`. */
export type Answer =
  | { readonly kind: 'say'; readonly text?: string; readonly calls?: readonly WireCall[]; readonly cachedTokens?: number }
  | { readonly kind: 'status'; readonly status: number; readonly body?: string; readonly retryAfterMs?: number }
  /** Sends some text and then drops the connection. */
  | { readonly kind: 'cut'; readonly text: string }
  /** Ends the stream in order, but before its finish reason. */
  | { readonly kind: 'unfinished'; readonly text: string }
  /** 200 with a body that is no event stream. */
  | { readonly kind: 'nonsense'; readonly body: string }
  /** Sends nothing until the client goes away. */
  | { readonly kind: 'hang' };

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

/** A server that speaks the OpenAI chat completions API with event streams, on a free port of the loopback. */
export interface OpenAiServer {
  /** As a provider's `baseUrl`. */
  readonly url: string;
  readonly requests: { readonly body: WireRequest; readonly authorization: string | undefined }[];
  /** Answers for the next requests, in order; beyond them the server answers 500. */
  answer(...answers: Answer[]): void;
  /** Resolves when so many requests have come in all. */
  received(count: number): Promise<void>;
  /** Connections that clients have closed before their answer was whole. */
  readonly abandoned: number;
  close(): Promise<void>;
}

export async function openAiServer(): Promise<OpenAiServer> {
  const requests: OpenAiServer['requests'] = [];
  const answers: Answer[] = [];
  const watchers = new Set<() => void>();
  let abandoned = 0;
  const server = createServer((request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) abandoned++;
      for (const look of [...watchers]) look();
    });
    void read(request).then((body) => {
      requests.push({ body: JSON.parse(body) as WireRequest, authorization: request.headers.authorization });
      for (const look of [...watchers]) look();
      const answer = request.url === '/v1/chat/completions' ? answers.shift() : { kind: 'status' as const, status: 404 };
      send(response, answer ?? { kind: 'status', status: 500, body: '{"error":{"message":"nothing more is scripted"}}' });
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

function send(response: ServerResponse, answer: Answer): void {
  switch (answer.kind) {
    case 'hang':
      return;
    case 'status': {
      const wait = answer.retryAfterMs === undefined ? {} : { 'retry-after-ms': String(answer.retryAfterMs) };
      response.writeHead(answer.status, { 'content-type': 'application/json', ...wait });
      response.end(answer.body ?? JSON.stringify({ error: { message: `status ${answer.status}`, type: 'test' } }));
      return;
    }
    case 'nonsense':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(answer.body);
      return;
    case 'cut':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: answer.text }), () => response.destroy());
      return;
    case 'unfinished':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(chunk({ content: answer.text }));
      return;
    case 'say':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of pieces(answer.text ?? '')) response.write(chunk({ content: piece }));
      for (const [index, call] of (answer.calls ?? []).entries()) {
        // As servers do: the name first, the arguments in pieces.
        const opening = { index, id: call.id ?? `call_${index}`, type: 'function', function: { name: call.name, arguments: '' } };
        response.write(chunk({ tool_calls: [opening] }));
        for (const piece of pieces(call.args)) response.write(chunk({ tool_calls: [{ index, function: { arguments: piece } }] }));
      }
      response.write(chunk({}, answer.calls?.length ? 'tool_calls' : 'stop'));
      response.write(usage(answer.cachedTokens ?? 0));
      response.end('data: [DONE]\n\n');
  }
}

function pieces(text: string): string[] {
  const size = Math.max(1, Math.ceil(text.length / 3));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size));
}

function chunk(delta: object, finish: string | null = null): string {
  const body = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] };
  return `data: ${JSON.stringify(body)}\n\n`;
}

function usage(cached: number): string {
  const counts = { prompt_tokens: 120, completion_tokens: 30, total_tokens: 150, prompt_tokens_details: { cached_tokens: cached } };
  return `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: counts })}\n\n`;
}
