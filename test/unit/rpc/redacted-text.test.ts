import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../src/core/logger.ts';
import type { Said } from '../../../src/model/said.ts';
import { Redaction } from '../../../src/redact/index.ts';
import { RedactedText } from '../../../src/rpc/server/session/redacted-text.ts';
import { LiveText as Voices } from '../../../src/runtime/live-text.ts';
import { stars, TOKENS } from '../../support/secrets.ts';

const { public: shown, secret } = TOKENS[0]!;
const PLACE = { projectId: 1, run: 'r', turn: 1, madeWith: null };
const redaction = new Redaction({}, { A_TOKEN: 'a-value-of-the-server' });

function listening() {
  const heard: Said[] = [];
  const live = new Voices(silentLogger);
  const text = new RedactedText(redaction, (said) => heard.push(said));
  live.on((said) => text.say(said));
  return { voice: live.turn(PLACE), heard, told: () => heard.map((said) => said.text).join('') };
}

describe('{#redaction_stream} what a model says while it says it', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('has no secret in it, wherever its pieces are cut, and each byte once', () => {
    const text = `é ${shown}${secret} and a-value-of-the-server, ok \u{1f600}\n`;
    const masked = redaction.text(text);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: text.length }), { maxLength: 8 }), (sizes) => {
        const { voice, heard, told } = listening();
        voice.begin();
        for (let at = 0, i = 0; at < text.length; i++) {
          const size = sizes[i] ?? text.length;
          voice.say(text.slice(at, at + size));
          vi.advanceTimersByTime(50);
          at += size;
        }
        voice.end();
        expect(told()).toBe(masked);
        let offset = 0;
        for (const said of heard) {
          expect(said.offset).toBe(offset);
          offset += Buffer.byteLength(said.text);
        }
      }),
    );
  });

  it('is told masked when a secret does not go on, and begins again with the answer', () => {
    const { voice, told } = listening();
    voice.begin();
    voice.say(`it is ${shown}${secret.slice(0, 10)}`);
    vi.advanceTimersByTime(50);
    expect(told()).toBe(`it is ${shown}`);
    vi.advanceTimersByTime(100);
    expect(told()).toBe(`it is ${shown}${stars(secret.slice(0, 10))}`);
    voice.begin();
    voice.say('other');
    voice.end();
    expect(told()).toBe(`it is ${shown}${stars(secret.slice(0, 10))}other`);
  });
});
