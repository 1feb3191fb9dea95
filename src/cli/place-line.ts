import { visibleLine } from './text.ts';

/**
 * Where a proposed command would run, in one line, for whoever is to decide; nothing for a plain process of the server's
 * machine. `plan` is that of a proposal's attributes.
 */
export function placeLine(plan: unknown): string | undefined {
  const { backend, runner, spec } = record(plan);
  const { container, ssh, tmux, tty, sandbox } = record(spec);
  const parts = [
    ...(typeof backend === 'string' && backend !== 'process' ? [backend] : []),
    ...facts(container, ['image', 'container', 'watch', 'network', 'user']),
    ...mounts(record(container)['mounts']),
    ...facts(tmux, ['session', 'pane']),
    ...facts(ssh, ['user', 'host', 'port']),
    ...(tty === undefined || backend === 'pty' ? [] : ['in a terminal']),
    ...(sandbox === undefined ? [] : [sandboxed(record(sandbox))]),
    ...(typeof runner === 'string' && runner !== 'embedded' ? [`runner ${runner}`] : []),
  ];
  return parts.length === 0 ? undefined : visibleLine(parts.join(', '));
}

function facts(place: unknown, names: readonly string[]): string[] {
  const known = record(place);
  return names.flatMap((name) => {
    const value = known[name];
    return typeof value === 'string' || typeof value === 'number' ? [`${name} ${value}`] : [];
  });
}

function mounts(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list
    .map(record)
    .map(({ source, target, read_only }) => `mount ${String(source)}:${String(target)}${read_only === true ? ':ro' : ''}`);
}

function sandboxed({ mode, network }: Readonly<Record<string, unknown>>): string {
  return `sandbox ${String(mode)} ${network === true ? 'with the network' : 'without network'}`;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
