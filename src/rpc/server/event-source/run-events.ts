import { HeadgateError } from '../../../core/errors.ts';
import { EventFeed } from '../session/event-feed.ts';
import { eventParams } from '../session/event-frame.ts';
import { type EventStream, sseFrame } from '../transports/event-stream.ts';
import { checkQuery, PROJECT_PARAMS, type SourceRequest, wholeNumber } from './request.ts';
import { type EventsSubject, guarded, presentAlias, type Source } from './source.ts';

/** The sequence number to replay from; undefined for the present. Throws `invalid_params`. */
export function eventsAfter(subject: EventsSubject, request: Pick<SourceRequest, 'query' | 'lastId'>): number | undefined {
  checkQuery(request.query, [...PROJECT_PARAMS, 'since']);
  // A client that reconnects repeats its address: what it has had counts, not what it began with.
  const text = request.lastId ?? request.query.get('since');
  if (text === null) return undefined;
  const field = request.lastId === undefined ? 'since' : 'Last-Event-ID';
  const since = wholeNumber(text, field);
  const { events } = subject.parts.store;
  const lastSeq = events.lastSeq(subject.project.id);
  const trimmedTo = events.trimmedTo(subject.project.id);
  // A run's events are kept as long as the run.
  if (subject.runId === undefined && since < trimmedTo) {
    throw new HeadgateError('since_trimmed', `events after ${since} are no longer kept; begin with ?since=${trimmedTo}`, {
      field,
      trimmed_to: trimmedTo,
    });
  }
  if (since <= lastSeq) return since;
  throw new HeadgateError('invalid_params', `event ${since} is beyond the last event (${lastSeq}); this server has not told it`, {
    field,
    lastSeq,
  });
}

/** The events of a run, or of a whole project, after `since` and then every new one, `id` their sequence number (SPEC {#transport_sse}). */
export function openEvents(subject: EventsSubject, since: number | undefined, stream: EventStream): Source {
  const { parts, project } = subject;
  const ofRun = subject.runId === undefined ? undefined : subject;
  const feed = new EventFeed({
    sight: subject.sight,
    run: ofRun && (() => presentAlias(ofRun)),
    after: since ?? parts.store.events.lastSeq(project.id),
    events: parts.store.events,
    sink: {
      bufferedBytes: () => stream.bufferedBytes(),
      event: (event) => {
        const shown = subject.redact ? parts.redactedEvents.of(event) : event;
        stream.send(sseFrame(event.type, eventParams(shown), String(event.seq)));
      },
      synced: (seq) => stream.send(sseFrame('replay/synced', JSON.stringify({ seq }), String(seq))),
    },
  });
  guarded(subject, stream, () => feed.start());
  return {
    sight: subject.sight,
    offer: (event) => guarded(subject, stream, () => feed.offer(event)),
    beat: () => guarded(subject, stream, () => void (ofRun && presentAlias(ofRun))),
    pump: () => guarded(subject, stream, () => feed.pump()),
    close: () => feed.close(),
  };
}
