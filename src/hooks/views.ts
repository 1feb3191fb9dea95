import type { FileChange, PlannedChange } from '../model/file-change.ts';
import type { Attributes, Entry, Loop, Project, Run, RunSettings, Turn } from '../model/records.ts';

/** Read access to the stored bytes of one channel, up to a fixed length. */
export interface ChannelReader {
  /** Path of the channel. */
  readonly path: string;
  /** 1 = stdout, 2 = stderr. */
  readonly channel: number;
  /** The producer's name for the channel; undefined for a channel of a command. */
  readonly name?: string;
  /** How many bytes can be read. */
  readonly bytes: number;
  /** How many of these bytes are LF. */
  readonly lines: number;
  /** 102 while it grows. */
  readonly status: number;
  /** Bytes from `from` on, `maxBytes` at most and 1 MiB at most. */
  read(from: number, maxBytes: number): Buffer;
  /** LF bytes before byte `offset`. */
  linesBefore(offset: number): number;
  /** Byte offset at which line `line` (0 = the first) begins. */
  offsetOfLine(line: number): number;
  /**
   * What a model is shown of the channel in `maxBytes` bytes, give or take the first line (SPEC {#digest}). Output whose digest is no
   * longer in memory is played again, for `patienceMs` at most (default 3000). A handler that makes several digests passes the time that it
   * has left.
   */
  digest(maxBytes: number, patienceMs?: number): Promise<ChannelDigest>;
}

/** What a digest shows of a channel and which bytes it quotes. */
export interface ChannelDigest {
  readonly text: string;
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
}

/** What was shown to the model of a producer that still ran: the result of its action stays what it was. */
export interface ShownMark {
  readonly channels: Readonly<Record<string, number>>;
  /** It waited for input then, after this unfinished last line. */
  readonly waiting?: { readonly prompt?: string };
}

/** A skill or a persona: Markdown written for models (SPEC {#skills}). */
export interface Guide {
  readonly name: string;
  /** When to use it, one sentence. */
  readonly description: string;
  readonly source: 'project' | 'user';
  /** Absolute path of its Markdown file. */
  readonly file: string;
  /** Absolute path of its folder, when it has one of its own. */
  readonly folder?: string;
  /** Why it cannot be used. */
  readonly problem?: string;
}

/** A skill or a persona with its text. */
export interface GuideText extends Guide {
  readonly text: string;
  /** Other files of its folder, relative to it. */
  readonly files: readonly string[];
}

/** Skills of the project and of the user, as they lie in their folders now. */
export interface SkillAccess {
  /** The skills, sorted by name; one that cannot be used has a `problem`. */
  list(): readonly Guide[];
  /** The skill of that name with its text; undefined if there is no usable one. */
  read(name: string): GuideText | undefined;
  /** The text of another file of the skill's folder. Throws for a path outside of the folder and for a file that cannot be read. */
  readFile(skill: GuideText, file: string): string;
}

/** What an assembling plugin may see of the run whose turn it is, and the two marks it may leave. */
export interface RunView {
  /** The project of the run. */
  readonly project: Project;
  /** The run whose turn it is. */
  readonly run: Run;
  /** The loop that the turn belongs to. */
  readonly loop: Loop;
  /** The turn that the context is for. */
  readonly turn: Turn;
  /** Settings of the run and of the loop's prompt. */
  readonly settings: RunSettings;
  /** The project's files; undefined with `noRepo`. */
  readonly files: FileAccess | undefined;
  /** Loops that have begun, in order. */
  loops(): readonly Loop[];
  /** Turns before this one, in order. */
  turns(): readonly Turn[];
  /** Entries whose path begins with `prefix`, in order of creation. */
  entries(prefix: string): readonly Entry[];
  /** The channels of a log entry, an empty list without a producer. `upTo` limits their length: channel number -> bytes. */
  channels(entry: Entry, upTo?: Readonly<Record<string, number>>): readonly ChannelReader[];
  /** Skills that could be attached. */
  readonly skills: SkillAccess;
  /** Stores under `path` a text that the model is shown; later calls store nothing and return the stored text. */
  record(path: string, body: string): Entry;
  /** Adds attributes to a log entry. */
  mark(entry: Entry, attributes: Attributes): Entry;
}

/** Read access of a tool's handler to the run it works for. */
export interface EntryAccess {
  /** The entry of that path; undefined when it does not exist. */
  get(path: string): Entry | undefined;
  /** Entries whose path begins with `prefix`, in order of creation. */
  list(prefix: string): readonly Entry[];
  /** The bytes of a channel entry; undefined if the entry is not a channel. */
  channel(path: string): ChannelReader | undefined;
}

/** Lines of an open file of the project, by number and by offset; close it. */
export interface FileReader {
  /** `file://...` */
  readonly path: string;
  readonly bytes: number;
  /** LF bytes. */
  readonly lines: number;
  /** Lines, an unfinished last one included. */
  readonly total: number;
  /** False when its beginning is no UTF-8, or has a NUL. */
  readonly text: boolean;
  /** Permission bits. */
  readonly mode: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** Byte offset at which line `line` (0 = the first) begins. */
  offsetOf(line: number): number;
  /** Bytes from `from` on, `maxBytes` at most and 1 MiB at most. */
  read(from: number, maxBytes: number): Buffer;
  close(): void;
}

/** What is in a folder, or what a glob takes in. */
export interface FileListing {
  readonly entries: readonly { readonly path: string; readonly bytes: number; readonly kind: 'file' | 'folder' | 'link' }[];
  /** Further ones that were found and are not in `entries`. */
  readonly more: number;
  /** Left out because of an ignore rule of the project, and because of a `.gitignore`. */
  readonly kept: number;
  readonly gitIgnored: number;
  /** False: the search ended at its limit. */
  readonly whole: boolean;
}

/** The files of the project, contained and under its constraints; every call throws a HeadgateError that says what to do (SPEC {#files}). */
export interface FileAccess {
  /** `file`, `folder`, `glob` for a pattern that is no existing file, or `none`. */
  kindOf(path: string): 'file' | 'folder' | 'glob' | 'none';
  /** Opens a file for reading by lines. Throws `not_found`, `forbidden`. */
  open(path: string, signal?: AbortSignal): Promise<FileReader>;
  /** Lists a folder, or the files that a glob matches. */
  list(path: string, signal?: AbortSignal): Promise<FileListing>;
  /**
   * True for a `file://` path that no file tool may show, neither content nor name: under an ignore rule, in a `.git` folder, or outside
   * the project. A tool that walks folders or filters by itself calls this for every folder, and skips the hidden ones. The result depends
   * on the path alone, so do not follow links; `open` resolves links first. Throws `invalid_params` for a path that does not begin with
   * `file://` (SPEC {#file_constraints}).
   */
  hidden(path: string): boolean;
  /** The whole text of a file; undefined if the file does not exist. Throws `unsupported` for a binary file, `too_large`. */
  text(path: string): string | undefined;
  /** Returns what a change would do now, for a proposal, and changes nothing; `path` and `to` of the change are `file://...`. */
  plan(change: FileChange): PlannedChange;
  /** The paths of the files that are always shown to the model, 20 at most, and how many more there are. */
  persisted(signal?: AbortSignal): Promise<{ readonly paths: readonly string[]; readonly more: number }>;
}
