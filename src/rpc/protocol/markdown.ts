import { ERRORS, type ErrorSpec } from '../../core/errors.ts';
import { jsonSchema, paramsOf, shortType } from './json-schema.ts';
import type { MethodDef, NotificationDef } from './method.ts';
import { methodGroups, notifications } from './table.ts';

export type GroupName = keyof typeof methodGroups;

/** The names of the method groups, in the order of the specification. */
export const groupNames = Object.keys(methodGroups) as GroupName[];

/** The table of one method group as the specification shows it: name, params with types, result, summary. */
export function methodTable(group: GroupName): string {
  const rows = Object.entries(methodGroups[group] as Record<string, MethodDef>).map(([name, def]) => {
    const params = paramsOf(def.params).map((param) => `\`${param.name}${param.required ? '' : '?'}\` ${cell(shortType(param.schema))}`);
    const notes = [def.summary];
    if (!def.init && def.scope === 'none') notes.push('Works before `init`.');
    if (def.wide) notes.push('Not for a token that is bound to its own runs.');
    return [`\`${name}\``, params.join(', '), cell(shortType(jsonSchema(def.result, 'output'))), def.scope, cell(notes.join(' '))];
  });
  return table(['method', 'params', 'result', 'scope', 'what it does'], rows);
}

/** The table of notifications as the specification shows it. */
export function notificationTable(): string {
  const rows = Object.entries(notifications as Record<string, NotificationDef>).map(([name, def]) => [
    `\`${name}\``,
    def.durable ? 'yes' : 'no',
    cell(shortType(jsonSchema(def.params, 'output'))),
    cell(def.summary),
  ]);
  return table(['notification', 'durable', 'params', 'when'], rows);
}

/** The error table, for docs/spec and docs/errors.md. */
export function errorTable(): string {
  const rows = Object.entries(ERRORS as Record<string, ErrorSpec>).map(([name, spec]) => [
    String(spec.code),
    `\`${name}\``,
    String(spec.status),
    cell(spec.when),
  ]);
  return table(['code', 'name', 'status', 'when'], rows);
}

/** The whole of docs/errors.md. */
export function errorsDocument(): string {
  return [
    '# Errors',
    '',
    'Every error that a client can see. `error.data` carries `name`, `status` and facts; the message says what to do next.',
    'Several names share code -32005: tell them apart by `data.name`.',
    '',
    'This file is generated from `src/core/errors.ts` by `npm run docs`.',
    '',
    errorTable(),
    '',
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A vertical bar would end the table's cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
