import type { ContextPart } from '../../hooks/table.ts';
import type { RunView } from '../../hooks/views.ts';
import type { Loop, Project, Run, RunSettings, Turn } from '../../model/records.ts';
import type { Redaction } from '../../redact/index.ts';
import { channelEntries, channelNumber, endOffset } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { filesOf } from '../project-files.ts';
import { channelReader, skillAccess } from '../readers.ts';
import { tellEntry } from '../tell.ts';
import { withStub } from './stub.ts';
import type { CountTokens } from './tokens.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'streams' | 'hooks' | 'redaction' | 'masked' | 'guides'>;

/** Where a turn stands. */
export interface TurnPlace {
  readonly project: Project;
  readonly run: Run;
  readonly loop: Loop;
  readonly turn: Turn;
  readonly settings: RunSettings;
}

/**
 * Lets the plugins fill the context and puts the parts in order; where an entry is hidden a stub stands for its body
 * (SPEC {#context}, {#reclaim}).
 */
export async function assemble(parts: Parts, place: TurnPlace, count: CountTokens): Promise<ContextPart[]> {
  const { run, loop, turn } = place;
  await parts.guides.refresh('skills', place.project.root);
  const filled = await parts.hooks.apply('context.assemble', [], {
    projectId: run.projectId,
    run: run.alias,
    loop: loop.sequence,
    mode: loop.mode,
    turn: turn.sequence,
    view: viewOf(parts, place),
  });
  const ordered = filled
    .map((part, index) => ({ part, index }))
    .sort((a, b) => byPosition(a.part, b.part) || a.index - b.index)
    .map(({ part }) => redactedPart(parts.redaction, part));
  return await Promise.all(ordered.map((part) => withStub(parts, run, part, count)));
}

function byPosition(a: ContextPart, b: ContextPart): number {
  for (let i = 0; i < 3; i++) {
    const difference = (a.position[i] ?? 0) - (b.position[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function viewOf(parts: Parts, place: TurnPlace): RunView {
  const { store, journal } = parts;
  const { run, loop, turn } = place;
  return {
    ...place,
    files: place.settings.noRepo ? undefined : filesOf(parts, place.project),
    loops: () => store.loops.list(run.id).filter((one) => one.sequence <= loop.sequence && one.status !== 100),
    turns: () => store.turns.list(run.id).filter((one) => one.sequence < turn.sequence),
    skills: skillAccess(parts.guides, place.project.root),
    entries: (prefix) => store.entries.list({ runId: run.id, prefix }),
    channels: (entry, upTo) =>
      channelEntries(store, entry).map((found) => {
        const number = channelNumber(found);
        return channelReader(parts, found, upTo?.[String(number)] ?? endOffset(entry, number));
      }),
    record: (path, body) =>
      store.entries.get(run.id, path) ??
      journal.commit('fast', (tx) => {
        const { sequence } = turn;
        const entry = store.entries.create({
          runId: run.id,
          path,
          category: 'prompt',
          status: 200,
          body,
          turn: sequence,
          loopId: loop.id,
          writer: 'server',
        });
        tellEntry(tx, run, entry);
        return entry;
      }),
    mark: (entry, attributes) =>
      journal.commit('fast', () => {
        const now = store.entries.byId(entry.id) ?? entry;
        return store.entries.update(entry.id, { attributes: { ...now.attributes, ...attributes } });
      }),
  };
}

/**
 * A part as the model is sent it: without the secrets of what tools and commands said (SPEC {#redaction}). What a person
 * wrote to the model, and what the model wrote itself, is sent as it is.
 */
function redactedPart(redaction: Redaction, part: ContextPart): ContextPart {
  const { message, pieces } = part;
  const own = message.role === 'assistant' || message.role === 'system';
  if (own || (message.role === 'user' && pieces.some(({ path }) => path.startsWith('prompt://')))) return part;
  const text = redaction.text(message.text);
  return text === message.text ? part : { ...part, message: { ...message, text } };
}
