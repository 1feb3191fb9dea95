import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testTitles } from '../../scripts/lib/clauses.mjs';
import { ROOT } from '../../scripts/lib/root.mjs';
import { clauseText } from '../support/clause-text.ts';

/** What can go wrong in systems of this kind, in the words that every test of it begins with. */
const WAYS = [
  'UTF-8 split across chunks',
  'invalid UTF-8',
  'finishing on `exit` before the last byte is read',
  'Node resuming a paused stdout at exit',
  'a grandchild holding the output open',
  'KILL that misses the group',
  '`setsid` escape',
  'pid reuse',
  'a plain pipe dying with the server',
  'a server that is stopped and never started again',
  'orphaned 102',
  'crash between commit and notify',
  'retry without offset',
  'gap or reorder from two writers',
  'completion overtaking the last chunk',
  'late chunk after completion',
  'a gap between snapshot and live',
  'slow client filling memory',
  'half-open socket',
  'one slow client stalling all',
  'deflate or per-client encoding eating the CPU',
  'long reader growing the WAL',
  'inline checkpoint stalls',
  'disk full (also the checkpoint fails then)',
  'power loss under NORMAL',
  'spool filling the disk',
  '`/dev/stdout` failing when stdout is a socket',
  'the end of PTY output lost',
  'docker exec that the API cannot kill',
  'the 8-byte multiplex header split across reads',
  '`since` resuming by time',
  'SSH dropping',
  'clock stepping back',
  'a tail cut inside an escape sequence',
  'a secret split across chunks',
  '`fs.watch` missing an event',
  'characters counted for bytes',
  'two servers on one spool',
  'truncation by `> /dev/stderr`',
  'a copier killed',
  'the main process gone before its pipe',
  'a descendant that keeps one of two pipes',
  'a signal to a wrapper shell',
  '100,000 tiny writes',
  'one 1 GiB line',
  'NUL bytes',
  'child closing stdout early',
  'child that never reads stdin',
  'cancel before start',
  'cancel twice',
  'accept twice at once',
  'run deleted under a live producer',
];

/** Those of them that are about something that this version does not have; a number, so that none is added unnoticed. */
const NOT_PART = 0;

const rows = clauseText('failure_modes')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, way = '', answer = '', test = '']) => ({ way, answer, test: test.replace(/^"|"$/g, '') }));

const titles = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /(\.test|\.contract)\.ts$/.test(name) && !name.startsWith('spec/'))
  .flatMap((name) => testTitles(name, readFileSync(join(ROOT, 'test', name), 'utf8')));

describe('{#failure_modes} the table of ways to lose, repeat or leak', () => {
  it('has every way once, and nothing else', () => {
    expect(rows.map(({ way }) => way)).toEqual(WAYS);
  });

  it('says of each what is done about it, or that it is not part of this version', () => {
    const without = rows.filter(({ answer }) => answer.startsWith('not part of this version: '));
    expect(without).toHaveLength(NOT_PART);
    expect(rows.filter(({ test }) => test === '')).toEqual(without);
    for (const { way, answer } of rows) if (!without.some((row) => row.way === way)) expect(answer, way).toMatch(/\{#[a-z0-9_]+\}$/);
  });

  it.each(rows.filter(({ test }) => test !== ''))('names a test that there is: $way', ({ test }) => {
    expect(titles.filter((title) => title.includes(test))).not.toEqual([]);
  });
});
