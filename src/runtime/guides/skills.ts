import { HeadgateError } from '../../core/errors.ts';
import type { Guide, GuideText } from '../../hooks/views.ts';
import type { Run } from '../../model/records.ts';
import { writeEntry } from '../entry-writes.ts';
import type { Caller, RuntimeParts } from '../parts.ts';
import { tellEntry } from '../tell.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'guides'>;

/** A skill or persona as the methods return it. */
export type GuideRow = Pick<Guide, 'name' | 'description' | 'source' | 'file'> & { readonly problem?: string };

export interface AttachedSkill {
  readonly name: string;
  readonly description: string;
  readonly path: string;
  readonly bytes: number;
  readonly turn: number;
}

const SCHEME = 'skill://';

/** Skills and personas as clients see and attach them (SPEC {#skills} {#personas}). */
export class Skills {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  list(kind: 'skills' | 'personas', projectRoot: string): GuideRow[] {
    return this.#parts.guides.list(kind, projectRoot).map(({ folder: _, ...row }) => row);
  }

  /** The same, others served while what has changed is read. */
  async listed(kind: 'skills' | 'personas', projectRoot: string): Promise<GuideRow[]> {
    await this.refresh(kind, projectRoot);
    return this.list(kind, projectRoot);
  }

  /** Reads what has changed, others served in between, so that what looks for one of a name does not stop the server (SPEC {#no_pause}). */
  async refresh(kind: 'skills' | 'personas', projectRoot: string): Promise<void> {
    await this.#parts.guides.refresh(kind, projectRoot);
  }

  attached(run: Run): AttachedSkill[] {
    return this.#parts.store.entries.list({ runId: run.id, prefix: SCHEME }).map(({ path, bytes, turn, attributes }) => {
      const { description } = attributes;
      return { name: path.slice(SCHEME.length), description: typeof description === 'string' ? description : '', path, bytes, turn };
    });
  }

  /** Throws not_found with the names that there are, invalid_params for a skill that cannot be used. */
  add(c: Caller, run: Run, name: string): { run: string; path: string } {
    const { store, journal } = this.#parts;
    const { text, description, source } = this.#read('skills', c.project.root, name);
    const path = `${SCHEME}${name}`;
    const loop = store.loops.active(run.id) ?? store.loops.list(run.id).at(-1);
    const by = { turn: run.turn, loopId: loop?.id ?? null, writer: c.client };
    journal.commit('durable', (tx) => writeEntry(store, tx, run, { path, body: text, attributes: { description, source } }, by));
    return { run: run.alias, path };
  }

  /** Throws not_found for one that is not attached. */
  remove(run: Run, name: string): { run: string; path: string } {
    const { store, journal } = this.#parts;
    const path = `${SCHEME}${name}`;
    // Whatever is no name is no path either, and so not attached.
    const entry = store.entries.list({ runId: run.id, prefix: SCHEME }).find((one) => one.path === path);
    if (!entry)
      throw new HeadgateError('not_found', `run ${run.alias} has no skill "${name}"; getSkills lists those it has`, { skill: name });
    journal.commit('durable', (tx) => {
      store.entries.remove(entry.id);
      tellEntry(tx, run, entry, true);
    });
    return { run: run.alias, path };
  }

  /** The text of a persona. Throws not_found with the names that there are, invalid_params for one that cannot be used. */
  persona(projectRoot: string, name: string): string {
    return this.#read('personas', projectRoot, name).text;
  }

  /** A text that is the name of a persona stands for it; any other one is meant as it is. */
  personaOr(projectRoot: string, text: string): string {
    return this.#parts.guides.read('personas', projectRoot, text)?.text ?? text;
  }

  #read(kind: 'skills' | 'personas', projectRoot: string, name: string): GuideText {
    const { guides } = this.#parts;
    const found = guides.read(kind, projectRoot, name);
    if (found) return found;
    const [one, list] = kind === 'skills' ? ['skill', 'listSkills'] : ['persona', 'listPersonas'];
    const all = guides.list(kind, projectRoot);
    const broken = all.find((guide) => guide.name === name && guide.problem !== undefined);
    if (broken)
      throw new HeadgateError('invalid_params', `the ${one} in ${broken.file} cannot be used: ${broken.problem ?? ''}`, { [one]: name });
    const names = all.map((guide) => guide.name);
    const known = names.length === 0 ? `there is none in .headgate/${kind} of the project` : `there is ${names.join(', ')}`;
    throw new HeadgateError('not_found', `there is no ${one} "${name}"; ${known}, ${list} says more`, { [one]: name });
  }
}
