import type { MethodName } from '../../protocol/table.ts';
import type { AnyHandler } from '../handler.ts';
import { backendHandlers } from './backends.ts';
import { entryHandlers } from './entries.ts';
import { modelHandlers } from './models.ts';
import { runnerHandlers } from './runners.ts';
import { runHandlers } from './runs.ts';
import { sessionHandlers } from './session.ts';
import { streamHandlers } from './streams.ts';

const all = {
  ...sessionHandlers,
  ...modelHandlers,
  ...runHandlers,
  ...entryHandlers,
  ...streamHandlers,
  ...runnerHandlers,
  ...backendHandlers,
};

/** Handlers by method. A method of the table that has none here is marked `unsupported` there. */
export const handlers: ReadonlyMap<MethodName, AnyHandler> = new Map(
  Object.entries(all).map(([name, handler]) => [name as MethodName, handler as AnyHandler]),
);
