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

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

export function keepProject(root: string | undefined): void {
  if (root === undefined) sessionStorage.removeItem(PROJECT);
  else sessionStorage.setItem(PROJECT, root);
}

/** Forgets the token and the project of this tab. */
export function forgetKeys(): void {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(PROJECT);
}
