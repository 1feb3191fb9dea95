import { Redaction, Scanner } from '../../dist/src/redact/index.js';
import { SEQ_LINE, seqRate } from '../lib/seq.mjs';
import { median } from '../lib/stats.mjs';
import { sample } from '../lib/store.mjs';

const CHUNK = 64 * 1024;
const TOTAL = 64 * 1024 * 1024;
const ROUNDS = 5;
const FOLLOWS = 3;
const FLOOR = 'a copy of the bytes';
const PLAIN_SCAN = 'one regular expression of six beginnings';

const chunk = sample(CHUNK);
const target = Buffer.alloc(CHUNK);

/** Megabytes a second of `each`, called for every chunk. */
function rate(each) {
  const start = performance.now();
  for (let done = 0; done < TOTAL; done += CHUNK) each(chunk);
  return TOTAL / 1e6 / ((performance.now() - start) / 1000);
}

function scan(redaction) {
  const scanner = new Scanner(redaction.matcher());
  return rate((bytes) => void scanner.push(bytes));
}

const variables = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`SERVICE_${i}_TOKEN`, `value-of-variable-${i}-${i * 7919}`]));

const EXPRESSION = /ghp_|sk-|AKIA|eyJ|:\/\/|xoxb-/;

const sides = {
  floor: () => rate((bytes) => void bytes.copy(target)),
  value: () => scan(new Redaction()),
  expression: () => rate((bytes) => void EXPRESSION.test(bytes.latin1Slice())),
  variables: () => scan(new Redaction({}, variables)),
};

const PLAIN = 'a client that sees all';

/** What the search for secrets costs: a client that may not see them, and the search alone. */
export const redaction = {
  drivesServer: true,
  results: [
    {
      name: 'redaction-follow',
      what: `\`${SEQ_LINE}\` (38.9 MB) -> SQLite -> one client that may not see secrets, binary frames`,
      unit: 'MB/s',
      floor: PLAIN,
      against: PLAIN,
      target: { atLeast: 0.9 },
    },
    {
      name: 'redaction-scan',
      what: 'output without secrets searched for them, in chunks of 64 KiB',
      unit: 'MB/s',
      floor: FLOOR,
      against: PLAIN_SCAN,
      target: { atLeast: 2 },
    },
  ],
  async measure({ client, server }) {
    const rates = { floor: [], value: [], expression: [], variables: [] };
    for (let round = 0; round < ROUNDS; round++) for (const [side, once] of Object.entries(sides)) rates[side].push(once());
    const followed = async (redact) => seqRate(await client('headgateThroughput', { server, command: SEQ_LINE, carriage: 'raw', redact }));
    const follows = { floor: [], value: [] };
    for (let round = 0; round < FOLLOWS; round++) {
      follows.floor.push(await followed(false));
      follows.value.push(await followed(true));
    }
    return {
      'redaction-follow': { value: median(follows.value), floor: median(follows.floor), peers: {} },
      'redaction-scan': {
        value: median(rates.value),
        floor: median(rates.floor),
        peers: { [PLAIN_SCAN]: median(rates.expression), 'with the values of ten variables': median(rates.variables) },
      },
    };
  },
};
