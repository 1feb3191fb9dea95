import { randomBytes } from 'node:crypto';

/** Randomness as the rest of the code sees it. */
export interface Ids {
  /** `bytes` random bytes as base64url, unguessable. */
  token(bytes: number): string;
}

export const systemIds: Ids = {
  token: (bytes) => randomBytes(bytes).toString('base64url'),
};
