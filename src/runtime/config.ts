import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { HeadgateError, messageOf, systemCode } from '../core/errors.ts';
import { BACKENDS, sandbox } from '../model/place.ts';
import type { SandboxPolicy } from './sandbox-policy.ts';

const provider = z.strictObject({
  /** Base URL of an OpenAI-compatible API, such as http://127.0.0.1:11434/v1. */
  baseUrl: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }),
  /** Name of the environment variable that holds the key; the key itself is never in the file. */
  apiKeyEnv: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not the key itself')
    .optional(),
});

const days = z.number({ error: 'must be a number of days' }).positive('must be more than 0 days').max(36_500, 'must be at most 36500 days');

const limits = z.strictObject({
  /** Output of one command, in bytes, beyond which it is ended (SPEC {#output_limit}); 0 for none. */
  outputBytes: z
    .int()
    .min(0)
    .default(64 * 1024 ** 3),
  /** Free bytes of the disk below which commands that write wait (SPEC {#free_space}); 0 for none. */
  freeBytes: z.int().min(0).optional(),
});

/** Variables by name. */
const variable = z.string().regex(/^[A-Za-z_*][A-Za-z0-9_*]{0,127}$/, 'must be the name of a variable, * standing for any characters');

const schema = z.strictObject({
  /** What every command of this machine is put in (SPEC {#sandbox_default}). */
  sandbox: sandbox.extend({ others: z.array(z.enum(BACKENDS)).default([]) }).optional(),
  /** Which variables of the server commands inherit (SPEC {#environment}). */
  environment: z.strictObject({ allow: z.array(variable).max(1000) }).optional(),
  limits: limits.default(limits.parse({})),
  /** How long is kept what nobody deletes (SPEC {#retention}). */
  retention: z
    .strictObject({ rpcLogDays: days.optional(), eventsDays: days.optional(), runsDays: days.optional() })
    .default({})
    // What is not given has the store's default, so it must not be there at all.
    .transform((given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as RetentionConfig),
  plugins: z.array(z.string().min(1)).default([]),
  providers: z.record(z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'must be lower case letters, digits, - and _'), provider).default({}),
  runnerLease: z.number().min(1).max(86_400).optional(),
});

interface RetentionConfig {
  /** Days that a record of a call is kept. */
  readonly rpcLogDays?: number;
  /** Days that an event of no existing run is kept. */
  readonly eventsDays?: number;
  /** Days without a change after which a run at rest is deleted. */
  readonly runsDays?: number;
}

/** The server's configuration file (SPEC {#config}). */
export interface ServerConfig {
  /** Package names, or paths beginning with `.` or `/`; relative ones begin at the file's folder. */
  readonly plugins: readonly string[];
  readonly providers: Readonly<Record<string, { readonly baseUrl: string; readonly apiKeyEnv?: string | undefined }>>;
  /** How long is kept what nobody deletes; what is left out has its default (SPEC {#retention}). */
  readonly retention: RetentionConfig;
  readonly limits: { readonly outputBytes: number; readonly freeBytes?: number | undefined };
  /** What every command of this machine is put in; left out: what it asks for itself (SPEC {#sandbox_default}). */
  readonly sandbox?: SandboxPolicy | undefined;
  /** Which variables of the server commands inherit; left out: all, in a sandbox a short list (SPEC {#environment}). */
  readonly environment?: { readonly allow: readonly string[] } | undefined;
  /** Seconds that a runner may be away before what it has is lost. */
  readonly runnerLease?: number | undefined;
  /** Folder from which relative plugin paths and packages are resolved. */
  readonly folder: string;
}

/** What a server without a file uses. */
export function emptyConfig(folder: string): ServerConfig {
  return { plugins: [], providers: {}, limits: limits.parse({}), retention: {}, folder };
}

/**
 * Reads the file that `headgate serve --config` names. Throws `invalid_params` that names the file, the field and what
 * is wrong with it, or `not_found` when there is no such file.
 */
export async function loadConfig(file: string): Promise<ServerConfig> {
  const path = resolve(file);
  const facts = { file: path };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new HeadgateError('not_found', `there is no configuration file ${path}`, facts);
    throw new HeadgateError('invalid_params', `the configuration file ${path} cannot be read: ${messageOf(error)}`, facts);
  }
  const document = parseDocument(text);
  const problem = document.errors[0];
  if (problem) throw new HeadgateError('invalid_params', `${path} is no YAML: ${problem.message}`, facts);
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.length > 0 ? issue.path.join('.') : 'the file'}: ${issue.message}`);
    throw new HeadgateError('invalid_params', `${path}: ${lines.join('; ')}`, {
      ...facts,
      field: parsed.error.issues[0]?.path.join('.') ?? '',
    });
  }
  return { ...parsed.data, folder: dirname(path) };
}
