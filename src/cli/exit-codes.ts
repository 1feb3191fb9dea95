/** Exit codes of every command (SPEC {#cli_exit_codes}). `sh` adds the codes of the command itself. */
export const EXIT = {
  ok: 0,
  /** The command, the loop or the call failed. */
  failed: 1,
  /** The command line was wrong. */
  usage: 2,
  /** No server could be reached. */
  unreachable: 3,
  /** Refused by the server, or rejected by a client. */
  refused: 4,
  /** `sh`: the command ran into its time limit, as timeout(1) says it. */
  timedOut: 124,
  /** Interrupted with Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
  /** The reader of our output went away: 128 + SIGPIPE. */
  brokenPipe: 141,
} as const;

/** The table as `headgate --help` shows it. */
export const EXIT_CODE_HELP = `
Exit codes:
  0    done
  1    the command or the loop failed
  2    wrong usage
  3    no server reached
  4    refused by the server or rejected by a client
  130  interrupted with Ctrl-C
  sh   exits with the command's own code; 128 + N when signal N ended it, 124 when it ran into --timeout
`;
