import type { z } from 'zod';
import { backendMethods } from './backends.ts';
import { entryMethods } from './entries.ts';
import { guideMethods } from './guides.ts';
import type { MethodDef } from './method.ts';
import { modelMethods } from './models.ts';
import { notifications as clientNotifications } from './notifications.ts';
import { policyMethods } from './policy.ts';
import { runnerMethods, runnerNotifications } from './runners.ts';
import { runMethods } from './runs.ts';
import { sessionMethods } from './session.ts';
import { streamMethods } from './streams.ts';
import { tokenMethods } from './tokens.ts';

/** Version of the protocol; raised when something a client relies on changes. */
export const PROTOCOL_VERSION = 1;

/** The method groups in the order in which the specification shows them. */
export const methodGroups = {
  session: sessionMethods,
  models: modelMethods,
  runs: { ...runMethods, ...guideMethods },
  entries: entryMethods,
  streaming: streamMethods,
  runners: { ...runnerMethods, ...backendMethods },
  tokens: tokenMethods,
  policy: policyMethods,
} as const;

/** Every method: the one source of validation, types, discover, OpenRPC and the SPEC tables. */
export const methods = {
  ...sessionMethods,
  ...modelMethods,
  ...runMethods,
  ...guideMethods,
  ...entryMethods,
  ...streamMethods,
  ...runnerMethods,
  ...backendMethods,
  ...tokenMethods,
  ...policyMethods,
} satisfies Record<string, MethodDef>;

export type Methods = typeof methods;
export type MethodName = keyof Methods;
/** What a caller passes. */
export type ParamsOf<M extends MethodName> = z.input<Methods[M]['params']>;
/** What a handler is given. */
export type ParsedParamsOf<M extends MethodName> = z.output<Methods[M]['params']>;
export type ResultOf<M extends MethodName> = z.output<Methods[M]['result']>;

/** Every notification. */
export const notifications = { ...clientNotifications, ...runnerNotifications };

export type Notifications = typeof notifications;
export type NotificationName = keyof Notifications;
export type NotificationParamsOf<N extends NotificationName> = z.output<Notifications[N]['params']>;
