import { HeadgateError, isHeadgateError, messageOf } from '../../../core/errors.ts';
import type { EventRecord, Project } from '../../../model/records.ts';
import type { Sight } from '../../../model/sight.ts';
import type { ServerParts } from '../parts.ts';
import type { EventStream } from '../transports/event-stream.ts';

/** What an event stream is about, for its whole life. */
export interface Subject {
  readonly parts: ServerParts;
  readonly project: Project;
  /** The runs of the project that the reader knows of. */
  readonly sight: Sight;
  readonly runId: number;
  /** The run's alias when it was asked for. */
  readonly alias: string;
  /** Secrets are masked. */
  readonly redact: boolean;
}

/** A run, or a whole project: then there is no run. */
export type EventsSubject =
  | Subject
  | (Pick<Subject, 'parts' | 'project' | 'sight' | 'redact'> & { readonly runId?: undefined; readonly alias?: undefined });

/** An open event stream: takes the project's events, sends on after a drain, and ends with its response. */
export interface Source {
  readonly sight: Sight;
  /** Takes an event within its sight that has just been stored. */
  offer(event: EventRecord): void;
  /** Called at every interval of the heartbeat. */
  beat(): void;
  /** Sends on after the connection has drained. */
  pump(): void;
  close(): void;
}

/** Runs a part of a stream's work; what it throws ends this stream with an error, and no other stream. */
export function guarded(subject: EventsSubject, stream: EventStream, work: () => void): void {
  try {
    work();
  } catch (error) {
    failStream(subject, stream, error);
  }
}

/** Ends a stream with an error; one without a name is logged and told as `internal`. */
export function failStream({ parts, alias }: EventsSubject, stream: EventStream, error: unknown): void {
  if (isHeadgateError(error)) return stream.fail(error);
  parts.logger.error({ run: alias ?? null, error: messageOf(error) }, 'an event stream failed');
  stream.fail(new HeadgateError('internal', 'the stream failed inside the server; connect again with Last-Event-ID to go on'));
}

/** The run's alias now, since a run may be renamed. Throws `not_found` when it has been deleted. */
export function presentAlias({ parts, runId, alias }: Subject): string {
  const run = parts.store.runs.byId(runId);
  if (run) return run.alias;
  throw deletedRun(alias);
}

/** What a reader of a run that has been deleted is told. */
export function deletedRun(alias: string): HeadgateError {
  return new HeadgateError('not_found', `run ${alias} has been deleted`, { run: alias });
}
