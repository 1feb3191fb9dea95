import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Scope } from '../lib/scope.mjs';
import { median } from '../lib/stats.mjs';
import { lineCount, newChannel, newStore, rawTable, sample } from '../lib/store.mjs';

const SEGMENT = 64 * 1024;
/** So much that no checkpoint falls into it, on either side: that one copies the log into the database, whoever wrote it. */
const TOTAL = 4 * 1024 * 1024;
const ROUNDS = 40;
const FLOOR = 'raw prepared insert';

const segment = sample(SEGMENT);
const lines = lineCount(segment);

function rate(append) {
  const start = performance.now();
  for (let written = 0; written < TOTAL; written += SEGMENT) append(segment, lines);
  return TOTAL / 1e6 / ((performance.now() - start) / 1000);
}

const sides = {
  floor: (scope) => rate(rawTable(scope).append),
  value: async (scope) => rate(newChannel(await newStore(scope, { checkpoint: false }), 'overhead').append),
  file: (scope) => {
    const file = openSync(join(scope.folder(), 'plain'), 'w');
    scope.add(() => closeSync(file));
    return rate((bytes) => writeSync(file, bytes));
  },
};

export const storeOverhead = {
  results: [
    {
      name: 'store-overhead',
      what: 'appends of 64 KiB to a new database, each committed, no checkpoint on either side',
      unit: 'MB/s',
      floor: FLOOR,
      against: FLOOR,
      target: { atLeast: 0.9 },
    },
  ],
  async measure() {
    const rates = { floor: [], value: [], file: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [side, once] of Object.entries(sides)) {
        const scope = new Scope();
        try {
          rates[side].push(await once(scope));
        } finally {
          await scope.close();
        }
      }
    }
    return {
      'store-overhead': { value: median(rates.value), floor: median(rates.floor), peers: { 'write(2) to a file': median(rates.file) } },
    };
  },
};
