import { HeadgateError } from '../../../core/errors.ts';
import { parseDuration } from '../../../model/lifetime.ts';
import type { Project, TokenScope } from '../../../model/records.ts';
import { hashOf } from '../access.ts';
import type { Handlers } from '../handler.ts';

/** Names of those who come without a token that was made: the owner of the data folder, and the unix socket. */
const RESERVED = ['admin', 'local'];
/** Random bytes of a token. */
const TOKEN_BYTES = 32;

/** Tokens (SPEC {#tokens}). */
export const tokenHandlers: Handlers<'token/add' | 'token/list' | 'token/revoke'> = {
  'token/add': ({ name, scope, projects = null, ownRuns = false, expires }, { parts }) => {
    if (RESERVED.includes(name)) {
      throw new HeadgateError('invalid_params', `"${name}" stands for the owner of the data folder; name whom the token is for`, {
        field: 'name',
      });
    }
    if (projects) requireBindable(scope, projects, parts.store.projects.list());
    if (ownRuns && scope !== 'run') throw unboundable(scope, 'its own runs', 'run', 'ownRuns');
    const duration = expires === undefined ? undefined : parseDuration(expires);
    const expiresAt = duration === undefined ? null : parts.clock.now() + duration;
    // Recognisable where it should not be: in a log, in a repository.
    const token = `hgt_${parts.ids.token(TOKEN_BYTES)}`;
    parts.store.tokens.add({ name, scope, hash: hashOf(token), projects, ownRuns, expiresAt });
    parts.logger.info({ token: name, scope, projects, ownRuns, expiresAt }, 'a token was made');
    return { name, scope, projects: projects && [...projects], ownRuns, expiresAt, token };
  },

  'token/list': (_, { parts }) =>
    parts.store.tokens.list().map(({ name, scope, createdAt, projects, ownRuns, expiresAt, lastUsedAt }) => {
      return { name, scope, createdAt, projects: projects && [...projects], ownRuns, expiresAt, lastUsedAt };
    }),

  'token/revoke': ({ name }, call) => {
    const { store, leave, logger, tokenUse } = call.parts;
    if (!store.tokens.remove(name)) {
      throw new HeadgateError('not_found', `no token "${name}"; token/list shows those there are`, { token: name });
    }
    tokenUse.forget(name);
    logger.info({ token: name }, 'a token was revoked');
    // Its holder may be the caller, who is told first.
    const connections = call.session.grant.name === name ? 0 : leave(name);
    if (connections === 0) call.afterAnswer(() => void setImmediate(() => leave(name)));
    return { name, connections };
  },
};

function unboundable(scope: TokenScope, to: string, scopes: string, field: string): HeadgateError {
  return new HeadgateError('invalid_params', `a token of scope "${scope}" cannot be bound to ${to}; choose the scope ${scopes}`, { field });
}

/** Throws `invalid_params` for a scope that reaches beyond projects, `not_found` for a project that is not there. */
function requireBindable(scope: TokenScope, names: readonly string[], known: readonly Project[]): void {
  if (scope !== 'read' && scope !== 'run') {
    throw unboundable(scope, 'projects', 'read or run', 'projects');
  }
  const missing = names.find((name) => !known.some((project) => project.name === name));
  if (missing === undefined) return;
  throw new HeadgateError('not_found', `no project "${missing.slice(0, 80)}"; getProjects lists those there are, and init opens one`, {
    field: 'projects',
  });
}
