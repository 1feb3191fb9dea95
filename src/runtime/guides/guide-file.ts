import { messageOf } from '../../core/errors.ts';
import { parseYaml } from '../../core/yaml.ts';

/** Names that a skill or a persona may have: the Agent Skills form. */
export const GUIDE_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const MAX_NAME_CHARS = 64;
const MAX_DESCRIPTION_CHARS = 1024;
/** Characters of front matter, and words and signs in it: what YAML may take of the server's thread. */
const MAX_FRONT_MATTER_CHARS = 4096;
const MAX_LEXEMES = 1000;
const FRONT_MATTER = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)(?:^|\r?\n)---[ \t]*(?:\r?\n|$)/;

/** What a Markdown file with front matter says. */
export interface GuideFile {
  readonly name: string;
  readonly description: string;
  /** The file without its front matter. */
  readonly text: string;
}

/**
 * Reads front matter (`name`, `description`; other fields are left alone) and text. Without one the file's own name and its
 * first line stand in. Throws an Error that says what is wrong with the file.
 */
export function parseGuide(source: string, fallbackName: string): GuideFile {
  const match = FRONT_MATTER.exec(source);
  const text = (match ? source.slice(match[0].length) : source.replace(/^\uFEFF/, '')).trim();
  const fields = match ? frontMatter(match[1] ?? '') : {};
  const name = fieldText(fields['name'], 'name') ?? fallbackName;
  if (!GUIDE_NAME.test(name) || name.length > MAX_NAME_CHARS)
    throw new Error(
      `the name "${name.slice(0, 80)}" is not made of a-z, 0-9 and single -, ${MAX_NAME_CHARS} at most; set name in its front matter`,
    );
  const description = fieldText(fields['description'], 'description') ?? firstLine(text);
  if (text === '') throw new Error('it has no text');
  return { name, description: description.slice(0, MAX_DESCRIPTION_CHARS), text };
}

function frontMatter(yaml: string): Record<string, unknown> {
  if (yaml.length > MAX_FRONT_MATTER_CHARS)
    throw new Error(`its front matter has ${yaml.length} characters, ${MAX_FRONT_MATTER_CHARS} are allowed; move them into the text`);
  let value: unknown;
  try {
    value = parseYaml(yaml, { maxAliasCount: 10, maxLexemes: MAX_LEXEMES });
  } catch (error) {
    throw new Error(`its front matter is no YAML that can be read: ${messageOf(error).split('\n', 1)[0]}`);
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Error('its front matter has no fields; write name: and description:');
  return value as Record<string, unknown>;
}

function fieldText(value: unknown, field: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value.trim() !== '') return value.trim().replace(/\s+/g, ' ');
  throw new Error(`${field} in its front matter is no text`);
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').replace(/^#+\s*/, '').trim();
}
