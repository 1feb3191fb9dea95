// Writes and ends without closing the store: its checkpoint thread must not keep the process alive.
import { systemClock } from '../../../../dist/src/core/clock.js';
import { openStore } from '../../../../dist/src/store/index.js';

const store = await openStore({ file: process.argv[2] ?? '', clock: systemClock });
store.projects.open({ name: 'forgotten', root: '/', configPath: null });
