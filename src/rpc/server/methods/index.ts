import type { MethodName } from '../../protocol/table.ts';
import type { AnyHandler } from '../handler.ts';
import { backendHandlers } from './backends.ts';
import { entryHandlers } from './entries.ts';
import { guideHandlers } from './guides.ts';
import { modelHandlers } from './models.ts';
import { policyHandlers } from './policy.ts';
import { runnerHandlers } from './runners.ts';
import { runHandlers } from './runs.ts';
import { sessionHandlers } from './session.ts';
import { streamHandlers } from './streams.ts';
import { tokenHandlers } from './tokens.ts';

const all = {
  ...sessionHandlers,
  ...modelHandlers,
  ...runHandlers,
  ...guideHandlers,
  ...entryHandlers,
  ...streamHandlers,
  ...runnerHandlers,
  ...backendHandlers,
  ...tokenHandlers,
  ...policyHandlers,
} satisfies Record<MethodName, unknown>;

/** The handler of every method of the table. */
export const handlers = all as unknown as Readonly<Record<MethodName, AnyHandler>>;
