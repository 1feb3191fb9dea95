/** Where in the portal one is; every place has an address of its own (SPEC {#portal_places}). */
export type Route =
  | { readonly page: 'runs' }
  | { readonly page: 'producers' }
  | { readonly page: 'run'; readonly run: string; readonly path?: string };

/** The place that the part of an address behind its `#` names. */
export function routeOf(hash: string): Route {
  const [, page, ...rest] = hash.replace(/^#/, '').split('/');
  if (page === 'producers') return { page: 'producers' };
  const run = decoded(rest[0] ?? '');
  if (page !== 'runs' || run === '') return { page: 'runs' };
  const path = decoded(rest.slice(1).join('/'));
  return path === '' ? { page: 'run', run } : { page: 'run', run, path };
}

/** The address of a run, or of one entry of it. */
export function runHref(run: string, path?: string): string {
  return `#/runs/${encodeURIComponent(run)}${path === undefined ? '' : `/${encodeURIComponent(path)}`}`;
}

export const PRODUCERS_HREF = '#/producers';
export const RUNS_HREF = '#/runs';

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
