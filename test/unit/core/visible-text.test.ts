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

  it.each([
    ['rm -rf \u0445', 'rm -rf ⟨U+0445⟩'],
    ['/bin/\u0455h', '/bin/⟨U+0455⟩h'],
    ['\u0441\u043e\u0440\u0443 a b', '⟨U+0441⟩⟨U+043E⟩⟨U+0440⟩⟨U+0443⟩ a b'],
    ['r\u03bfot', 'r⟨U+03BF⟩ot'],
    ['a\uff1bb', 'a⟨U+FF1B⟩b'],
    ['\u{1d42b}m', '⟨U+1D42B⟩m'],
  ])('names a letter that looks like another one: %j', (text, shown) => {
    expect(visible(text)).toBe(shown);
    expect(visible(shown)).not.toBe(shown);
  });

  it('leaves words of other alphabets alone', () => {
    for (const text of ['echo привет, мир', 'echo с ошибкой', 'echo γεια σου', 'echo naïve 漢字']) expect(visible(text)).toBe(text);
  });

  it('counts the blanks that put what is behind them out of sight', () => {
    expect(visible(`echo${' '.repeat(4096)}; rm -rf x`)).toBe('echo⟨SPACE×4096⟩; rm -rf x');
    expect(visible(`a${' '.repeat(150)}${'\t'.repeat(60)}b`)).toBe('a⟨SPACE×150⟩⟨TAB×60⟩b');
    expect(visible(`a${' '.repeat(199)}b`)).toBe(`a${' '.repeat(199)}b`);
  });

  it('is left alone where it is seen', () => {
    const text = "naïve 漢字 ❤️ 🏳️ é 'a\\x1b'";
    expect(visible(`${text}\n\tb`)).toBe(`${text}\n\tb`);
    expect(visibleLine(text)).toBe(text);
  });
});
