import type { Runtime, RuntimeEvent } from '../rpc/client/index.ts';
import type { ResultOf } from '../rpc/protocol/table.ts';
import { paragraph, type Screen } from './screen.ts';
import { visibleLine } from './text.ts';

type Entry = ResultOf<'getEntries'>[number];

const PAGE = 1000;

/** All entries of a run that a pattern takes in, in order of creation. */
export async function entriesOf(session: Runtime, run: string, pattern: string): Promise<Entry[]> {
  const all: Entry[] = [];
  for (;;) {
    const page = await session.look('getEntries', { run, pattern, limit: PAGE, offset: all.length });
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/** What a copy of a run has of the first one: no event of its own tells it (SPEC {#cli_attach}). `first` is the first event of the run. */
export async function showHistory(session: Runtime, run: string, first: RuntimeEvent, screen: Screen): Promise<void> {
  if (first.name !== 'run/state' || first.params.turn === 0) return;
  const { turn } = first.params;
  for (const entry of await entriesOf(session, run, 'log://**')) if (entry.turn <= turn) showEntry(entry, screen);
  screen.line(screen.colors.dim(`copied up to turn ${turn}`));
}

function showEntry({ path, body, attributes }: Entry, screen: Screen): void {
  const { command, summary } = attributes;
  if (/^log:\/\/turn_\d+\/model\/text$/.test(path)) screen.line(paragraph(body));
  else if (typeof command === 'string') screen.line(paragraph(body.startsWith('$ ') ? body : `$ ${command}`));
  else if (typeof summary === 'string') screen.line(screen.colors.dim(`  ${visibleLine(summary)}`));
}
