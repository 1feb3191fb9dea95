import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../src/core/logger.ts';
import { TokenCounter } from '../../../src/runtime/loop/tokens.ts';

const counter = new TokenCounter();
const count = (texts: readonly string[]) => counter.count(texts, silentLogger);
const options = { disallowedSpecial: new Set<string>() };

describe('{#context_budget} the counter of tokens', () => {
  it('counts as o200k does, and takes control tokens for text', async () => {
    const texts = ['hello world', '', '<|endoftext|>', 'hello world', 'líne ✓ \ud83d\ude00'];
    expect(await count(texts)).toEqual(texts.map((text) => countTokens(text, options)));
    const prose = 'The quick brown fox jumps over the lazy dog; and again.\n'.repeat(200);
    const [counted] = await count([prose]);
    expect(Math.abs(counted! - countTokens(prose)) / countTokens(prose)).toBeLessThan(0.02);
    // What it has counted it counts no other way the next time.
    expect(await count([...texts, prose])).toEqual([...texts.map((text) => countTokens(text, options)), counted]);
  });

  it('estimates texts that are too long', async () => {
    expect(await count(['x '.repeat(90_000), 'hello world'])).toEqual([60_000, 2]);
  });

  it('never fails, and never counts more tokens than there are bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary', maxLength: 500 }), { maxLength: 8 }), async (parts) => {
        const text = parts.join('');
        const [counted] = await count([text]);
        expect(counted).toBeGreaterThanOrEqual(text === '' ? 0 : 1);
        expect(counted).toBeLessThanOrEqual(Math.max(1, Buffer.byteLength(text)));
      }),
    );
  });

  it('answers with estimates when its thread ends, says so once, and counts again after a while', async () => {
    const warn = vi.fn();
    const logger = { ...silentLogger, warn };
    const restartMs = 500;
    const own = new TokenCounter(restartMs);
    const begun = once(process, 'worker') as Promise<[Worker]>;
    const first = own.count(['hello world'], logger);
    const [worker] = await begun;
    await worker.terminate();
    expect(await first).toEqual([4]);
    expect(await own.count(['hello world', 'abc'], logger)).toEqual([4, 1]);
    expect(warn.mock.calls).toEqual([[expect.objectContaining({ pauseMs: restartMs }), expect.stringContaining('estimated')]]);
    await vi.waitFor(async () => expect(await own.count(['hello world'], logger)).toEqual([2]), { timeout: 20_000, interval: 50 });
    expect(warn).toHaveBeenCalledTimes(1);
  });
});
