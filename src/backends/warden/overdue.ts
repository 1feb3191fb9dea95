import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../core/errors.ts';
import { AFTER_CRASH_MS, type Lifetime, lifetimeText } from '../../model/lifetime.ts';
import type { Overdue } from '../../model/ports/backend.ts';
import { receiptOf } from '../remote/kill-receipt.ts';
import { RecordSplitter } from '../remote/record-splitter.ts';
import { WARDEN_NONCE } from './warden-text.ts';

/** What the warden has decided of the command of a producer folder, and done; undefined when it has decided nothing. */
export function overdueIn(folder: string): Overdue | undefined {
  const decided = read(join(folder, 'expired'));
  // Whole only with its newline.
  const match = /^(\d+) (\d+) (\d+) \S+\n/.exec(decided?.text ?? '');
  // What was ended after its main process had ended by itself is no end of the command.
  const exitAt = statSync(join(folder, 'exit'), { throwIfNoEntry: false })?.mtimeMs;
  if (!decided || !match || (exitAt !== undefined && exitAt < decided.at)) return undefined;
  const [, seconds = '0', gone = '0', now = '0'] = match;
  const goneAt = new Date(Math.round(decided.at - (Number(now) - Number(gone)) * 10)).toISOString();
  const reason = `its server had been gone since ${goneAt}, longer than ${allowed(lifetimeOf(folder), Number(seconds))}`;
  const ended = read(join(folder, 'ended'));
  const receipt = ended
    ? receiptOf({ requestedBy: 'lifetime', reason }, Math.round(decided.at), Math.round(ended.at), recordsIn(ended.text))
    : null;
  return { reason, receipt };
}

function allowed(lifetime: unknown, seconds: number): string {
  if (lifetime === 'server') return `the ${lifetimeText(AFTER_CRASH_MS)} that lifetime server leaves after a crash`;
  return `its lifetime of ${lifetimeText((seconds * 1000) satisfies Lifetime)}`;
}

function lifetimeOf(folder: string): unknown {
  try {
    return (JSON.parse(read(join(folder, 'spec.json'))?.text ?? '{}') as { lifetime?: unknown }).lifetime;
  } catch {
    // Cut off by a full disk: the seconds are there.
    return undefined;
  }
}

function recordsIn(text: string): (readonly string[])[] {
  const records: (readonly string[])[] = [];
  new RecordSplitter(
    WARDEN_NONCE,
    () => {},
    (words) => void records.push(words),
  ).push(Buffer.from(text));
  return records;
}

function read(file: string): { text: string; at: number } | undefined {
  try {
    return { text: readFileSync(file, 'utf8'), at: statSync(file).mtimeMs };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
