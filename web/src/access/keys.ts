/** What the page was opened with: the server's token and perhaps a project's root folder. */
export interface Keys {
  readonly token: string | undefined;
  readonly project: string | undefined;
}

const TOKEN = 'headgate.token';
const PROJECT = 'headgate.project';

/**
 * Takes token and project out of the address, where a link has them behind the `#` that browsers do not send, and keeps
 * them for this tab only (SPEC {#portal_access}). What the address does not say is what this tab knew.
 */
export function takeKeys(): Keys {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get('token');
  const project = given.get('project');
  if (token !== null) sessionStorage.setItem(TOKEN, token);
  if (project !== null) sessionStorage.setItem(PROJECT, project);
  if (token !== null || project !== null) history.replaceState(null, '', `${location.pathname}#${given.get('to') ?? '/'}`);
  return { token: sessionStorage.getItem(TOKEN) ?? undefined, project: sessionStorage.getItem(PROJECT) ?? undefined };
}

/** Keeps the token for this tab, or forgets it. */
export function keepToken(token: string | undefined): void {
  keep(TOKEN, token);
}

/** Keeps the project's root folder for this tab, or forgets it. */
export function keepProject(root: string | undefined): void {
  keep(PROJECT, root);
}

function keep(name: string, value: string | undefined): void {
  if (value === undefined) sessionStorage.removeItem(name);
  else sessionStorage.setItem(name, value);
}
