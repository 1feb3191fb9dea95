import type { Readable, Writable } from 'node:stream';
import type { ClientTls } from '../rpc/node/index.ts';
import type { ResultOf } from '../rpc/protocol/table.ts';

/** What `headgate serve` hands to the composition root. */
export interface ServeOptions {
  /** Absolute path of the data folder; made when missing. */
  readonly data: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly host: string;
  readonly config?: string;
  readonly socket?: string;
  readonly logLevel: LogLevel;
  readonly token?: string;
  /** Seconds that a runner may be away. */
  readonly runnerLease?: number;
  /** Files in PEM; set: connections are encrypted. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Origins of web pages that may connect beside the server's own. */
  readonly allowedOrigins?: readonly string[];
  /** Where a proxy in front of the server is reached. */
  readonly publicUrl?: URL;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed (SPEC {#trusted_proxy}). */
  readonly trustedProxies?: readonly string[];
  /** Who reads `/metrics`; left out: nothing is counted. */
  readonly metrics?: 'token' | 'loopback';
  /** Listens beyond loopback without TLS. */
  readonly insecureListen?: boolean;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What `headgate runner` hands to the composition root. */
export interface RunnerOptions {
  readonly url: string;
  readonly token?: string;
  /** For a server that is reached with wss://. */
  readonly tls: ClientTls;
  readonly name: string;
  readonly labels: readonly string[];
  /** Patterns of the runs whose commands it takes; none: every run's. */
  readonly runs: readonly string[];
  /** Version of the program. */
  readonly version: string;
  readonly capacity: number;
  /** Absolute path of the state folder; made when missing. */
  readonly data: string;
  readonly logLevel: LogLevel;
  /** Aborted when the process is to end. */
  readonly signal: AbortSignal;
  /** Told once, at the first registration. */
  readonly ready: () => void;
}

/** A server that listens. */
export interface RunningServer {
  readonly url: string;
  readonly http: string;
  readonly socket: string;
  readonly token: string;
  readonly pid: number;
  /** Where the original is, when the data folder was found to be a copy. */
  readonly copyOf?: string;
  /** Stops serving; commands go on. */
  close(): Promise<void>;
}

/** One thing that `headgate doctor` was told. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'note' | 'bad' | 'repaired';
  readonly detail: string;
}

/** What `headgate doctor` is told of a data folder. */
export interface DataReport {
  readonly findings: readonly Finding[];
  /** Copy of the database that was made before the first repair. */
  readonly backup?: string;
}

/** What a backup says about itself. */
interface BackupFacts {
  /** The data folder that it was made of. */
  readonly of: string;
  /** When it was, RFC 3339. */
  readonly at: string;
  /** Version of the program that made it. */
  readonly version: string;
}

/** A command that goes on without a server. Times in milliseconds since the epoch. */
export interface OutlivedCommand {
  readonly run: string;
  readonly path: string;
  readonly project: string;
  readonly command: string;
  readonly backend: string;
  /** Null: it runs elsewhere and cannot be seen from here. */
  readonly pid: number | null;
  readonly lifetime: string;
  /** Since when there is no server; null where that was not recorded. */
  readonly since: number | null;
  /** When it is ended if no server comes; null: never, or not known. */
  readonly until: number | null;
}

/** A command that was cancelled, as `stream/cancelAll` returns it. */
export type EndedCommand = ResultOf<'stream/cancelAll'>[number];

/** An output stream, perhaps a terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** Standard input, perhaps a terminal. */
export type InputStream = Readable & { readonly isTTY?: boolean; setRawMode?(mode: boolean): unknown };

/** What the command takes from the process around it. */
export interface CliHost {
  serve(options: ServeOptions): Promise<RunningServer>;
  /** Examines a data folder, and mends it with `repair`; nothing is known of data where it is missing. */
  examine?(options: { data: string; repair: boolean; version: string }): Promise<DataReport>;
  /** Puts all data of a folder into a new file, whether a server runs on it or not. */
  backup(options: {
    data: string;
    file: string;
    signal: AbortSignal;
  }): Promise<BackupFacts & { readonly file: string; readonly bytes: number }>;
  /** Unpacks a backup into a folder that is empty or missing. */
  restore(options: { file: string; folder: string; signal: AbortSignal }): Promise<BackupFacts & { readonly folder: string }>;
  /** Reads a configuration file as a server would. Throws a named error that says what is wrong with it. */
  checkConfig?(file: string): Promise<void>;
  /** Says what each backend can do on this machine; starts nothing and never throws. */
  examineBackends?(): Promise<readonly Finding[]>;
  /** Ends the server of a data folder and waits until it is gone; undefined where none runs. */
  stop(options: { data: string; timeoutMs: number }): Promise<{ pid: number; ended: boolean } | undefined>;
  /** The commands that go on without a server on a data folder; nothing is known of them where it is missing. */
  outlived?(options: { data: string }): Promise<readonly OutlivedCommand[]>;
  /** Ends the commands of a data folder without a server, and says what became of them. */
  endOutlived(options: { data: string }): Promise<readonly EndedCommand[]>;
  /** Serves a server as its runner until it is stopped or drained. */
  runner(options: RunnerOptions): Promise<'stopped' | 'drained'>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** File of this command, for starting it again as a process of its own. */
  readonly command: string;
  /** Standard input, asked for only by commands that read it. Default: the process's own. */
  stdin?(): InputStream;
}
