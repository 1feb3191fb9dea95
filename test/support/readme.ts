import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const README = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');

/** The commands of the blocks of a section, without what is said about them. */
export function commandsOf(heading: string): string[] {
  const section = README.slice(README.indexOf(`## ${heading}\n`)).split('\n## ', 1)[0] ?? '';
  const blocks = [...section.matchAll(/```\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  return blocks
    .flatMap((block) => block.split('\n'))
    .map((line) => line.replace(/\s{2,}#.*$/, '').trim())
    .filter((line) => line !== '');
}
