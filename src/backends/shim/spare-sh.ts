// Made from src/backends/shim/spare.sh by npm run docs.
import { shellQuote } from '../../core/shell-quote.ts';
import { SHIM_BEGIN_SH } from './shim-begin-sh.ts';
import { SHIM_END_SH } from './shim-end-sh.ts';
import { SHIM_HOLDER_END_SH } from './shim-holder-end-sh.ts';
import { SHIM_INPUT_SH } from './shim-input-sh.ts';
import { SHIM_PIPES_SH } from './shim-pipes-sh.ts';
import { SPARE_LEADER_SH } from './spare-leader-sh.ts';

/** Headgate's spare: sh SPARE FOLDER SETSID. A shim that begins before there is a command, and runs the one that comes (SPEC {#launcher}). */
export const SPARE_SH = `# Headgate's spare: sh SPARE FOLDER SETSID. A shim that begins before there is a command, and runs the one that comes (SPEC {#launcher}).\n${SHIM_BEGIN_SH}cd "$1" || exit 0\n[ -p go ] && [ -p in ] || exit 0\nHEADGATE_SHIM_FOLDER=. HEADGATE_SHIM_COPY=1 HEADGATE_SHIM_FAILED='' HEADGATE_SHIM_HOLDER=''\nexec 3<> go 5< go\nexec 3>&-\nheadgate_identify\n${SHIM_PIPES_SH}${SHIM_INPUT_SH}HEADGATE_SHIM_CODE=0\nif [ -z "$HEADGATE_SHIM_FAILED" ]; then\n  (exec "$2" -- /bin/sh -c ${shellQuote(SPARE_LEADER_SH)} sh "$HEADGATE_SHIM_SELF" "$HEADGATE_SHIM_COPIERS" "$HEADGATE_SHIM_INPUT") <&4 3<&5 4>&9 5>&8 > /dev/null 2>&1 8>&- 9>&-\n  HEADGATE_SHIM_CODE=$?\nfi\n${SHIM_HOLDER_END_SH}cd -P . && HEADGATE_SHIM_FOLDER=$PWD || exit 0\nHEADGATE_SHIM_CLAIM=\nread -r HEADGATE_SHIM_CLAIM < "$HEADGATE_SHIM_FOLDER/pid"\n[ "$HEADGATE_SHIM_CLAIM" = "$HEADGATE_SHIM_SELF" ] || exit 0\n${SHIM_END_SH}`;
