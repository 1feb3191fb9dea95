import { describe, expect, it } from 'vitest';
import { visible, visibleLine } from '../../../src/core/visible-text.ts';

describe('{#proposals} text that somebody decides on', () => {
  it('looks different whenever it is different', () => {
    const texts = [
      'echo done\nrm -rf x',
      'echo done\\nrm -rf x',
      'echo done⟨LF⟩rm -rf x',
      'echo done\rrm -rf x',
      'echo done rm -rf x',
      'echo done\trm -rf x',
    ];
    expect(new Set(texts.map(visibleLine)).size).toBe(texts.length);
    expect(new Set(texts.map(visible)).size).toBe(texts.length);
    expect(visibleLine('echo done\nrm -rf x')).toBe('echo done⟨LF⟩rm -rf x');
    expect(visibleLine("printf 'a\\n'")).toBe("printf 'a\\n'");
    expect(visibleLine('⟨LF⟩')).toBe('⟨U+27E8⟩LF⟨U+27E9⟩');
  });

  it.each([
    ['\u0000', '⟨U+0000⟩'],
    ['\u001b', '⟨ESC⟩'],
    ['\r', '⟨CR⟩'],
    ['\u0085', '⟨U+0085⟩'],
    ['\u00a0', '⟨U+00A0⟩'],
    ['\u00ad', '⟨U+00AD⟩'],
    ['\u061c', '⟨U+061C⟩'],
    ['\u115f', '⟨U+115F⟩'],
    ['\u200b', '⟨U+200B⟩'],
    ['\u2028', '⟨U+2028⟩'],
    ['\u202e', '⟨U+202E⟩'],
    ['\u2066', '⟨U+2066⟩'],
    ['\u2800', '⟨U+2800⟩'],
    ['\u3000', '⟨U+3000⟩'],
    ['\u3164', '⟨U+3164⟩'],
    ['\ufeff', '⟨U+FEFF⟩'],
    ['\uffa0', '⟨U+FFA0⟩'],
    ['\ud800', '⟨U+D800⟩'],
    ['\u{e0041}', '⟨U+E0041⟩'],
    ['a\ufe0f', 'a⟨U+FE0F⟩'],
  ])('names what is not seen: %j', (text, shown) => {
    expect(visible(`x${text}y`)).toBe(`x${shown}y`);
    expect(visibleLine(`x${text}y`)).toBe(`x${shown}y`);
  });

  it('is left alone where it is seen', () => {
    const text = "naïve 漢字 ❤️ 🏳️ é 'a\\x1b'";
    expect(visible(`${text}\n\tb`)).toBe(`${text}\n\tb`);
    expect(visibleLine(text)).toBe(text);
  });
});
