import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = 'docs/spec';
/** The pages of the specification in the order in which its index has them. */
const PAGES = [
  'promises',
  'failures',
  'entries',
  'channels',
  'producers',
  'places/host',
  'places/tmux-container-ssh',
  'places/sandbox',
  'storage',
  'server',
  'protocol/session',
  'protocol/transports',
  'protocol/reference',
  'protocol/events',
  'protocol/streams',
  'protocol/runners',
  'agent/loop',
  'agent/agents',
  'agent/context',
  'agent/policy',
  'agent/tools',
  'agent/models',
  'agent/plugins',
  'clients/library',
  'clients/cli',
  'clients/cli-runs',
  'clients/portal',
  'clients/acp',
  'clients/mcp',
  'clients/nvim',
  'decisions',
].map((page) => `${FOLDER}/${page}.md`);
/** A page is read at one sitting. */
const PAGE_BYTES = 25 * 1024;

/** SPEC.md and the pages below docs/spec, in the order of the index; a page that the index does not know comes last. */
export function readSpec(root) {
  const found = readdirSync(join(root, FOLDER), { recursive: true, encoding: 'utf8' })
    .map((name) => `${FOLDER}/${name}`)
    .filter((name) => name.endsWith('.md'));
  const names = ['SPEC.md', ...PAGES.filter((page) => found.includes(page)), ...found.filter((name) => !PAGES.includes(name))];
  return names.map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }));
}

/**
 * Pages that the index does not know, are too long, or do not begin with a title and what they are about.
 * @param {{ name: string, text: string }[]} spec
 */
export function pageIssues(spec) {
  return spec
    .filter(({ name }) => name !== 'SPEC.md')
    .flatMap(({ name, text }) => {
      const bytes = Buffer.byteLength(text);
      return [
        ...(PAGES.includes(name) ? [] : [`${name}: the index does not know it; name it in scripts/lib/spec-pages.mjs`]),
        ...(bytes <= PAGE_BYTES ? [] : [`${name}: ${bytes} bytes, over ${PAGE_BYTES}; split it`]),
        ...(/^# .+\n\n\p{L}/u.test(text) ? [] : [`${name}: begins with no title and sentence about what it is and who reads it`]),
      ];
    });
}
