import { HeadgateError } from '../../../core/errors.ts';
import { hashOf } from '../access.ts';
import type { Handlers } from '../handler.ts';

/** Names of those who come without a token that was made: the owner of the data folder, and the unix socket. */
const RESERVED = ['admin', 'local'];
/** Random bytes of a token. */
const TOKEN_BYTES = 32;

/** Tokens (SPEC {#tokens}). */
export const tokenHandlers: Handlers<'token/add' | 'token/list' | 'token/revoke'> = {
  'token/add': ({ name, scope }, { parts }) => {
    if (RESERVED.includes(name)) {
      throw new HeadgateError('invalid_params', `"${name}" stands for the owner of the data folder; name whom the token is for`, {
        field: 'name',
      });
    }
    // Recognisable where it should not be: in a log, in a repository.
    const token = `hgt_${parts.ids.token(TOKEN_BYTES)}`;
    parts.store.tokens.add({ name, scope, hash: hashOf(token) });
    parts.logger.info({ token: name, scope }, 'a token was made');
    return { name, scope, token };
  },

  'token/list': (_, { parts }) => parts.store.tokens.list().map(({ name, scope, createdAt }) => ({ name, scope, createdAt })),

  'token/revoke': ({ name }, call) => {
    const { store, leave, logger } = call.parts;
    if (!store.tokens.remove(name)) {
      throw new HeadgateError('not_found', `no token "${name}"; token/list shows those there are`, { token: name });
    }
    logger.info({ token: name }, 'a token was revoked');
    // Its holder may be the caller, who is told first.
    const connections = call.session.grant.name === name ? 0 : leave(name);
    if (connections === 0) call.afterAnswer(() => void setImmediate(() => leave(name)));
    return { name, connections };
  },
};
