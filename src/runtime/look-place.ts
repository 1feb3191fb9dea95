import { delimiter } from 'node:path';
import { pathWithoutProject } from '../core/search-path.ts';
import { realOf } from '../hooks/contained-path.ts';
import type { ProposedProducer } from '../hooks/plugin.ts';

/** Where a command that only looks can be run (SPEC {#looks_place}). */
export interface LookPlace {
  /** A sandbox can be had for it. */
  readonly inSandbox: boolean;
  /** Folders of PATH in which the project may have programs. */
  readonly projectPath: readonly string[];
}

/** Where what only looks can be run for the project at `root`, whose commands have this PATH. */
export function lookPlace(root: string, inSandbox: boolean, path = process.env['PATH'] ?? ''): LookPlace {
  const foreign = new Set(pathWithoutProject(path, root));
  return { inSandbox, projectPath: path.split(delimiter).filter((folder) => !foreign.has(folder)) };
}

/** A command that was allowed because it only looks: in the read-only sandbox, where there is one, and in any case with a PATH of no project. */
export function onlyLooking(producer: ProposedProducer, root: string, inSandbox: boolean): ProposedProducer {
  const real = realOf(root);
  const sandbox = inSandbox ? { sandbox: { mode: 'read-only' as const, network: false, root: real } } : {};
  return { ...producer, spec: { ...producer.spec, ...sandbox, looking: { root: real } } };
}
