import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const README = textOf('README.md');

/** A file of the repository that people read. */
export function textOf(file: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
}

/** What stands in the blocks of a language, in a file or a part of one. */
export function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`\\n\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, block]) => block ?? '');
}

/** The commands of the blocks of a section, without what is said about them. */
export function commandsOf(heading: string): string[] {
  const section = README.slice(README.indexOf(`## ${heading}\n`)).split('\n## ', 1)[0] ?? '';
  const blocks = [...section.matchAll(/```\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  return blocks
    .flatMap((block) => block.split('\n'))
    .map((line) => line.replace(/\s{2,}#.*$/, '').trim())
    .filter((line) => line !== '');
}
