// Made from src/backends/shim/trapped-signals.sh by npm run docs.
/** Signals that the shim traps: TRAPPED_SIGNALS of shim-text.ts. */
export const TRAPPED_SIGNALS_SH = `# Signals that the shim traps: TRAPPED_SIGNALS of shim-text.ts.\nHEADGATE_SHIM_TRAPPED='HUP INT QUIT ABRT ALRM PIPE TERM USR1 USR2 TSTP TTIN TTOU'\n`;
