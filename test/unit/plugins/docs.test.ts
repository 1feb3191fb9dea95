import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { bundledPlugins } from '../../../src/plugins/index.ts';
import { host } from './bundled-tools.ts';

const tools = host.list().flatMap((plugin) => plugin.tools.map((name) => ({ plugin: plugin.name, name, tool: host.tool(name)! })));

describe('{#bundled_plugins} bundled plugins', () => {
  it('are all there', () => {
    expect(host.list().filter(({ error }) => error !== undefined)).toEqual([]);
    expect(tools.map(({ name }) => name)).toEqual([
      ...[
        'env',
        'sh',
        'wait',
        'input',
        'signal',
        'cancel',
        'get',
        'set',
        'rm',
        'mv',
        'cp',
        'search',
        'fetch',
        'tail',
        'watch',
        'known',
        'unknown',
        'think',
      ],
      ...['ask_user', 'update', 'skill'],
    ]);
  });

  it.each(tools)('the examples in the doc of $name fit its parameters', ({ tool }) => {
    const examples = [...tool.definition.doc.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json!) as unknown);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(tool.definition.params.safeParse(example)).toMatchObject({ success: true });
  });

  it('have a folder with a README each', async () => {
    const base = new URL('../../../src/plugins/', import.meta.url);
    const folders = (await readdir(base, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect(folders.map((name) => name.replace('-', '_')).sort()).toEqual(
      [...bundledPlugins.map(({ name }) => name), 'mcp', 'web_search'].sort(),
    );
    for (const folder of folders) expect(await readFile(new URL(`${folder}/README.md`, base), 'utf8')).toMatch(/^# /);
  });
});
