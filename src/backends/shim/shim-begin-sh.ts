// Made from src/backends/shim/shim-begin.sh by npm run docs.
import { SHIM_FUNCTIONS_SH } from './shim-functions-sh.ts';
import { TRAPPED_SIGNALS_SH } from './trapped-signals-sh.ts';

/** How every shim begins, before it has a command: traps, descriptors, functions. */
export const SHIM_BEGIN_SH = `# How every shim begins, before it has a command: traps, descriptors, functions.\n${TRAPPED_SIGNALS_SH}trap : $HEADGATE_SHIM_TRAPPED\nset -C\nexec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-\n${SHIM_FUNCTIONS_SH}`;
