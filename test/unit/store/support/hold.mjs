// Opens the store of a file and holds it until its standard input ends.
import { systemClock } from '../../../../src/core/clock.ts';
import { openStore } from '../../../../src/store/index.ts';

const store = await openStore({ file: process.argv[2] ?? '', clock: systemClock });
console.log('held');
for await (const _ of process.stdin);
await store.close();
console.log('closed');
