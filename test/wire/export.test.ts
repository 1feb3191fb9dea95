import { randomBytes } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Redaction } from '../../src/redact/index.ts';
import type { ParamsOf, ResultOf } from '../../src/rpc/protocol/table.ts';
import type { WireClient } from '../support/built-server.ts';
import { stars, TOKENS } from '../support/secrets.ts';
import { READ_TOKEN, startServer, type WireServer } from '../support/server.ts';

const PAGE = 65_536;
type Page = ResultOf<'stream/export'>;
type Asked = Omit<ParamsOf<'stream/export'>, 'run' | 'path'>;

let server: WireServer;
let client: WireClient;
let path: string;

beforeEach(async () => {
  server = await startServer({ redaction: new Redaction() });
  client = await server.connect();
  ({ path } = server.parts.accept('build', { command: 'build <all> & "test"' }));
});
afterEach(() => server.close());

async function write(channel: number, bytes: Buffer | string): Promise<void> {
  const chunk = Buffer.from(bytes).toString('base64');
  await client.call('stream', { run: 'r1', path, channel, chunk, encoding: 'base64' });
}

/** All pages of a document. */
async function pages(asked: Asked, by = client): Promise<Page[]> {
  const all: Page[] = [];
  let cursor: string | undefined;
  do {
    const page = await by.call<Page>('stream/export', { run: 'r1', path, ...asked, ...(cursor === undefined ? {} : { cursor }) });
    all.push(page);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return all;
}

async function document(asked: Asked, by = client): Promise<Buffer> {
  return Buffer.concat((await pages(asked, by)).map(({ chunk, encoding }) => Buffer.from(chunk, encoding)));
}

/** Header and events of a recording. */
async function recording(asked: Omit<Asked, 'format'> = {}) {
  const [header, ...events] = (await document({ format: 'asciicast', ...asked }))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  return { header: header as Record<string, unknown>, events: events as [number, string, string][] };
}

describe('{#stream_export} a document of output', () => {
  it('raw is every byte, in pages of a bounded size that say how far they are', async () => {
    const bytes = randomBytes(3 * PAGE + 17);
    await write(1, bytes);
    const all = await pages({ format: 'raw', max_bytes: PAGE });
    expect(Buffer.concat(all.map(({ chunk, encoding }) => Buffer.from(chunk, encoding))).equals(bytes)).toBe(true);
    expect(all.length).toBeGreaterThan(3);
    expect(all.at(-1)).toMatchObject({ next: null, done: bytes.length, bytes: bytes.length, channels: [1], format: 'raw' });
    for (const { chunk, encoding } of all) expect(Buffer.from(chunk, encoding).length).toBeLessThanOrEqual(PAGE);
    await write(2, 'other');
    expect((await document({ format: 'raw', channel: 2 })).toString()).toBe('other');
  });

  it.each([0, 1, 2, 3, 4, 5])('text has no control sequence, also where a page ends inside of one (%i)', async (shift) => {
    const line = `\u001b[1;38;5;196mgr\u00fc\u00dfe \u2603\u001b[0m\u001b]0;title\u0007 ${'.'.repeat(37)}\n`;
    const text = '#'.repeat(shift) + line.repeat(3000);
    await write(1, text);
    const all = await document({ format: 'text', max_bytes: PAGE });
    expect(all.toString()).toBe(stripVTControlCharacters(text));
  });

  it('asciicast has the size, the command and every piece with its time, both channels in their order', async () => {
    await write(1, 'one\n');
    await write(2, 'two\n');
    await write(1, Buffer.from([0xe2, 0x98]));
    await write(1, Buffer.from([0x83, 0x0a]));
    const { header, events } = await recording();
    expect(header).toMatchObject({ version: 2, width: 80, height: 24, title: 'build <all> & "test"' });
    expect(typeof header['timestamp']).toBe('number');
    expect(events.map(([, code, text]) => [code, text])).toEqual([
      ['o', 'one\r\n'],
      ['o', 'two\r\n'],
      ['o', '\u2603\r\n'],
    ]);
    const times = events.map(([at]) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect((await recording({ channel: 2 })).events.map(([, , text]) => text)).toEqual(['two\r\n']);
  });

  it('asciicast in pages is the same as in one', async () => {
    for (let turn = 0; turn < 6; turn++) {
      await write(1, `out ${turn} ${'\u00e9'.repeat(20_000)}\n`);
      await write(2, `err ${turn} ${'x'.repeat(10_000)}\n`);
    }
    const inPages = await pages({ format: 'asciicast', max_bytes: PAGE });
    expect(inPages.length).toBeGreaterThan(3);
    expect(inPages.map(({ chunk }) => chunk).join('')).toBe((await document({ format: 'asciicast' })).toString());
    expect(inPages.at(-1)).toMatchObject({ channels: [1, 2], done: inPages[0]?.bytes, bytes: inPages[0]?.bytes });
    expect((await recording()).events.map(([, , text]) => text.slice(0, 5))).toContain('err 5');
  });

  it('html shows the colours, runs nothing and needs nothing else', async () => {
    await write(1, '<script>alert(1)</script> \u001b[31mred\u001b[0m\nover\rOVER &amp;\n\u001b[44mblue to the end\u001b[0m\n');
    await write(2, 'an error\n');
    const html = (await document({ format: 'html' })).toString();
    expect(html).toContain('<title>build &#60;all&#62; &#38; &#34;test&#34;</title>');
    expect(html).not.toMatch(/<script|https?:|src=|href=/i);
    expect(html).toContain("default-src 'none'");
    expect(html).toMatch(/<span style='color: #[0-9a-f]{6};'>red<\/span>/);
    const rows = html.slice(html.indexOf('<pre>'), html.indexOf('</pre>')).match(/<div>.*<\/div>/g) ?? [];
    const texts = rows.map((row) => row.replace(/<[^>]*>/g, ''));
    // Rows are blocks: a line feed between them would be an empty line of its own.
    expect(html).toMatch(/pre\{[^}]*white-space:normal\}/);
    expect(html).toMatch(/pre>div\{[^}]*white-space:pre\}/);
    expect(texts).toEqual(['&lt;script>alert(1)&lt;/script> red', 'OVER &amp;amp;', 'blue to the end', 'an error']);
  });

  it('html begins a row with the colour that it has, also when the row above ended with it', async () => {
    await write(1, `\u001b[41m${'a'.repeat(80)}${'b'.repeat(80)}\u001b[0m`);
    const rows = (await document({ format: 'html' })).toString().match(/<div>.*[ab]{80}.*<\/div>/g) ?? [];
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row).toContain('background-color');
  });

  it('html of much output is its end, says so, and stays small', async () => {
    const line = `\u001b[3mline\u001b[0m ${'\u001b[31mx\u001b[32my'.repeat(30)}\u001b[0m\n`;
    for (let turn = 0; turn < 4; turn++) await write(1, line.repeat(4000));
    await write(1, 'the end\n');
    const [page, ...more] = await pages({ format: 'html' });
    expect(more).toEqual([]);
    expect(page?.chunk).toContain('What came before is left out.');
    expect(page?.chunk).toContain('the end');
    expect(page?.chunk.length).toBeLessThan(5 * 1024 * 1024);
  });

  it('html of more rows than a terminal keeps says that some are left out', async () => {
    await write(1, Array.from({ length: 12_000 }, (_, line) => `${line + 1}\n`).join(''));
    const html = (await document({ format: 'html' })).toString();
    expect(html).toContain('What came before is left out. An export as text has all of it.');
    expect(html).toContain('>12000<');
    expect(html).not.toContain('>1<');
  });

  it('text has no carriage returns: of what they overwrote in a line the last piece, also across pages', async () => {
    const bar = Array.from({ length: 20_000 }, (_, at) => `\r${at} of 20000`).join('');
    await write(1, `one\r\ntwo\r\n${bar}\r\n\u001b[32mgreen\u001b[0m\r\nend`);
    expect((await document({ format: 'text' })).toString()).toBe('one\ntwo\n19999 of 20000\ngreen\nend');
    expect((await document({ format: 'text', max_bytes: PAGE })).toString()).toBe('one\ntwo\n19999 of 20000\ngreen\nend');
  });

  it('of a command that runs is what there is', async () => {
    await write(1, 'so far');
    expect((await document({ format: 'text' })).toString()).toBe('so far');
    await write(1, ', and more\n');
    expect((await document({ format: 'text' })).toString()).toBe('so far, and more\n');
  });

  it.each(['raw', 'text', 'asciicast', 'html'] as const)('of nothing is a document all the same: %s', async (format) => {
    expect(await pages({ format })).toHaveLength(1);
  });

  it.each(['raw', 'text', 'asciicast', 'html'] as const)('{#redaction} as %s has no secret for who is not the operator', async (format) => {
    const { public: begin, secret } = TOKENS[0]!;
    const { path: secretive } = server.parts.accept('curl', { command: `curl -H 'x: ${begin}${secret}'` });
    path = secretive;
    await write(1, `token ${begin}${secret.slice(0, 10)}`);
    await write(1, `${secret.slice(10)} end\n`);
    await client.call('stream/completed', { run: 'r1', path, exit_code: 0 });
    const other = await server.connect({ token: READ_TOKEN });
    const shown = (await document({ format }, other)).toString();
    expect(shown).not.toContain(secret.slice(3, 8));
    expect(shown).toContain('****');
    if (format === 'raw') expect(shown).toBe(`token ${begin}${stars(secret)} end\n`);
    expect((await document({ format })).toString()).toContain(secret.slice(12, 20));
    expect((await document({ format, redact: true })).toString()).not.toContain(secret.slice(3, 8));
    await expect(document({ format, redact: false }, other)).rejects.toThrow(/scope "admin"/);
  });

  it('of what is not there is refused by name', async () => {
    const ask = (more: object) => client.call('stream/export', { run: 'r1', path, format: 'raw', ...more });
    const refused = (more: object) => expect(ask(more)).rejects;
    await refused({ channel: 7 }).toMatchObject({ data: { name: 'not_found' } });
    await refused({ format: 'html', channel: 7 }).toMatchObject({ data: { name: 'not_found' } });
    await refused({ path: 'log://turn_9/sh/none' }).toMatchObject({ data: { name: 'not_found' } });
    for (const cursor of ['x', '-1', '99', '1e3'])
      await refused({ cursor }).toMatchObject({ data: { name: 'invalid_params', field: 'cursor' } });
    for (const cursor of ['0', '1:0;0', '1:0,2:0', '1:0,2:0;x', '1:0,3:0;0'])
      await refused({ format: 'asciicast', cursor }).toMatchObject({ data: { name: 'invalid_params', field: 'cursor' } });
    await refused({ format: 'html', cursor: '0' }).toMatchObject({ data: { name: 'invalid_params', field: 'cursor' } });
    expect(await client.call('stream/export', { run: 'r1', path, format: 'raw', max_bytes: 65_536 })).toMatchObject({ next: null });
    await refused({ max_bytes: 65_535 }).toMatchObject({ data: { name: 'invalid_params', field: 'max_bytes' } });
    await refused({ max_bytes: 1_048_577 }).toMatchObject({ data: { name: 'invalid_params', field: 'max_bytes' } });
    await refused({ max_bytes: 10 }).toMatchObject({ data: { name: 'invalid_params', field: 'max_bytes' } });
  });
});
