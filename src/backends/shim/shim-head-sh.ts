// Made from src/backends/shim/shim-head.sh by npm run docs.
import { SHIM_BEGIN_SH } from './shim-begin-sh.ts';

/** How a shim begins that has a command: traps, functions and the claim of the folder $1; the second shim on one folder leaves there. */
export const SHIM_HEAD_SH = `# How a shim begins that has a command: traps, functions and the claim of the folder $1; the second shim on one folder leaves there.\n${SHIM_BEGIN_SH}headgate_uptime() {\n  HEADGATE_SHIM_NOW=\n  read -r HEADGATE_SHIM_NOW HEADGATE_SHIM_STAT < /proc/uptime && HEADGATE_SHIM_NOW=\${HEADGATE_SHIM_NOW%.*}\${HEADGATE_SHIM_NOW#*.}\n}\nHEADGATE_SHIM_FAR=\nif [ -p "$1/alive" ]; then\n  HEADGATE_SHIM_FAR=1\n  exec 5<> "$1/alive"\n  headgate_uptime\n  HEADGATE_SHIM_FIRST=$HEADGATE_SHIM_NOW\nfi\nheadgate_identify\ncommand : > "$1/pid" || exit 0\nheadgate_publish "$1/pid" "$HEADGATE_SHIM_SELF" || exit 0\n`;
