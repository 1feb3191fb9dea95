import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';

export interface SseEvent {
  /** The last event id after it, as an EventSource keeps it. */
  readonly id: string | undefined;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** An HTTP answer read to its end. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Sends one request and reads its answer to the end. */
export async function fetchText(
  url: string,
  o: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<HttpAnswer> {
  const sent = request(url, { method: o.method ?? 'GET', headers: o.headers ?? {} });
  sent.end(o.body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const part of response) body += String(part);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** A client of Server-Sent Events that keeps everything in order (WHATWG HTML, 9.2.6). */
export class TestEventSource {
  readonly events: SseEvent[] = [];
  lastId: string | undefined;
  /** Comments that came. */
  comments = 0;
  /** How the response ended; undefined while it is open. */
  over: 'ended' | 'cut' | undefined;
  readonly response: IncomingMessage;
  readonly #request: ClientRequest;
  readonly #watchers = new Set<() => void>();
  #rest: Buffer = Buffer.alloc(0);

  private constructor(sent: ClientRequest, response: IncomingMessage) {
    this.#request = sent;
    this.response = response;
    response.on('data', (bytes: Buffer) => this.#take(bytes));
    response.on('end', () => this.#end('ended'));
    response.on('error', () => this.#end('cut'));
    response.on('close', () => this.#end('cut'));
  }

  /** Opens a stream; throws what the server refuses it with. */
  static async open(url: string, headers: Record<string, string>): Promise<TestEventSource> {
    const sent = request(url, { headers });
    sent.on('error', () => {});
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
    return new TestEventSource(sent, response);
  }

  /** Until the test holds of what has come. */
  until(test: (source: this) => boolean): Promise<this> {
    return new Promise((resolve) => {
      const look = () => {
        if (!test(this)) return;
        this.#watchers.delete(look);
        resolve(this);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** The first event of that name, past or to come. */
  async event(name: string): Promise<SseEvent> {
    await this.until(({ events }) => events.some(({ event }) => event === name));
    return this.events.find(({ event }) => event === name)!;
  }

  /** The bytes of a channel stream; throws on a gap, an overlap, or an id that is not the offset after its piece. */
  bytes(from = 0): Buffer {
    let at = from;
    const parts: Buffer[] = [];
    for (const { event, data, id } of this.events) {
      if (event !== 'chunk') continue;
      if (data['offset'] !== at) throw new Error(`expected offset ${at}, got ${String(data['offset'])}`);
      const bytes = Buffer.from(data['chunk'] as string, data['encoding'] as BufferEncoding);
      parts.push(bytes);
      at += bytes.length;
      if (id !== String(at)) throw new Error(`expected id ${at}, got ${String(id)}`);
    }
    return Buffer.concat(parts);
  }

  close(): void {
    this.#request.destroy();
  }

  #take(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (let end = this.#rest.indexOf('\n\n'); end >= 0; end = this.#rest.indexOf('\n\n')) {
      this.#block(this.#rest.subarray(0, end).toString());
      this.#rest = this.#rest.subarray(end + 2);
    }
    this.#tell();
  }

  #block(text: string): void {
    let event = 'message';
    let data: string | undefined;
    for (const line of text.split('\n')) {
      const colon = line.indexOf(':');
      const value = line.slice(colon + 1).replace(/^ /, '');
      if (colon === 0) this.comments++;
      else if (line.slice(0, colon) === 'id') this.lastId = value;
      else if (line.slice(0, colon) === 'event') event = value;
      else if (line.slice(0, colon) === 'data') data = value;
    }
    if (data !== undefined) this.events.push({ id: this.lastId, event, data: JSON.parse(data) as Record<string, unknown> });
  }

  #end(how: 'ended' | 'cut'): void {
    this.over ??= how;
    this.#tell();
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
