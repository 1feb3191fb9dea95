import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventRecord } from '../../../model/records.ts';
import { sees } from '../../../model/sight.ts';
import { type Grant, seesSecrets } from '../access.ts';
import { pathOf, queryOf, sendMethodNotAllowed } from '../http/http-answer.ts';
import type { ServerParts } from '../parts.ts';
import { Projects, rootOf } from '../projects.ts';
import { EventStream } from '../transports/event-stream.ts';
import { EVENTS_PATH, findProject, findRun, parseSource } from './request.ts';
import { channelRequest, openRunChannel } from './run-channel.ts';
import { eventsAfter, openEvents } from './run-events.ts';
import type { Source, Subject } from './source.ts';

/** The open event streams of a server (SPEC {#transport_sse}). */
export class EventSources {
  readonly #parts: ServerParts;
  readonly #pingMs: number | undefined;
  readonly #open = new Set<Source>();

  constructor(parts: ServerParts, pingMs: number | undefined) {
    this.#parts = parts;
    this.#pingMs = pingMs;
  }

  /** Streams that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Hands on an event that has just been stored. */
  offer(event: EventRecord): void {
    for (const source of this.#open) if (sees(source.sight, event)) source.offer(event);
  }

  /** Serves a request that may look; false when nothing is at its path. Throws before anything is sent, and not after. */
  serve(request: IncomingMessage, response: ServerResponse, grant: Grant): boolean {
    if (pathOf(request) === EVENTS_PATH) return this.#serveProject(request, response, grant);
    const target = parseSource(pathOf(request));
    if (!target) return false;
    if (request.method !== 'GET') {
      sendMethodNotAllowed(request, response, 'GET');
      return true;
    }
    const asked = { ...target, query: queryOf(request), root: rootOf(request), lastId: lastIdOf(request) };
    const projects = new Projects(this.#parts.store.projects, grant);
    const { project, run } = findRun(this.#parts.store, projects, asked);
    const sight = projects.sight(project);
    const subject: Subject = { parts: this.#parts, project, sight, runId: run.id, alias: run.alias, redact: !seesSecrets(grant.scope) };
    if (asked.path === undefined) {
      const since = eventsAfter(subject, asked);
      this.#start(request, response, (open) => openEvents(subject, since, open()));
      return true;
    }
    const wanted = channelRequest(subject, { ...asked, path: asked.path });
    // 204 is what tells an EventSource to connect no more.
    if (wanted.complete) response.writeHead(204, { 'cache-control': 'no-store' }).end();
    else this.#start(request, response, (open) => openRunChannel(subject, wanted, open));
    return true;
  }

  /** Every event of a project. */
  #serveProject(request: IncomingMessage, response: ServerResponse, grant: Grant): true {
    if (request.method !== 'GET') {
      sendMethodNotAllowed(request, response, 'GET');
      return true;
    }
    const projects = new Projects(this.#parts.store.projects, grant);
    const query = queryOf(request);
    const project = findProject(projects, query, rootOf(request));
    const subject = { parts: this.#parts, project, sight: projects.sight(project), redact: !seesSecrets(grant.scope) };
    const since = eventsAfter(subject, { query, lastId: lastIdOf(request) });
    this.#start(request, response, (open) => openEvents(subject, since, open()));
    return true;
  }

  #start(request: IncomingMessage, response: ServerResponse, make: (open: () => EventStream) => Source): void {
    let stream: EventStream | undefined;
    const source = make(() => {
      stream = new EventStream({ request, response, pingMs: this.#pingMs, beat: () => source.beat() });
      return stream;
    });
    this.#open.add(source);
    stream?.onDrain(() => source.pump());
    stream?.onClose(() => {
      this.#open.delete(source);
      source.close();
    });
  }
}

/** An EventSource that has had no id yet sends none; some clients send an empty one. */
function lastIdOf({ headers }: IncomingMessage): string | undefined {
  const header = headers['last-event-id'];
  return typeof header === 'string' && header !== '' ? header : undefined;
}
