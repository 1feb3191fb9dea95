import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { HeadgateError, messageOf, systemCode } from '../core/errors.ts';
import { parseYaml } from '../core/yaml.ts';
import type { AgentSettings } from '../model/agent-state.ts';
import { CALLER_LIMITS } from '../model/caller-limits.ts';
import { CLIENT_LIFETIME, type Lifetime, lifetimeParam, MODEL_LIFETIME, parseLifetime } from '../model/lifetime.ts';
import { type McpServerSettings, mcpServers } from '../model/mcp-servers.ts';
import { BACKENDS, sandbox } from '../model/place.ts';
import { DIALECTS, PROVIDER_KINDS } from '../model/provider-kind.ts';
import type { Price } from '../model/records.ts';
import { type SearchEngine, searchEngine } from '../model/search-engine.ts';
import { type RuleText, splitRule } from '../policy/index.ts';
import type { RedactionConfig } from '../redact/index.ts';
import type { PolicyConfig } from './policy.ts';
import type { SandboxPolicy } from './sandbox-policy.ts';

const provider = z.strictObject({
  /** The API that it speaks; `openai-compatible` when left out. */
  kind: z.enum(PROVIDER_KINDS).optional(),
  /** Base URL of the API, such as http://127.0.0.1:11434/v1. */
  baseUrl: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }),
  /** Name of the environment variable that holds the key; the key itself is never in the file. */
  apiKeyEnv: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not the key itself')
    .optional(),
  /** How its models call tools when they name nothing else. */
  dialect: z.enum(DIALECTS).optional(),
  /** Sent with every request; no place for a key. */
  headers: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be the name of a header')
        .regex(/^(?!(?:authorization|x-api-key|cookie|proxy-authorization)$)/i, 'must not carry a secret; name the key with apiKeyEnv'),
      z
        .string()
        .max(1024)
        .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII'),
    )
    .optional(),
});

const days = z.number({ error: 'must be a number of days' }).positive('must be more than 0 days').max(36_500, 'must be at most 36500 days');

const perMillion = z.number({ error: 'must be what a million tokens cost' }).min(0, 'must be 0 or more');

const limits = z.strictObject({
  /** Output of one command, in bytes, beyond which it is ended (SPEC {#output_limit}); 0 for none. */
  outputBytes: z
    .int()
    .min(0)
    .default(64 * 1024 ** 3),
  /** Bytes that are stored of what processes write which outlive their command (SPEC {#detached}); 0 for no limit. */
  leftoverBytes: z
    .int()
    .min(0)
    .default(1024 ** 2),
  /** Milliseconds after the end of their command for which that is stored; 0 for no limit. */
  leftoverMs: z.int().min(0).default(600_000),
  /** Free bytes of the disk below which commands that write wait (SPEC {#free_space}); 0 for none. */
  freeBytes: z.int().min(0).optional(),
  /** Turns of one loop at most (SPEC {#loop_limits}). */
  turns: z.int().min(1).max(10_000).optional(),
  /** Identical turns, or cycles of turns, in a row that end a loop. */
  repeats: z.int().min(2).max(1000).optional(),
  /** Turns in a row without a useful action that end a loop. */
  strikes: z.int().min(1).max(1000).optional(),
  /** Milliseconds of silence after which a command is looked at whether it waits for input (SPEC {#waiting_for_input}); 0: never. */
  quietMs: z.int().min(0).max(3600_000).optional(),
  /** What one connection or token may take (SPEC {#caller_limits}). */
  callMs: z.int().min(0).max(3600_000).default(CALLER_LIMITS.callMs),
  calls: z.int().min(0).max(1_000_000).default(CALLER_LIMITS.calls),
  commands: z.int().min(1).max(1_000_000).default(CALLER_LIMITS.commands),
  proposals: z.int().min(1).max(1_000_000).default(CALLER_LIMITS.proposals),
  wrongTokens: z.int().min(0).max(1_000_000).default(CALLER_LIMITS.wrongTokens),
  answerBytes: z.int().min(0).default(CALLER_LIMITS.answerBytes),
  eventSubscriptions: z.int().min(1).max(1_000_000).default(CALLER_LIMITS.eventSubscriptions),
  subscriptions: z.int().min(1).max(1_000_000).default(CALLER_LIMITS.subscriptions),
  unauthenticated: z.int().min(1).max(1_000_000).default(CALLER_LIMITS.unauthenticated),
  authenticateMs: z.int().min(100).max(3600_000).default(CALLER_LIMITS.authenticateMs),
});

const lifetimeOr = (usual: Lifetime) =>
  lifetimeParam
    .transform((text) => parseLifetime(text) ?? usual)
    .optional()
    .default(usual);

/** How long commands that name no lifetime may run without the server. */
const lifetimes = z.strictObject({ model: lifetimeOr(MODEL_LIFETIME), client: lifetimeOr(CLIENT_LIFETIME) });

/** Variables by name. */
const variable = z.string().regex(/^[A-Za-z_*][A-Za-z0-9_*]{0,127}$/, 'must be the name of a variable, * standing for any characters');

/** One rule: exactly one of the three words, and the rule behind it. */
const ruleText = z
  .union([z.strictObject({ allow: z.string() }), z.strictObject({ ask: z.string() }), z.strictObject({ deny: z.string() })], {
    error: 'must be a rule such as allow: sh(git status *), ask: ... or deny: ...',
  })
  .transform((given, context): RuleText => {
    const [decision, text] =
      'allow' in given
        ? (['allow', given.allow] as const)
        : 'ask' in given
          ? (['ask', given.ask] as const)
          : (['deny', given.deny] as const);
    try {
      splitRule({ decision, text });
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
    }
    return { decision, text };
  });

const policy = z.strictObject({
  rules: z.array(ruleText).max(10_000).default([]),
  /** What only looks needs no rule (SPEC {#policy_defaults}). */
  readOnly: z.boolean().default(true),
});

/** What may stand in the file; PLUGINS.md and SPEC {#config} name all of it. */
export const configSchema = z.strictObject({
  /** What is allowed, asked and denied in every project (SPEC {#policy_rules}). */
  policy: policy.default(policy.parse({})),
  /** What every command of this machine is put in (SPEC {#sandbox_default}). */
  sandbox: sandbox.extend({ others: z.array(z.enum(BACKENDS)).default([]) }).optional(),
  /** Which variables of the server commands inherit (SPEC {#environment}). */
  environment: z.strictObject({ allow: z.array(variable).max(1000) }).optional(),
  limits: limits.default(limits.parse({})),
  /** How long a command may run without the server when neither it nor its run says so (SPEC {#lifetime}). */
  lifetime: lifetimes.default(lifetimes.parse({})),
  /** Retention of data that no client deletes (SPEC {#retention}). */
  retention: z
    .strictObject({
      rpcLogDays: days.optional(),
      eventsDays: days.optional(),
      runsDays: days.optional(),
      outputDays: days.optional(),
      outputBytes: z.int().min(0).optional(),
    })
    .default({})
    // What is not given has the store's default, so it must not be there at all.
    .transform((given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as RetentionConfig),
  plugins: z.array(z.string().min(1)).default([]),
  /** What is masked for those who may not see secrets (SPEC {#redaction_env}, {#redaction_stored}). */
  redaction: z
    .strictObject({ off: z.boolean().optional(), stored: z.boolean().optional(), env: z.array(variable).max(1000).optional() })
    .optional(),
  /** MCP servers whose tools models may use (SPEC {#mcp}). */
  mcp: mcpServers.default({}),
  /** Agents of others that drive runs, by name (SPEC {#agents}). */
  agents: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be lower case letters, digits and -, 32 at most'),
      z.strictObject({
        command: z.string().min(1).max(4096),
        args: z.array(z.string().max(32_768)).max(100).default([]),
        envFrom: z
          .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of an environment variable'))
          .max(100)
          .default([]),
        startMs: z.int().min(1).max(3_600_000).default(60_000),
      }),
    )
    .default({}),
  /** Where models search the web (SPEC {#tool_web_search}). */
  webSearch: searchEngine.optional(),
  providers: z.record(z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'must be lower case letters, digits, - and _'), provider).default({}),
  /** What a million tokens cost, by the provider's name of the model (SPEC {#usage}). */
  prices: z
    .record(
      z.string().min(1),
      z.strictObject({ input: perMillion, output: perMillion, cached: perMillion.optional(), written: perMillion.optional() }),
    )
    .default({}),
  runnerLease: z.number().min(1).max(86_400).optional(),
  /** Where decisions are written, a relative path from the file's folder (SPEC {#decision_log}). */
  decisionLog: z
    .strictObject({
      file: z.string().min(1),
      maxBytes: z
        .int()
        .min(1024)
        .default(16 * 1024 ** 2),
      files: z.int().min(1).max(1000).default(8),
    })
    .optional(),
});

interface RetentionConfig {
  /** Days that a record of a call is kept. */
  readonly rpcLogDays?: number;
  /** Days that an event of no existing run is kept. */
  readonly eventsDays?: number;
  /** Days without a change after which a run at rest is deleted. */
  readonly runsDays?: number;
  /** Days after its end that the output of a command is kept. */
  readonly outputDays?: number;
  /** Bytes of output that are kept of all commands together. */
  readonly outputBytes?: number;
}

/** Lifetimes of commands that name none and whose run names none (SPEC {#lifetime}). */
export type LifetimeDefaults = Readonly<z.output<typeof lifetimes>>;

/** The server's configuration file (SPEC {#config}). */
export interface ServerConfig {
  /** Package names, or paths beginning with `.` or `/`; relative ones begin at the file's folder. */
  readonly plugins: readonly string[];
  /** Where models search the web; left out: nowhere. */
  readonly webSearch?: SearchEngine | undefined;
  /** MCP servers by name. */
  readonly mcp: Readonly<Record<string, McpServerSettings>>;
  /** Agents of others that drive runs, by name. */
  readonly agents: Readonly<Record<string, AgentSettings>>;
  readonly providers: Readonly<Record<string, z.output<typeof provider>>>;
  /** Retention of data that no client deletes; members that are left out have their defaults (SPEC {#retention}). */
  readonly retention: RetentionConfig;
  readonly limits: Readonly<z.output<typeof limits>>;
  /** How long commands that name no lifetime may run without the server: a model's, and clients' own. */
  readonly lifetime: LifetimeDefaults;
  /** What every command of this machine is put in; left out: what it asks for itself (SPEC {#sandbox_default}). */
  readonly sandbox?: SandboxPolicy | undefined;
  /** What is allowed, asked and denied in every project (SPEC {#policy_rules}). */
  readonly policy: PolicyConfig;
  /** Which variables of the server commands inherit; left out: all, in a sandbox a short list (SPEC {#environment}). */
  readonly environment?: { readonly allow: readonly string[] } | undefined;
  /** What is masked for those who may not see secrets; left out: known shapes, and variables whose names look like it. */
  readonly redaction?: RedactionConfig | undefined;
  /** What a million tokens cost, by the provider's name of the model. */
  readonly prices: Readonly<Record<string, Price>>;
  /** Seconds that a runner may be away before what it has is lost. */
  readonly runnerLease?: number | undefined;
  /** Where decisions are written; left out: nowhere. */
  readonly decisionLog?: { readonly file: string; readonly maxBytes: number; readonly files: number } | undefined;
  /** Folder from which relative plugin paths and packages are resolved. */
  readonly folder: string;
}

/** What a server without a file uses. */
export function emptyConfig(folder: string): ServerConfig {
  return {
    plugins: [],
    mcp: {},
    agents: {},
    providers: {},
    prices: {},
    limits: limits.parse({}),
    lifetime: lifetimes.parse({}),
    retention: {},
    policy: policy.parse({}),
    folder,
  };
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
  let value: unknown;
  try {
    value = parseYaml(text, { maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw new HeadgateError('invalid_params', `${path} is not YAML that can be read: ${messageOf(error)}`, facts);
  }
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.length > 0 ? issue.path.join('.') : 'the file'}: ${said(issue)}`);
    throw new HeadgateError('invalid_params', `${path}: ${lines.join('; ')}`, {
      ...facts,
      field: parsed.error.issues[0]?.path.join('.') ?? '',
    });
  }
  return { ...parsed.data, folder: dirname(path) };
}

/** What an issue says; for an invalid name also why. */
function said(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}
