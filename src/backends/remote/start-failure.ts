import { HeadgateError } from '../../core/errors.ts';
import type { ProducerSpec } from '../../model/records.ts';
import type { ShellHost } from './shell-host.ts';

/** The named error for what a host said when it was to start a command (see follow.sh). */
export function startFailure(host: ShellHost, spec: ProducerSpec, [word = '', ...rest]: readonly string[]): HeadgateError {
  const what = rest.join(' ');
  const facts = { outcome: word, host: host.name };
  switch (word) {
    case 'cwd_missing':
      return new HeadgateError(
        'not_found',
        `the working directory ${spec.cwd} does not exist on ${host.name}, or is no directory; name another one`,
        { ...facts, cwd: spec.cwd },
      );
    case 'no_tool':
      return new HeadgateError('unsupported', `${host.name} has no program "${what}", which is needed to run commands there; install it`, {
        ...facts,
        outcome: 'unsupported',
        program: what,
      });
    case 'no_terminal':
      return new HeadgateError('unsupported', `${what}, on ${host.name}`, { ...facts, outcome: 'unsupported' });
    case 'no_proc':
      return new HeadgateError(
        'unsupported',
        `${host.name} has no /proc, by which processes are told apart; commands can be run on Linux hosts only`,
        { ...facts, outcome: 'unsupported' },
      );
    case 'disk_full':
      return new HeadgateError('overloaded', `nothing can be written to ${what} on ${host.name}; free space there, then try again`, facts);
    case 'no_folder':
      return new HeadgateError(
        'forbidden',
        `the folder ${what} on ${host.name} cannot be made or written to; make it, or set XDG_STATE_HOME there`,
        facts,
      );
    default:
      return new HeadgateError('internal', `the command cannot be started on ${host.name}: ${word} ${what}`, {
        ...facts,
        outcome: 'start_failed',
      });
  }
}
