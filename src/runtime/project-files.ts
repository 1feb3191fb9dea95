import { relative } from 'node:path';
import { resolveLinks } from '../core/real-path.ts';
import { ProjectFiles } from '../files/index.ts';
import type { FileConstraint } from '../model/file-change.ts';
import type { Store } from '../model/ports/store.ts';
import type { Project } from '../model/records.ts';

/** What the files of a project are read with. */
export interface FileParts {
  readonly store: Pick<Store, 'fileConstraints'>;
  /** Folder of the server's own database and token; no tool reads in it, also when it is inside of a project. */
  readonly dataFolder?: string | undefined;
}

/** The files of a project under the constraints of this moment (SPEC {#file_constraints}). */
export function filesOf({ store, dataFolder }: FileParts, project: Pick<Project, 'id' | 'root'>): ProjectFiles {
  const own = dataFolder === undefined ? [] : ownRule(project.root, dataFolder);
  return new ProjectFiles(project.root, [...own, ...store.fileConstraints.list(project.id)]);
}

function ownRule(root: string, dataFolder: string): FileConstraint[] {
  const path = relative(resolveLinks(root), resolveLinks(dataFolder));
  if (path === '' || path.startsWith('..')) return [];
  return [{ pattern: `${path}/**`, rule: 'ignore', createdAt: 0 }];
}
