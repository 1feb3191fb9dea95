import { shellQuote } from '../core/shell-quote.ts';
import { type Action, type Members, record } from './action.ts';

/** Variables that are named, and characters of one value that are shown. */
const MOST_VARIABLES = 16;
const VALUE_CHARS = 80;

/**
 * Where and how a proposed command would run, in one line, for the person who decides; undefined for a plain process of the
 * server's machine in the project's root. Everything that decides what the command reaches or which programs it finds is in
 * the line (SPEC {#proposals}). Control characters are as they came.
 */
export function placeLine({ plan, input, agent }: Pick<Action, 'plan' | 'input' | 'agent'>): string | undefined {
  const { backend, runner, spec } = plan ?? { backend: undefined, runner: undefined, spec: {} };
  const { shell, container, ssh, tmux, tty, sandbox, cwd, env } = record(spec);
  const { cwd: asked, lifetime } = input;
  const parts = [
    ...(backend !== undefined && backend !== 'process' ? [runner === 'server' ? `${backend} in the server` : backend] : []),
    ...facts(container, ['image', 'container', 'watch', 'network', 'user', 'host']),
    ...mounts(record(container)['mounts']),
    ...facts(tmux, ['session', 'pane', 'socket']),
    ...facts(ssh, ['user', 'host', 'port', 'identity', 'known_hosts']),
    ...jumps(record(ssh)['jump']),
    ...(typeof shell === 'string' && shell !== 'sh' ? [shell === 'login' ? 'in a login shell' : `in ${shell}`] : []),
    ...(tty === undefined || backend === 'pty' ? [] : ['in a terminal']),
    ...(sandbox === undefined ? [] : [sandboxed(record(sandbox))]),
    ...(asked === undefined || asked === '.' || typeof cwd !== 'string' || cwd === '' ? [] : [`folder ${shellQuote(cwd)}`]),
    ...variables(record(env)),
    ...(typeof lifetime === 'string' ? [`lifetime ${shellQuote(lifetime)}`] : []),
    ...(agent === undefined ? [] : [`by ${agent}`]),
    ...(agent === undefined && runner !== undefined && runner !== 'embedded' && runner !== 'server' ? [`runner ${runner}`] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}

function facts(place: unknown, names: readonly string[]): string[] {
  const known = record(place);
  return names.flatMap((name) => {
    const value = known[name];
    return typeof value === 'string' || typeof value === 'number' ? [`${name} ${shellQuote(String(value))}`] : [];
  });
}

function mounts(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list
    .map(record)
    .map(({ source, target, read_only }) => `mount ${shellQuote(`${String(source)}:${String(target)}`)}${read_only === true ? ':ro' : ''}`);
}

function jumps(list: unknown): string[] {
  return Array.isArray(list) && list.length > 0 ? [`through ${list.map((host) => shellQuote(String(host))).join(' and ')}`] : [];
}

function variables(env: Members): string[] {
  const all = Object.entries(env);
  const shown = all.slice(0, MOST_VARIABLES).map(([name, value]) => {
    const text = String(value);
    return `${name}=${shellQuote(text.slice(0, VALUE_CHARS))}${text.length > VALUE_CHARS ? '...' : ''}`;
  });
  const more = all.length > MOST_VARIABLES ? [`and ${all.length - MOST_VARIABLES} more`] : [];
  return all.length === 0 ? [] : [`with ${[...shown, ...more].join(' ')}`];
}

function sandboxed({ mode, network }: Members): string {
  return `sandbox ${String(mode)} ${network === true ? 'with the network' : 'without network'}`;
}
