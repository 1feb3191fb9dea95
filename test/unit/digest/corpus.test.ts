import { countTokens } from 'gpt-tokenizer';
import { describe, expect, it } from 'vitest';
import { corpus, LONG_LOG } from '../../corpus/corpus.ts';
import { digestOf, MemoryChannels, store } from './memory-channels.ts';

/** Bytes beyond the limit that the first line of a digest may take. */
const FIRST_LINE = 1024;
const ITEMS = corpus();

async function digest(item: (typeof ITEMS)[number]) {
  return await digestOf(item.bytes(), item.size ? { size: item.size } : {});
}

describe('{#digest_corpus} what real tools write', () => {
  it.each(ITEMS.map((item) => [item.name, item] as const))('%s: every fact is in the digest', async (_name, item) => {
    const { text } = await digest(item);
    for (const fact of item.facts) expect(text).toContain(fact);
    expect(Buffer.byteLength(text)).toBeLessThan(8192 + FIRST_LINE);
    expect(text).not.toContain('\u001b');
  });

  it('keeps the one error in the middle of a log of 100 MiB, with its line number', async () => {
    let block = '';
    for (let index = 0; block.length < 1024 * 1024; index++) block += LONG_LOG.line(index);
    const bytes = Buffer.alloc(LONG_LOG.bytes, block);
    const middle = bytes.indexOf('\n', LONG_LOG.bytes / 2) + 1;
    bytes.write(`${LONG_LOG.error}\n`, middle);
    const channels = new MemoryChannels();
    channels.contents.set(1, bytes);
    const digests = channels.digests();
    for (let at = 0; at < bytes.length; at += 64 * 1024) await store(digests, 1, bytes.subarray(at, at + 64 * 1024), at);
    channels.bytesRead = 0;
    const { text } = await digests.digest({ entryId: 1, path: 'sh://turn_1/x_1', name: 'stdout', bytes: bytes.length }, 8192);
    const line = bytes.subarray(0, middle).toString('latin1').split('\n').length;
    expect(text).toContain(`${line}| ${LONG_LOG.error}`);
    // What was kept while it was stored is enough: of the channel only its ends and what stands around the error are read.
    expect(channels.bytesRead).toBeLessThan(2 * 1024 * 1024);
  });

  it('comes to a fifth of its tokens or less, in the median of the whole corpus', async () => {
    const rows = await Promise.all(
      ITEMS.map(async (item) => {
        const bytes = item.bytes();
        const raw = countTokens(bytes.toString('utf8'));
        const shown = countTokens((await digest(item)).text);
        return { item, bytes: bytes.length, raw, shown, times: raw / shown };
      }),
    );
    const times = rows.map((row) => row.times).sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)] ?? 0;
    expect(rows.length).toBeGreaterThanOrEqual(40);
    expect(median).toBeGreaterThanOrEqual(5);
    const table = rows.map(({ item, bytes, raw, shown, times: factor }) => {
      const where = item.size ? 'terminal' : 'pipe';
      return `| ${item.name} | ${where} | ${bytes} | ${raw} | ${shown} | ${factor.toFixed(1)} | ${item.facts.length} |`;
    });
    const document = [
      '# What digests make of real output',
      '',
      'The outputs of `test/corpus`, each captured from the tool it is named after (those that are "made" are written by the test). Tokens are',
      'counted with the o200k_base encoding. Every digest is held to the facts of its output: `test/unit/digest/corpus.test.ts`, which also keeps this table.',
      '',
      `Median over all ${rows.length}: ${median.toFixed(1)} times fewer tokens.`,
      '',
      '| output | written to | bytes | tokens, raw | tokens, digest | times fewer | facts kept |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...table,
      '',
    ];
    await expect(document.join('\n')).toMatchFileSnapshot('../../../docs/digest-corpus.md');
  });
});
