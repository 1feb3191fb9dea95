// Made from src/backends/shim/shim-holder-end.sh by npm run docs.
/** Ends the process that holds the input of a command open, once the command has ended. */
export const SHIM_HOLDER_END_SH = `# Ends the process that holds the input of a command open, once the command has ended.\nexec 4<&- 8>&- 9>&-\nif [ -n "$HEADGATE_SHIM_HOLDER" ]; then\n  headgate_ticks "$HEADGATE_SHIM_HOLDER" && [ "$HEADGATE_SHIM_TICKS" = "$HEADGATE_SHIM_SINCE" ] && kill -9 "$HEADGATE_SHIM_HOLDER"\n  wait "$HEADGATE_SHIM_HOLDER"\nfi\n`;
