import { once } from 'node:events';
import WebSocket from 'ws';
import type { Params } from './built-server.ts';

/** How a session's connection was closed. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A client of the terminal carriage that knows nothing but `ws` and the bytes of the protocol. */
export class TtyClient {
  readonly socket: WebSocket;
  /** Text messages, parsed: the answer to the first message. */
  readonly answers: Params[] = [];
  /** Control chunks in order. */
  readonly controls: Params[] = [];
  /** Types of the chunks in order. */
  readonly types: number[] = [];
  closed: Closed | undefined;
  #streams: Record<number, Buffer[]> = { 1: [], 2: [] };
  #rest = Buffer.alloc(0);
  readonly #watchers = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (binary) this.#decode(data);
      else this.answers.push(JSON.parse(data.toString()) as Params);
      this.#changed();
    });
    socket.on('error', () => {});
    socket.on('close', (code: number, reason: Buffer) => {
      this.closed = { code, reason: reason.toString() };
      this.#changed();
    });
  }

  /** Connects to `/tty` of a server and sends the first message, if there is one. */
  static async connect(server: { http: string; token: string }, first?: Params, query = ''): Promise<TtyClient> {
    const url = `${server.http.replace('http', 'ws')}/tty${query}`;
    const client = new TtyClient(new WebSocket(url, { headers: { authorization: `Bearer ${server.token}` } }));
    await once(client.socket, 'open');
    if (first) client.first(first);
    return client;
  }

  /** The same, with the answer; throws when the server refuses. */
  static async open(server: { http: string; token: string }, first: Params): Promise<TtyClient> {
    const client = await TtyClient.connect(server, first);
    const answer = await client.answer();
    if (answer['ok'] !== true) throw new Error(`refused: ${JSON.stringify(answer)}`);
    return client;
  }

  /** Sends the first message. */
  first(message: Params): void {
    this.socket.send(JSON.stringify({ operation: 'tty/open', carriage: 'raw', ...message }));
  }

  /** A chunk, made by hand. */
  static chunk(type: number, payload: Buffer | string, length = Buffer.byteLength(payload)): Buffer {
    const header = Buffer.alloc(5);
    header[0] = type;
    header.writeUInt32BE(length, 1);
    return Buffer.concat([header, Buffer.from(payload as string)]);
  }

  /** Types into the command. */
  type(bytes: Buffer | string): void {
    this.socket.send(TtyClient.chunk(0, bytes));
  }

  control(message: Params): void {
    this.socket.send(TtyClient.chunk(3, JSON.stringify(message)));
  }

  /** What has come of standard output (1) or standard error (2). */
  bytes(stream = 1): Buffer {
    return Buffer.concat(this.#streams[stream] ?? []);
  }

  /** Waits until it is true of this client; rejects when the connection ends without it. */
  until(test: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const done = test();
        if (!done && !this.closed) return;
        this.#watchers.delete(look);
        if (done) resolve();
        else
          reject(
            new Error(
              `closed with ${JSON.stringify(this.closed)}: ${JSON.stringify(this.controls)} ${this.bytes().toString().slice(-500)}`,
            ),
          );
      };
      this.#watchers.add(look);
      look();
    });
  }

  async answer(): Promise<Params> {
    await this.until(() => this.answers.length > 0);
    return this.answers[0] as Params;
  }

  /** Waits for output. */
  async see(pattern: RegExp, stream = 1): Promise<void> {
    await this.until(() => pattern.test(this.bytes(stream).toString('latin1')));
  }

  /** Waits for a control chunk of this type. */
  async news(type: string): Promise<Params> {
    await this.until(() => this.controls.some((one) => one['type'] === type));
    return this.controls.find((one) => one['type'] === type) as Params;
  }

  /** The exit chunk, which was the last, and the end of the connection after it. */
  async exit(): Promise<Params> {
    await this.until(() => this.closed !== undefined);
    if (this.types.at(-1) !== 3 || this.#rest.length > 0) throw new Error(`the last chunk is of type ${this.types.at(-1)}`);
    return this.controls.at(-1) as Params;
  }

  /** Goes away, and waits until it is gone. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.socket.close();
    await this.until(() => this.closed !== undefined);
  }

  #decode(data: Buffer): void {
    let rest = Buffer.concat([this.#rest, data]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1);
      const [type = 9, payload] = [rest[0], rest.subarray(5, end)];
      this.types.push(type);
      if (type === 3) this.controls.push(JSON.parse(payload.toString()) as Params);
      else this.#streams[type]?.push(payload);
      rest = rest.subarray(end);
    }
    this.#rest = Buffer.from(rest);
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
