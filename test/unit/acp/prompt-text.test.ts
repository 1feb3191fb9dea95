import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { promptText } from '../../../src/acp/prompt-text.ts';

describe('{#acp_prompt} a file that a prompt names', () => {
  let folder: string;
  let root: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-prompt-')));
    root = join(folder, 'real');
    mkdirSync(join(root, 'src'), { recursive: true });
    writeFileSync(join(root, 'src', 'a.ts'), '');
    symlinkSync(root, join(folder, 'link'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const named = (...path: string[]): string =>
    promptText([{ type: 'resource_link', name: 'a.ts', uri: pathToFileURL(join(folder, ...path)).href }], root);

  it("is called as the model's own tools call it, also in a project that the editor opened through a link", () => {
    expect(named('real', 'src', 'a.ts')).toBe('@file://src/a.ts');
    expect(named('link', 'src', 'a.ts')).toBe('@file://src/a.ts');
    expect(named('real', 'src', 'new.ts')).toBe('@file://src/new.ts');
  });

  it('stands apart from the word before it', () => {
    const link = { type: 'resource_link' as const, name: 'a.ts', uri: pathToFileURL(join(root, 'src', 'a.ts')).href };
    const text = (words: string) => ({ type: 'text' as const, text: words });
    expect(promptText([text('look at'), link, text(', please')], root)).toBe('look at @file://src/a.ts, please');
    expect(promptText([text('look at\n'), link], root)).toBe('look at\n@file://src/a.ts');
  });

  it('and is outside of the project keeps its whole address', () => {
    expect(named('a.ts')).toBe(`@${pathToFileURL(join(folder, 'a.ts')).href}`);
  });

  it('behind a link of the project is called by the link', () => {
    symlinkSync(folder, join(root, 'out'));
    expect(named('real', 'out', 'a.ts')).toBe('@file://out/a.ts');
  });
});
