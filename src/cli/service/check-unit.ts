import { existsSync, readFileSync } from 'node:fs';
import { isMissing, messageOf } from '../../core/errors.ts';
import type { Console } from '../console.ts';
import type { Finding } from '../host.ts';
import { unitFile } from './unit-file.ts';

/** What is to be said of the units that are installed, of the machine and of the user; nothing where there are none (SPEC {#cli_doctor}). */
export function checkUnits(console: Console): Finding[] {
  return [false, true].flatMap((user) => {
    const file = unitFile(console, { user });
    try {
      return [finding(file, readFileSync(file, 'utf8'), user)];
    } catch (error) {
      if (isMissing(error)) return [];
      return [{ name: 'service', state: 'note', detail: `${file} cannot be read: ${messageOf(error)}` }] as const;
    }
  });
}

function finding(file: string, text: string, user: boolean): Finding {
  const again = `headgate service install${user ? ' --user' : ' --as USER'} writes it again`;
  // Node.js and the command: an upgrade of either may have moved them.
  const gone = (/^ExecStart=(.*)$/m.exec(text)?.[1] ?? '')
    .split(/\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/)
    .slice(0, 2)
    .map((word) =>
      word
        .replace(/^"(.*)"$/, '$1')
        .replaceAll('%%', '%')
        .replaceAll('$$', '$'),
    )
    .find((path) => !existsSync(path));
  if (gone !== undefined)
    return { name: 'service', state: 'bad', detail: `${file} starts ${gone || 'nothing'}, which is not there; ${again}` };
  // With any other mode systemd ends the commands with the server.
  if (!/^KillMode=process$/m.test(text))
    return { name: 'service', state: 'bad', detail: `${file} has no KillMode=process, so commands end with the server; ${again}` };
  return { name: 'service', state: 'ok', detail: file };
}
