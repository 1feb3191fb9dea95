import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shellModules } from '../../../scripts/lib/shell-programs.mjs';

describe('the modules of shell programs', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'headgate-programs-'));
    mkdirSync(join(root, 'src/a/b'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const made = (name: string, text: string): string | undefined => {
    writeFileSync(join(root, name), text);
    return new Map<string, string>(shellModules(root)).get(name.replace(/\.(\w+)$/, '-$1.ts'));
  };

  it('have the text as the shell is to get it, with the first comment alone', () => {
    const text = '#!/bin/sh\n# Says it: WORD.\n#\n# More.\n\n  # shellcheck disable=SC2059 # a reason\nprintf "\\\\`echo a`${1#b}" # c\n';
    expect(made('src/a/say-it.sh', text)).toBe(
      '// Made from src/a/say-it.sh by npm run docs.\n/** Says it: WORD. */\nexport const SAY_IT_SH = `# Says it: WORD.\\nprintf "\\\\\\\\\\`echo a\\`\\${1#b}" # c\\n`;\n',
    );
  });

  it('have another program in place of a line that sources it, and of a word that is its text', () => {
    const text = '#!/bin/sh\n# Runs.\n. ./library.sh\n  . ../c/part.sh\nsh -c "$(cat ../say.sh)" sh\n';
    expect(made('src/a/b/run.sh', text)).toBe(
      [
        '// Made from src/a/b/run.sh by npm run docs.',
        "import { shellQuote } from '../../core/shell-quote.ts';",
        "import { PART_SH } from '../c/part-sh.ts';",
        "import { SAY_SH } from '../say-sh.ts';",
        "import { LIBRARY_SH } from './library-sh.ts';",
        '',
        '/** Runs. */',
        'export const RUN_SH = `# Runs.\\n${LIBRARY_SH}${PART_SH}sh -c ${shellQuote(SAY_SH)} sh\\n`;',
        '',
      ].join('\n'),
    );
  });
});
