import { readFileSync } from 'node:fs';
import { systemCode } from '../core/errors.ts';
import type { ClientTls } from '../rpc/node/index.ts';
import { usageError } from './errors.ts';
import type { CliHost } from './host.ts';

/** Options of a client that connects with wss://. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads the files that are named by options or environment (SPEC {#tls}). Throws a usage error that names the file. */
export function readClientTls(options: TlsOptions, env: CliHost['env']): ClientTls {
  const of = (option: string | undefined, variable: string) => option ?? (env[variable] || undefined);
  const files = { ca: of(options.ca, 'HEADGATE_CA'), cert: of(options.cert, 'HEADGATE_CERT'), key: of(options.key, 'HEADGATE_KEY') };
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw usageError('--cert and --key go together', 'give both, or neither');
  }
  const read = Object.entries(files).flatMap(([name, file]) => (file === undefined ? [] : [[name, readPem(name, file)] as const]));
  return Object.fromEntries(read);
}

function readPem(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw usageError(`--${name} ${file} cannot be read (${systemCode(error) ?? 'error'})`, 'it is a file in PEM');
  }
}
