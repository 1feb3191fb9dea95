import type { ContextPart } from '../../hooks/table.ts';
import type { RunView } from '../../hooks/views.ts';
import type { ModelMessage } from '../../model/ports/model-provider.ts';
import type { ContextPiece, Loop, Project, Run, RunSettings, Turn } from '../../model/records.ts';
import { channelEntries, channelNumber } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { channelReader } from '../readers.ts';
import { tellEntry } from '../tell.ts';

/** Characters that are counted as one token. A rule of thumb for English and code; providers count their own. */
const CHARS_PER_TOKEN = 4;

/** What a turn shows to the model, and the record of it (SPEC {#turn_context}). */
export interface AssembledContext {
  readonly messages: readonly ModelMessage[];
  readonly pieces: readonly ContextPiece[];
  /** Estimate: four characters a token. */
  readonly tokens: number;
}

/** Where a turn stands. */
export interface TurnPlace {
  readonly project: Project;
  readonly run: Run;
  readonly loop: Loop;
  readonly turn: Turn;
  readonly settings: RunSettings;
}

/** Lets the plugins fill the context and puts the parts in order. */
export async function assemble(parts: RuntimeParts, place: TurnPlace): Promise<AssembledContext> {
  const { run, loop, turn } = place;
  const filled = await parts.hooks.apply('context.assemble', [], {
    projectId: run.projectId,
    run: run.alias,
    loop: loop.sequence,
    mode: loop.mode,
    turn: turn.sequence,
    view: viewOf(parts, place),
  });
  const ordered = filled.map((part, index) => ({ part, index })).sort((a, b) => byPosition(a.part, b.part) || a.index - b.index);
  const pieces: ContextPiece[] = [];
  let tokens = 0;
  for (const { part } of ordered) {
    const estimate = estimateTokens(part.message.text);
    tokens += estimate;
    const bytes = part.pieces.reduce((sum, piece) => sum + piece.to - piece.from, 0);
    for (const { path, from, to } of part.pieces) {
      const share = bytes === 0 ? 0 : Math.round((estimate * (to - from)) / bytes);
      pieces.push({ ordinal: pieces.length + 1, path, from, to, tokens: share });
    }
  }
  return { messages: ordered.map(({ part }) => part.message), pieces, tokens };
}

/** Tokens of a text, estimated. */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / CHARS_PER_TOKEN);
}

function byPosition(a: ContextPart, b: ContextPart): number {
  for (let i = 0; i < 3; i++) {
    const difference = (a.position[i] ?? 0) - (b.position[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function viewOf(parts: RuntimeParts, place: TurnPlace): RunView {
  const { store, journal } = parts;
  const { run, loop, turn } = place;
  return {
    ...place,
    loops: () => store.loops.list(run.id).filter((one) => one.sequence <= loop.sequence && one.status !== 100),
    turns: () => store.turns.list(run.id).filter((one) => one.sequence < turn.sequence),
    entries: (prefix) => store.entries.list({ runId: run.id, prefix }),
    channels: (entry, upTo) =>
      channelEntries(store, entry).map((found) => channelReader(store.channels, found, upTo?.[String(channelNumber(found))])),
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
