import { HeadgateError } from '../../../core/errors.ts';
import { EventFeed } from '../session/event-feed.ts';
import { eventParams } from '../session/event-frame.ts';
import { type EventStream, sseFrame } from '../transports/event-stream.ts';
import { checkQuery, PROJECT_PARAMS, type SourceRequest, wholeNumber } from './request.ts';
import { guarded, presentAlias, type Source, type Subject } from './source.ts';

/** The sequence number to replay from; undefined for the present. Throws `invalid_params`. */
export function eventsAfter(subject: Subject, request: SourceRequest): number | undefined {
  checkQuery(request.query, [...PROJECT_PARAMS, 'since']);
  // A client that reconnects repeats its address: what it has had counts, not what it began with.
  const text = request.lastId ?? request.query.get('since');
  if (text === null) return undefined;
  const field = request.lastId === undefined ? 'since' : 'Last-Event-ID';
  const since = wholeNumber(text, field);
  const lastSeq = subject.parts.store.events.lastSeq(subject.project.id);
  if (since <= lastSeq) return since;
  throw new HeadgateError('invalid_params', `event ${since} is beyond the last event (${lastSeq}); this server has not told it`, {
    field,
    lastSeq,
  });
}

/** The events of a run after `since` and then every new one, `id` their sequence number (SPEC {#transport_sse}). */
export function openRunEvents(subject: Subject, since: number | undefined, stream: EventStream): Source {
  const { parts, project } = subject;
  const feed = new EventFeed({
    sight: subject.sight,
    run: () => presentAlias(subject),
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
    beat: () => guarded(subject, stream, () => void presentAlias(subject)),
    pump: () => guarded(subject, stream, () => feed.pump()),
    close: () => feed.close(),
  };
}
