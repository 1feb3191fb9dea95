import type { z } from 'zod';
import { paramsOf, shortType } from './json-schema.ts';
import { ttyAttach, ttyCommand, ttyNews, ttyOpen } from './tty.ts';

/** The tables of the terminal carriage as docs/spec shows them (SPEC {#tty_open}, {#tty_frames}). */
export const ttyTables: Readonly<Record<'open' | 'control', () => string>> = {
  open: () => {
    const attach = new Set(paramsOf(ttyAttach).map(({ name }) => name));
    const begin = new Set(paramsOf(ttyOpen).map(({ name }) => name));
    const fields = [...paramsOf(ttyOpen), ...paramsOf(ttyAttach).filter(({ name }) => !begin.has(name))];
    const rows = fields.map(({ name, required, schema, description }) => [
      `\`${name}${required ? '' : '?'}\``,
      shortType(schema),
      !attach.has(name) ? 'begin' : begin.has(name) ? 'both' : 'attach',
      description ?? '',
    ]);
    return table(['field', 'type', 'to', 'what it says'], rows);
  },
  control: () => table(['control', 'from', 'members'], [...rowsOf(ttyCommand.options, 'client'), ...rowsOf(ttyNews.options, 'server')]),
};

function rowsOf(options: readonly z.ZodType[], from: string): string[][] {
  return options.map((option) => {
    const [type, ...members] = paramsOf(option);
    const shown = members.map(({ name, required, schema }) => `\`${name}${required ? '' : '?'}\` ${shortType(schema)}`);
    return [`\`${String(type?.schema['const'])}\``, from, shown.join(', ')];
  });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
