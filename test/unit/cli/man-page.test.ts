import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Console } from '../../../src/cli/console.ts';
import type { CliHost } from '../../../src/cli/host.ts';
import { commandTree } from '../../../src/cli/program.ts';

const page = readFileSync(fileURLToPath(new URL('../../../man/headgate.1', import.meta.url)), 'utf8');
const MACROS = /^\.(?:\\"|TH|SH|SS|TP|PP|RS|RE|EX|EE|B|I)(?: |$)/;

describe('{#cli_man} the man page', () => {
  it('has every command with its options', () => {
    const console = { version: '1.2.3', env: {} } as Console;
    const program = commandTree({ console, host: {} as CliHost, choose: () => {}, wrong: () => {} });
    const visible = program.createHelp().visibleCommands(program);
    for (const command of visible.filter((one) => one.name() !== 'help')) {
      expect(page).toContain(`\n.SS ${command.name()} `);
      for (const { long } of command.options) expect(page).toContain(long?.replaceAll('-', '\\-'));
    }
    expect(page).not.toContain('\n.SS complete ');
  });

  it('has no line that a formatter would take for something else', () => {
    for (const line of page.split('\n').filter((one) => /^[.']/.test(one))) expect(line).toMatch(MACROS);
    expect(page).not.toMatch(/\\(?![fe&"-])/);
  });
});
