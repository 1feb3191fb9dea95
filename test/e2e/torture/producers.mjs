import { fileURLToPath } from 'node:url';
import { Content, LINE_BYTES, lineTag } from './content.mjs';

const GENERATOR = fileURLToPath(new URL('gen.mjs', import.meta.url));
const LARGE_BYTES = 24 * 1024 * 1024;

/**
 * What a producer will do, decided from its number alone: how it is made (`node`, `stdin`, `awk`, `shell` or `client`,
 * which the harness streams itself), what it writes, how long it takes, how it ends, whether and when it is cancelled.
 *
 * @param {{ id: number, random: import('./random.mjs').Random, maxMs: number, runs: string[], base: string, remote: boolean,
 *   want?: 'hold' }} options - `maxMs`: how long it may take; `want`: one that runs until it is cancelled
 */
export function planProducer({ id, random, maxMs, runs, base, remote, want }) {
  const seed = random.next();
  const how = want === 'hold' ? 'node' : random.weighted({ node: 40, stdin: 10, awk: 20, shell: 10, client: 20 });
  const lines = how === 'awk' || how === 'shell';
  const kind = lines ? 'lines' : random.pick(['text', 'utf8', 'utf8', 'binary']);
  const most =
    how === 'shell' ? 64 * 1024 : how === 'client' ? 512 * 1024 : maxMs > 5000 && random.chance(0.06) ? LARGE_BYTES : 3 * 1024 * 1024;
  const size = () => {
    const drawn = random.chance(0.08) ? 0 : random.chance(0.2) ? random.int(1, most) : random.scale(1, most);
    return lines ? Math.ceil(drawn / LINE_BYTES) * LINE_BYTES : drawn;
  };
  const bytes = [size(), random.chance(0.5) ? Math.ceil(size() / LINE_BYTES / 4) * LINE_BYTES : size()];
  const durationMs = random.chance(0.3) ? random.scale(20, maxMs) : random.int(Math.ceil(maxMs / 4), maxMs);
  const exitCode = random.chance(0.5) ? 0 : random.int(1, 120);
  const cancel = want === 'hold' || (how === 'node' && random.chance(0.15)) ? 'hold' : random.chance(0.08) ? 'cross' : undefined;
  const plan = {
    id,
    how,
    seed,
    kind,
    bytes,
    durationMs,
    exitCode,
    stages: how === 'stdin' ? random.int(2, 12) : 0,
    cancel,
    cancelAfterMs: cancel === 'hold' ? random.int(0, maxMs) : Math.floor((durationMs * random.int(50, 150)) / 100),
    stubborn: cancel === 'hold' && random.chance(0.3),
    family: cancel === 'hold' && random.chance(0.4),
    graceMs: random.pick([0, 100, 500]),
    abort: how === 'client' && cancel === undefined && random.chance(0.1),
    run: random.pick(runs),
    runner: how === 'client' ? 'client' : remote && random.chance(0.4) ? 'remote' : 'embedded',
    ledger: `${base}/ledger/p${id}`,
    random: random.fork('conduct'),
  };
  return {
    ...plan,
    command: commandOf(plan),
    contents: [1, 2].map((channel) => new Content({ seed, channel, kind, bytes: bytes[channel - 1] })),
  };
}

/** The number of the producer whose log entry this is: every command begins with it, and so does the entry's name. */
export function producerOf(path) {
  const found = /^log:\/\/[^/]+\/sh\/p(\d+)(?:-|$)/.exec(path);
  return found ? Number(found[1]) : undefined;
}

function commandOf(plan) {
  const mark = `: p${plan.id} ;`;
  if (plan.how === 'client') return `${mark} the client runs this itself`;
  if (plan.how === 'awk' || plan.how === 'shell') {
    const work = plan.how === 'awk' ? awk(plan) : shell(plan);
    const { hold, after } =
      plan.cancel === 'hold'
        ? { hold: 'sleep 100000', after: '' }
        : { hold: '', after: `echo end >> ${plan.ledger}; exit ${plan.exitCode}` };
    return `${mark} echo start $$ >> ${plan.ledger}; ${work} ${hold} ${after}`;
  }
  const { seed, kind, bytes, durationMs, exitCode, ledger, stages, stubborn, family } = plan;
  const facts = JSON.stringify({ seed, kind, bytes, durationMs, exitCode, ledger, stages, hold: plan.cancel === 'hold', stubborn, family });
  return `${mark} exec '${process.execPath}' '${GENERATOR}' '${facts}'`;
}

/** Two awks at once, one a channel, each with a pause now and then. */
function awk({ seed, bytes, durationMs }) {
  const pauses = Math.min(20, Math.ceil(durationMs / 50));
  const each = (channel) => {
    const count = bytes[channel - 1] / LINE_BYTES;
    const every = Math.ceil(count / pauses) || 1;
    const pause = `if (i % ${every} == 0) { fflush(); system("sleep ${(durationMs / pauses / 1000).toFixed(3)}") }`;
    return `awk 'BEGIN { for (i = 1; i <= ${count}; i++) { printf "${lineTag(seed, channel)} %09d %012d\\n", i, (i * 7919 + ${seed}) % 1000003; ${pause} } }'`;
  };
  return `${each(1)} & ${each(2)} >&2; wait;`;
}

/** One shell, a write a line, the channels in turns; what is left of the longer one comes last. */
function shell({ seed, bytes, durationMs }) {
  const counts = bytes.map((each) => each / LINE_BYTES);
  const most = Math.max(...counts);
  const every = Math.ceil(most / Math.min(20, Math.ceil(durationMs / 50))) || 1;
  const seconds = (durationMs / (Math.ceil(most / every) || 1) / 1000).toFixed(3);
  const line = (channel) =>
    `[ $i -le ${counts[channel - 1]} ] && printf '${lineTag(seed, channel)} %09d %012d\\n' $i $(((i * 7919 + ${seed}) % 1000003))`;
  return `i=0; while [ $i -lt ${most} ]; do i=$((i+1)); ${line(1)}; ${line(2)} >&2; [ $((i % ${every})) = 0 ] && sleep ${seconds}; done;`;
}
