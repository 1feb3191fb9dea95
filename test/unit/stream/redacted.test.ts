import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { Redaction, type RedactionConfig } from '../../../src/redact/index.ts';
import { type ChunkPiece, type EndedFact, Journal, Streams } from '../../../src/stream/index.ts';
import { after, privateKey, stars, TOKENS } from '../../support/secrets.ts';
import { propose, tempStore } from '../../support/temp-store.ts';

const VALUE = 'supersecret-value-of-a-variable';
const GITHUB = TOKENS[0]!;
const TOKEN = GITHUB.public + GITHUB.secret;
const SHOWN = GITHUB.public + stars(GITHUB.secret);

let temp: Awaited<ReturnType<typeof tempStore>>;
let streams: Streams;
let journal: Journal;
let slugs = 0;

async function start(config: RedactionConfig = {}, holdMs = 60_000): Promise<void> {
  temp = await tempStore();
  journal = new Journal({ store: temp.store, logger: silentLogger });
  const redaction = new Redaction(config, { A_TOKEN: VALUE }, { holdMs });
  streams = new Streams({ store: temp.store, journal, clock: systemClock, logger: silentLogger, redaction });
}
beforeEach(() => start());
/** Begins again with another redaction. */
async function again(config: RedactionConfig, holdMs?: number): Promise<void> {
  streams.close();
  await temp.close();
  await start(config, holdMs);
}
afterEach(async () => {
  streams.close();
  await temp.close();
});

/** An accepted command that a client runs. */
function open(env: Record<string, string> = {}): string {
  const entry = propose(temp.store, temp.run, `cmd-${++slugs}`);
  const spec = { command: 'cmd', cwd: '/', env, stdin: false };
  journal.commit('durable', (tx) => streams.open(tx, entry, { backend: 'process', runner: 'client', channels: [1], spec }));
  return entry.path;
}

const write = (path: string, text: string | Buffer) => streams.append({ runId: temp.run.id, path, channel: 1, bytes: Buffer.from(text) });
const end = (path: string) => streams.completed(temp.run.id, path, { exitCode: 0 });
const read = (path: string, more: { from?: number; maxBytes?: number; match?: string; redact?: boolean } = {}) =>
  streams.read({ runId: temp.run.id, path, channel: 1, redact: true, ...more });

class Reader {
  readonly pieces: ChunkPiece[] = [];
  readonly #watchers = new Set<() => void>();
  fact: EndedFact | undefined;

  constructor(path: string, from: number | 'start' = 'start', redact = true) {
    const selector = { projectId: temp.run.projectId, runId: temp.run.id, path, redact };
    streams.subscribe(selector, from, 1, {
      bufferedBytes: () => 0,
      chunk: (_, piece) => this.#told(() => this.pieces.push({ ...piece, bytes: Buffer.from(piece.bytes) })),
      ended: (_, fact) => this.#told(() => (this.fact = fact)),
      gap: () => {},
      closed: () => {},
    });
  }

  get text(): string {
    return Buffer.concat(this.pieces.map(({ bytes }) => bytes)).toString();
  }

  until(test: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!test()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  #told(note: () => void): void {
    note();
    for (const watcher of [...this.#watchers]) watcher();
  }
}

describe('{#redaction_stream} a secret split across chunks', () => {
  it('reaches no reader who may not see it, and every byte comes once and in order', async () => {
    const path = open();
    const reader = new Reader(path);
    const operator = new Reader(path, 'start', false);
    const text = `one\n${TOKEN}\ntwo ${VALUE} three\n`;
    for (const byte of Buffer.from(text)) await write(path, Buffer.from([byte]));
    end(path);
    await reader.until(() => reader.fact !== undefined);
    await operator.until(() => operator.fact !== undefined);
    expect(reader.text).toBe(`one\n${SHOWN}\ntwo ${stars(VALUE)} three\n`);
    expect(operator.text).toBe(text);
    let offset = 0;
    for (const piece of reader.pieces) {
      expect(piece.offset).toBe(offset);
      offset += piece.bytes.length;
    }
  });

  it('is held back until the rest comes, and what cannot be one is not', async () => {
    const path = open();
    const reader = new Reader(path);
    await write(path, `Password: `);
    await reader.until(() => reader.text === 'Password: ');
    await write(path, `ok\n${TOKEN.slice(0, 12)}`);
    await reader.until(() => reader.text === 'Password: ok\nghp_');
    expect(read(path).data.toString()).toBe('Password: ok\nghp_');
    await write(path, TOKEN.slice(12));
    await reader.until(() => reader.text === `Password: ok\n${SHOWN}`);
    expect(read(path).data.toString()).toBe(`Password: ok\n${SHOWN}`);
  });

  it('is masked when the rest does not come in time', async () => {
    await again({}, 20);
    const path = open();
    const reader = new Reader(path);
    await write(path, `a ${TOKEN.slice(0, 14)}`);
    await reader.until(() => reader.text.length === 16);
    expect(reader.text).toBe('a ghp_**********');
    expect(read(path).data.toString()).toBe('a ghp_**********');
    await write(path, `${TOKEN.slice(14)}\nthe rest\n`);
    await reader.until(() => reader.text.endsWith('rest\n'));
    expect(reader.text).toBe(`a ${SHOWN}\nthe rest\n`);
  });

  it('is masked for readers that come late, behind, or at any offset', async () => {
    const path = open();
    const text = `${'x'.repeat(399_999)} ${TOKEN}\n${privateKey(100)}${'y'.repeat(400_000)} ${VALUE}\n`;
    await write(path, text);
    const late = new Reader(path);
    const inside = new Reader(path, 400_010);
    await late.until(() => late.text.length === text.length);
    await inside.until(() => inside.text.length === text.length - 400_010);
    expect(late.text.search(/MII|supersecret|B3dE5/)).toBe(-1);
    expect(inside.text === late.text.slice(400_010)).toBe(true);
    expect(read(path, { from: 400_020, maxBytes: 100 }).data.toString()).toBe(late.text.slice(400_020, 400_120));
  });

  it("masks the command's own variables, and cannot be searched for", async () => {
    const path = open({ API_KEY: 'my-very-own-key' });
    await write(path, 'say my-very-own-key\nno more\n');
    end(path);
    expect(read(path).data.toString()).toBe('say ***************\nno more\n');
    expect(read(path, { match: 'very' }).matches).toEqual([]);
    expect(read(path, { match: 'very', redact: false }).matches).toHaveLength(1);
  });

  it('gives every reader the same bytes for any split of chunks and reads', async () => {
    const text = TOKENS.map((token) => `${token.public}${token.secret}${after(token)}`).join('') + privateKey(8) + VALUE;
    const right = new Redaction({}, { A_TOKEN: VALUE }).text(text);
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, async (chunks, reads) => {
        const path = open();
        const reader = new Reader(path);
        for (let at = 0, i = 0; at < text.length; i++) {
          const size = chunks[i % chunks.length]!;
          void write(path, text.slice(at, at + size));
          at += size;
          if (i % 3 === 0) await new Promise(setImmediate);
        }
        end(path);
        await reader.until(() => reader.fact !== undefined);
        expect(reader.text).toBe(right);
        for (let at = 0, i = 0; at < text.length; i++) {
          const { data, to } = read(path, { from: at, maxBytes: reads[i % reads.length]! });
          expect(data.toString()).toBe(right.slice(at, to));
          at = to;
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('{#redaction_stored} masked before it is stored', () => {
  beforeEach(() => again({ stored: true }, 20));
  const stored = (path: string) => read(path, { redact: false }).data.toString();

  it('holds no secret for anybody, wherever it was cut', async () => {
    await again({ stored: true });
    const path = open();
    const text = `one\n${TOKEN}\n${privateKey(4)}two ${VALUE} three sup`;
    const sent: Promise<unknown>[] = [];
    for (let at = 0; at < text.length; at += 7) {
      sent.push(write(path, text.slice(at, at + 7)));
      if (at % 5 === 0) await new Promise(setImmediate);
    }
    end(path);
    await Promise.all(sent);
    expect(stored(path)).toBe(new Redaction({}, { A_TOKEN: VALUE }).text(text));
  });

  it('acknowledges what it holds back once it is stored, masked when the rest does not come', async () => {
    const path = open();
    await write(path, `a ${TOKEN.slice(0, 14)}`);
    expect(stored(path)).toBe('a ghp_**********');
    await write(path, `${TOKEN.slice(14)}\n`);
    expect(stored(path)).toBe(`a ${SHOWN}\n`);
  });

  it('takes the same bytes again without an error, and other bytes with one', async () => {
    const path = open();
    await write(path, `x ${TOKEN} y\n`);
    const again = (text: string) => streams.append({ runId: temp.run.id, path, channel: 1, offset: 0, bytes: Buffer.from(text) });
    await expect(again(`x ${TOKEN} y\n`)).resolves.toMatchObject({ offset: 0 });
    await expect(again(`z ${TOKEN} y\n`)).rejects.toMatchObject({ kind: 'offset_conflict' });
    expect(stored(path)).toBe(`x ${SHOWN} y\n`);
  });

  it('goes on masking a secret of which a part is stored, after a restart', async () => {
    const path = open();
    await write(path, `a ${TOKEN.slice(0, 14)}`);
    streams.close();
    streams = new Streams({
      store: temp.store,
      journal,
      clock: systemClock,
      logger: silentLogger,
      redaction: new Redaction({ stored: true }, { A_TOKEN: VALUE }),
    });
    streams.reconcile();
    await write(path, `${TOKEN.slice(14)}\nrest\n`);
    expect(stored(path)).toBe(`a ${SHOWN}\nrest\n`);
  });
});
