// Writes and ends without closing the store: its checkpoint thread must not keep the process alive.
import { systemClock } from '../../../../src/core/clock.ts';
import { openStore } from '../../../../src/store/index.ts';

const store = await openStore({ file: process.argv[2] ?? '', clock: systemClock });
store.projects.open({ name: 'forgotten', root: '/', configPath: null });
