import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../core/clock.ts';
import type { Ids } from '../../core/ids.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallerLimits } from '../../model/caller-limits.ts';
import type { BackendCapabilities } from '../../model/ports/backend.ts';
import type { Store } from '../../model/ports/store.ts';
import type { ServerObserver } from '../../model/server-observer.ts';
import type { Redaction } from '../../redact/index.ts';
import type { Streams } from '../../stream/index.ts';
import type { AuditLog } from './audit.ts';
import type { Begun } from './begun.ts';
import type { RuntimePort } from './runtime-port.ts';
import type { RedactedEvents } from './session/redacted-events.ts';
import type { Turns } from './session/turns.ts';
import type { TokenUse } from './token-use.ts';

/** What every session and handler of one server shares. */
export interface ServerParts {
  readonly runtime: RuntimePort;
  readonly streams: Streams;
  readonly store: Pick<Store, 'channels' | 'entries' | 'events' | 'madeAt' | 'projects' | 'runs' | 'tokens'>;
  readonly audit: AuditLog;
  readonly redaction: Redaction;
  /** Events as those see them who may not see secrets. */
  readonly redactedEvents: RedactedEvents;
  /** What one connection or token may take. */
  readonly limits: CallerLimits;
  /** What the clients of each token have begun. */
  readonly begun: Begun;
  /** Whose calls are begun when. */
  readonly turns: Turns;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** The server's version. */
  readonly version: string;
  readonly serverId: string;
  /** Output of one command, in bytes, beyond which its runner ends it; 0 for none (SPEC {#output_limit}). */
  readonly outputBytes: number;
  /** How much is stored of what is written after the end of a command; told to runners of their own process; without it they bring nothing after the end. */
  readonly rest?: { readonly bytes: number; readonly ms: number };
  /** The configuration in force, without secrets. */
  readonly config: () => object;
  /** What the backends of the server's own runner can do now; never throws. */
  readonly survey: () => Promise<readonly BackendCapabilities[]>;
  /** Checks every result against the table; for tests, since it costs a walk through each result. */
  readonly checkResults: boolean;
  /** Told of every call; left out where nobody counts them (SPEC {#metrics}). */
  readonly observer?: ServerObserver;
  /** Spans are recorded: where a call belongs is kept with what it begins (SPEC {#traces}). */
  readonly traces?: boolean;
  /** Has the address of the client while its call is carried out. */
  readonly from?: AsyncLocalStorage<string>;
  /** Ends every connection that came with a token of this name; how many there were. */
  readonly leave: (token: string) => number;
  /** Notes when tokens are used. */
  readonly tokenUse: TokenUse;
}
