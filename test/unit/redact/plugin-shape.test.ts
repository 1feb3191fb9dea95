import { describe, expect, it } from 'vitest';
import { Redaction } from '../../../src/redact/index.ts';

describe('{#redaction_plugins} shapes from plugins', () => {
  it.each([
    ['acme_[A-Za-z0-9]{8}', 'x acme_Ab3dE5gH y', 'x acme_******** y'],
    ['acme_[A-Za-z0-9]{8}', 'acme_Ab3dE5gHi', 'acme_Ab3dE5gHi'],
    ['acme_[A-Za-z0-9]{8,}', 'acme_Ab3dE5gHi.', 'acme_*********.'],
    ['acme_[a-z]{4,5}', 'acme_abcdefg', 'acme_*****fg'],
    ['Key: [0-9a-f-]{12,64}', 'Key: 0123-4567-89ab\n', 'Key: **************\n'],
    ['acme_[A-Za-z0-9]{8}', 'lacme_Ab3dE5gH', 'lacme_Ab3dE5gH'],
  ])('masks %s in %j', (pattern, text, shown) => {
    const redaction = new Redaction();
    const remove = redaction.add({ name: 'Acme', pattern });
    expect(redaction.text(text)).toBe(shown);
    remove();
    expect(redaction.text(text)).toBe(text);
  });

  it.each([
    '',
    'acme_',
    'ab[a-z]{8}',
    '[a-z]{8}',
    'acme_[a-z]+',
    'acme_[a-z]{1}',
    'acme_[a-z]{8,5000}',
    'acme_[a-z]{9,8}',
    'acme_[^a]{8}',
    'acme_[\\d]{8}',
    'acme_[z-a]{8}',
    'acme_[ ]{8}',
    '(a|aa)+$[a-z]{8}',
    'acme.*[a-z]{8}',
    'acme_[a-z]{8}x',
    `${'a'.repeat(33)}[a-z]{8}`,
  ])('are refused, with what to write instead: %j', (pattern) => {
    expect(() => new Redaction().add({ name: 'Acme', pattern })).toThrow(/secret "Acme".*such as acme_\[A-Za-z0-9\]\{32\}/);
  });

  it('are 100 at most', () => {
    const redaction = new Redaction();
    for (let i = 0; i < 100; i++) redaction.add({ name: 'x', pattern: `acme${i}_[a-z]{8}` });
    expect(() => redaction.add({ name: 'x', pattern: 'more_[a-z]{8}' })).toThrow(/100 shapes/);
  });
});
