// Made from src/backends/process/launcher.sh by npm run docs.
/** Starts shims, so that a large server does not fork for each: sh LAUNCHER SPOOL SETSID (SPEC {#launcher}). */
export const LAUNCHER_SH = `# Starts shims, so that a large server does not fork for each: sh LAUNCHER SPOOL SETSID (SPEC {#launcher}).\n"$2" -f /bin/sh -c 'echo $$' < /dev/null\nexec > /dev/null 2>&1\nwhile IFS= read -r HEADGATE_LAUNCHER_LINE; do\n  (. "$1/$HEADGATE_LAUNCHER_LINE/launch") < /dev/null\ndone\n`;
