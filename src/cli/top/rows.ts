import { endWord, type Need } from '../../rpc/client/index.ts';
import { fitRow, type Row, span } from '../attach/rows.ts';
import { formatBytes, formatDuration, visibleLine } from '../text.ts';
import type { TopCommand, TopPicture } from './feed.ts';

/** What a row is about, for keys. */
export type Subject = { readonly need: Need } | { readonly command: TopCommand };

/** A row, and what it is about; headings are about nothing. */
export interface TopRow {
  readonly row: Row;
  readonly subject?: Subject;
}

const KIND: Readonly<Record<Need['kind'], string>> = {
  proposal: 'to accept',
  question: 'question',
  input: 'wants input',
  failure: 'failed',
};

/** The one line that says it all. */
export function summaryText({ projects, busyRuns, commands, needs, runners }: TopPicture): string {
  const cpu = commands.reduce((sum, { usage }) => sum + (usage?.cpu ?? 0), 0);
  const memory = commands.reduce((sum, { usage }) => sum + (usage?.memory ?? 0), 0);
  const rate = commands.reduce((sum, one) => sum + one.rate, 0);
  const away = runners.filter(({ state }) => state !== 'ready').length;
  return [
    `${needs.length} for you`,
    counted(commands.length, 'command'),
    `${counted(busyRuns, 'run')} at work`,
    counted(projects, 'project'),
    ...(runners.length === 0 ? [] : [`${counted(runners.length, 'runner')}${away === 0 ? '' : `, ${away} not ready`}`]),
    `cpu ${percent(cpu)}`,
    `memory ${formatBytes(memory)}`,
    `output ${formatBytes(Math.round(rate))}/s`,
  ].join('  ');
}

/** All rows below the first one. */
export function topRows(picture: TopPicture, columns: number, now: number): TopRow[] {
  const { needs, commands, runners, problems } = picture;
  return [
    ...section('Needs you', needs.length),
    ...(needs.length === 0 ? [{ row: [span('  nothing waits for anybody', 'dim')] }] : []),
    ...needs.map((need) => ({ row: needRow(need, columns, now), subject: { need } })),
    ...section('Commands', commands.length),
    { row: [span('   CPU   MEMORY  OUTPUT/S          AGE  STATE         PROJECT RUN COMMAND', 'dim')] },
    ...commands.map((command) => ({ row: commandRow(command, columns), subject: { command } })),
    ...(runners.length === 0 ? [] : section('Runners', runners.length)),
    ...runners.map(({ name, state, live, capacity, labels }) => ({
      row: [
        span(`  ${visibleLine(name)}  `),
        span(state, state === 'ready' ? 'green' : 'yellow'),
        span(`  ${live} of ${capacity}  ${labels.join(' ')}`, 'dim'),
      ],
    })),
    ...problems.map((problem) => ({ row: [span(visibleLine(problem), 'red')] })),
  ];
}

function section(title: string, count: number): TopRow[] {
  return [{ row: [span(title, 'bold'), span(`  ${count}`, 'dim')] }];
}

function needRow({ kind, project, run, words, since }: Need, columns: number, now: number): Row {
  const age = formatDuration(Math.max(0, now - since));
  return fitRow(
    [
      span(`  ${KIND[kind].padEnd(12)}`, kind === 'failure' ? 'red' : 'yellow'),
      span(`${age.padStart(10)}  `, 'dim'),
      span(`${visibleLine(project)} ${visibleLine(run)}  `, 'cyan'),
      span(visibleLine(words)),
    ],
    columns,
  );
}

function commandRow(command: TopCommand, columns: number): Row {
  const { usage, rate, ageMs, project, run, state, waits_for } = command;
  const cells = [
    (usage ? percent(usage.cpu) : '-').padStart(6),
    (usage ? formatBytes(usage.memory) : '-').padStart(9),
    `${formatBytes(Math.round(rate))}`.padStart(10),
    formatDuration(ageMs).padStart(13),
  ].join('');
  const word = command.leftover !== null ? 'leftover' : state === 'ended' ? endWord(command) : command.waiting ? 'wants input' : state;
  const why = waits_for === null ? '' : `  (waits for ${visibleLine(waits_for)})`;
  return fitRow(
    [
      span(cells),
      span(`  ${word.padEnd(12)}  `, word === 'running' ? 'green' : 'yellow'),
      span(`${visibleLine(project)} ${visibleLine(run)}  `, 'cyan'),
      span(`${visibleLine(command.command)}${why}`),
    ],
    columns,
  );
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function percent(cpu: number): string {
  return `${Math.round(cpu * 100)}%`;
}
