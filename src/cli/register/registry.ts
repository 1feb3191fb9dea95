import { type Command, Option } from 'commander';
import type { Console } from '../console.ts';
import type { ClientOptions } from '../context.ts';
import type { CliHost } from '../host.ts';

export const CA = "who has signed the server's certificate, for wss:// (PEM, HEADGATE_CA; default: whom Node trusts)";
export const CERT = 'certificate of this client, where the server asks for one (PEM, HEADGATE_CERT)';
export const KEY = 'key of that certificate (PEM, HEADGATE_KEY)';

/** Runs one command and returns its exit code; the module behind it is loaded only then. */
export type Action = () => Promise<number>;

/** What a group of commands is registered with. */
export interface Registry {
  readonly program: Command;
  readonly console: Console;
  readonly host: CliHost;
  /** Takes the action of the command that the line names. */
  readonly choose: (action: Action) => void;
}

/** Where the options stand that commands share; each help has one line of them, the man page says what they are. */
const SHARED_GROUP = 'Server and project:';
export const SHARED_HELP = `${SHARED_GROUP} --project DIR, --data DIR, --url URL, --token TOKEN, --socket PATH, --ca, --cert, --key (man headgate)`;

/** Adds the options by which a client command finds its server and its project (SPEC {#cli_server}). */
export function client(command: Command): Command {
  const keys: Record<keyof ClientOptions, [string, string]> = {
    url: ['--url <url>', 'server to reach: ws://host:port/rpc, wss:// or unix:/path (HEADGATE_URL)'],
    token: ['--token <token>', 'its token (HEADGATE_TOKEN)'],
    ca: ['--ca <file>', CA],
    cert: ['--cert <file>', CERT],
    key: ['--key <file>', KEY],
    socket: ['--socket <path>', 'server to reach over its unix socket (HEADGATE_SOCKET)'],
    data: ['--data <dir>', "server's data folder, to find its socket in (HEADGATE_DATA)"],
    project: ['--project <dir>', 'root folder of the project (default: the working directory)'],
  };
  for (const [flags, description] of Object.values(keys))
    command.addOption(new Option(flags, description).helpGroup(SHARED_GROUP).hideHelp());
  return command.addHelpText('after', `\n${SHARED_HELP}`);
}

/** `--metrics`, of those who start a server (SPEC {#metrics}). */
export function metricsOption(): Option {
  return new Option('--metrics [who]', 'count for Prometheus at /metrics, for tokens of scope read, or for all of this machine').choices([
    'token',
    'loopback',
  ]);
}

/** The examples at the end of a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}
