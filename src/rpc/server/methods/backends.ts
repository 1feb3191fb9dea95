import { HeadgateError } from '../../../core/errors.ts';
import type { Handlers } from '../handler.ts';

/** Where commands can run (SPEC {#backend_list}). */
export const backendHandlers: Handlers<'backend/list'> = {
  'backend/list': async ({ runner }, call) => {
    if (runner === undefined || runner === 'embedded') {
      const rows = await call.parts.survey();
      return rows.map(({ signals, ...row }) => ({ ...row, signals: [...signals] }));
    }
    const found = call.parts.streams.fleet.list().find(({ name }) => name === runner);
    if (!found) throw new HeadgateError('not_found', `there is no runner "${runner}"; runner/list says which there are`, { runner });
    return found.backends.map((name) => ({ name, available: found.state !== 'away' }));
  },
};
