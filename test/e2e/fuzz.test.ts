import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../fuzz/run.mjs', import.meta.url));
/** It has to have come this far, or nothing was tried: inputs, and answers or results. */
const KINDS = [
  { kind: 'frames', clauses: '{#envelope} {#batch} {#access} {#transport_lines}', count: 10_000, pattern: /(\d+) frames .* (\d+) answers/ },
  { kind: 'methods', clauses: '{#calls} {#shapes} {#tokens}', count: 1000, pattern: /(\d+) calls .* (\d+) of them results/ },
  { kind: 'files', clauses: '{#files} {#file_edits} {#skills} {#containment}', count: 300, pattern: /(\d+) calls, (\d+) results/ },
];

function fuzz(kind: string, count: number): Promise<{ code: number; out: string; said: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [PROGRAM, kind, '--seconds', '60', '--count', String(count), '--seed', 'test'],
      (_, out, said) => {
        resolve({ code: child.exitCode ?? -1, out, said });
      },
    );
  });
}

describe.each(KINDS)('{#no_pause} $clauses hostile $kind', ({ kind, count, pattern }) => {
  it('get answers with names, stop and harm nobody, and leave sound data', async () => {
    const { code, out, said } = await fuzz(kind, count);
    expect(said).toBe('');
    expect(code).toBe(0);
    const [inputs, answers] = (pattern.exec(out) ?? []).slice(1).map(Number);
    expect(inputs).toBeGreaterThanOrEqual(count);
    expect(answers).toBeGreaterThan(count / 20);
    process.stdout.write(out);
  }, 200_000);
});
