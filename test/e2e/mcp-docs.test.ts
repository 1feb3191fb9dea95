import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { cli } from '../support/cli.ts';
import { blocksOf, textOf } from '../support/readme.ts';
import { tempFolder } from '../support/temp-store.ts';

interface Entry {
  readonly command: string;
  readonly args: readonly string[];
}

const blocks = (language: string) => blocksOf(textOf('docs/mcp.md'), language);

it('{#mcp_server} the configurations of docs/mcp.md name a command line that starts', async () => {
  const json = blocks('json').map((text) => Object.values(JSON.parse(text) as Record<string, Record<string, Entry>>)[0]?.['headgate']);
  const yaml = blocks('yaml').map((text) => (parse(text) as { mcp: Record<string, Entry> }).mcp['elsewhere']);
  const [toml = ''] = blocks('toml');
  const codex = {
    command: /^command = "(.*)"$/m.exec(toml)?.[1] ?? '',
    args: JSON.parse(/^args = (.*)$/m.exec(toml)?.[1] ?? '') as string[],
  };
  const entries = [...json, ...yaml, codex];
  expect(entries).toHaveLength(5);
  const { folder, remove } = await tempFolder();
  try {
    expect(new Set(entries.map((entry) => entry?.command))).toEqual(new Set(['headgate']));
    const lines = new Set(
      entries.map((entry) => (entry?.args ?? []).map((word) => (/^\/path|^\$\{/.test(word) ? folder : word)).join('\n')),
    );
    for (const line of lines) {
      // Standard input ends at once: a server that has understood its arguments ends with 0, and has started nothing.
      expect(await cli(line.split('\n'), { cwd: folder, env: { HEADGATE_DATA: folder } })).toMatchObject({ code: 0, out: '', err: '' });
    }
  } finally {
    await remove();
  }
}, 60_000);
