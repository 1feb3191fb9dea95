// Opens the store of a file and holds it until its standard input ends.
import { systemClock } from '../../../../dist/src/core/clock.js';
import { openStore } from '../../../../dist/src/store/index.js';

const store = await openStore({ file: process.argv[2] ?? '', clock: systemClock });
console.log('held');
for await (const _ of process.stdin);
await store.close();
console.log('closed');
