import { given } from '../../../core/given.ts';
import type { Handlers } from '../handler.ts';

/** Models (SPEC {#models}). */
export const modelHandlers: Handlers<'getModels' | 'addModel' | 'removeModel'> = {
  getModels: (_, { parts, caller }) =>
    parts.runtime.models(caller().project.id).map(({ alias, actual, provider, contextLength, dialect, price }) => ({
      alias,
      actual,
      provider,
      contextLength,
      dialect,
      price,
    })),

  addModel: (params, { parts, caller }) => parts.runtime.addModel(caller(), given(params)),

  removeModel: ({ alias }, { parts, caller }) => {
    parts.runtime.removeModel(caller(), alias);
    return { ok: true };
  },
};
