import { z } from 'zod';
import { MAX_CHANNEL, MAX_PATH_LENGTH } from '../../model/paths.ts';

/** The shapes that several methods share (SPEC {#shapes}). */

export const LIMITS = {
  /** Milliseconds that a command may be given. */
  timeoutMs: 7 * 24 * 3600_000,
  /** Bytes of one message on any transport. */
  messageBytes: 16 * 1024 * 1024,
  /** Decoded bytes of one `stream` or `stream/input` chunk. */
  chunkBytes: 8 * 1024 * 1024,
  /** Characters of a chunk as sent: base64 takes four characters for three bytes. */
  chunkChars: 11 * 1024 * 1024,
  /** Bytes of one entry's body. */
  bodyBytes: 4 * 1024 * 1024,
  /** Characters of a prompt. */
  promptChars: 1024 * 1024,
  /** Rows of one listing. */
  rows: 1000,
  /** Bytes that one `stream/read` returns at most. */
  readBytes: 4 * 1024 * 1024,
  /** Stored bytes that one page of `stream/export` stands for at most: what is written of them may be several times as long. */
  exportBytes: 1024 * 1024,
} as const;

export const alias = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 characters of A-Z a-z 0-9 . _ -, beginning with a letter or digit');
export const run = alias.describe('Alias of the run.');
export const path = z.string().min(1).max(MAX_PATH_LENGTH).describe("An entry's path; for stream methods always the log entry's.");
export const channel = z.int().min(1).max(MAX_CHANNEL).describe("1 = stdout, 2 = stderr, 3 and up = the producer's own.");
/** Channels of a client's own, number to name. */
export const channelNames = z.record(z.string().regex(/^[1-9]\d?$/, 'must be the number of a channel, 1 to 99'), z.string().min(1).max(64));
export const byteOffset = z.int().min(0);
export const encoding = z.enum(['utf8', 'base64']);
/** Describes a field that has its former name beside the new one (SPEC {#wire_names}). */
export const formerly = (name: string) => `As \`${name}\`, until the next version of the protocol.`;

export const chunk = z.string().max(LIMITS.chunkChars);
export const epoch = z.int().min(1);
/** Asks for what those see who may not see secrets (SPEC {#redaction}). */
export const redact = z.boolean().describe('True: secrets are masked; false is for scope admin. Default: as the scope has it.');
export const reason = z.string().max(1000);
export const signal = z.string().min(1).max(16).describe('INT, SIGINT or a number.');
export const status = z.int();
export const attributes = z.record(z.string().max(64), z.unknown());
export const visibility = z.enum(['visible', 'summarized', 'archived']);
export const modelAlias = alias.describe('Alias of a model; `scripted` is always there.');
export const temperature = z.number().min(0).max(2);
export const contextLimit = z.int().min(1000).max(10_000_000);
export const persona = z.string().max(64 * 1024);
export const rows = z.int().min(1).max(LIMITS.rows);
export const rowOffset = z.int().min(0);
export const empty = z.strictObject({});
export const ok = z.strictObject({ ok: z.literal(true) });

export const channelInfo = z.strictObject({ channel, path: z.string(), bytes: z.int(), status });
export const channels = z.array(channelInfo);

export const entry = z.strictObject({
  path: z.string(),
  scheme: z.string(),
  category: z.string(),
  status,
  outcome: z.string().nullable(),
  visibility,
  body: z.string(),
  attributes,
  turn: z.int(),
  bytes: z.int(),
  lines: z.int(),
  version: z.int(),
  updatedAt: z.int(),
  run: z.string().optional(),
  truncated: z.literal(true).optional(),
  encoding: encoding.optional(),
});

export const usage = z.strictObject({ inputTokens: z.int(), outputTokens: z.int(), cachedTokens: z.int() });

/** What `getProposals` and `run/proposal` both say of a proposal. */
export const proposalFacts = {
  run: z.string(),
  path: z.string(),
  action: z.string(),
  command: z.string().optional(),
  summary: z.string(),
  attributes,
  turn: z.int(),
};

export const proposal = z.strictObject({
  ...proposalFacts,
  status: z.literal(202),
  createdAt: z.int(),
});

export const receipt = z.strictObject({
  requestedBy: z.string(),
  reason: z.string().nullable(),
  requestedAt: z.int(),
  signal: z.string().optional(),
  graceMs: z.int().optional(),
  signals: z.array(z.strictObject({ signal: z.string(), at: z.int(), pids: z.array(z.int()) })),
  confirmedDead: z.array(z.int()),
  escaped: z.array(z.int()),
  finishedAt: z.int().nullable(),
});

export const leftoverLimit = z
  .enum(['bytes', 'time'])
  .nullable()
  .describe('The limit that it has reached: what it writes is not stored any more.');

/** What runs on of a command that has ended (SPEC {#detached}). */
export const leftover = z.strictObject({
  since: z.int().describe('When the command ended.'),
  processes: z.array(z.int()).describe('Those that run now.'),
  bytes: z.int().describe('Bytes that were stored since.'),
  ends: z.record(z.string(), z.int()).describe('Channel to the byte at which the command ended; what lies behind was written since.'),
  limit: leftoverLimit,
  goneAt: z.int().nullable().describe('When it had ended as well; null while it runs.'),
});

export const producer = z.strictObject({
  run: z.string(),
  path: z.string(),
  command: z.string(),
  backend: z.string(),
  runner: z.string(),
  waitsFor: z.string().nullable(),
  waits_for: z.string().nullable().describe(formerly('waitsFor')),
  waiting: z.boolean().nullable().describe('For input; null: it cannot be seen.'),
  state: z.string(),
  status: z.int().describe('Of its log entry.'),
  outcome: z.string().nullable(),
  epoch: z.int(),
  pid: z.int().nullable(),
  stdin: z.boolean().describe('It takes input.'),
  tty: z.boolean().describe('It has a terminal.'),
  lifetime: z.string().describe('How long it runs once the server has gone.'),
  channels,
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  startedAt: z.int().nullable(),
  endedAt: z.int().nullable(),
  lastOutputAt: z.int().nullable(),
  ageMs: z.int(),
  leftover: leftover.nullable().describe('What ran on after its end; null: nothing did.'),
});

/** What a token allows (SPEC {#tokens}). */
export const scope = z.enum(['read', 'run', 'runner', 'admin']);
