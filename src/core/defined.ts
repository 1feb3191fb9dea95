/** The members of an object that are not undefined: what takes an optional member wants it left out. */
export type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/**
 * A copy of an object without the members that are undefined, to be spread where a member is optional.
 *
 * @example
 * const request = { path, ...defined({ from, max_bytes: maxBytes }) };
 */
export function defined<T extends object>(members: T): Defined<T> {
  const result: Defined<T> = {};
  for (const key in members) if (members[key] !== undefined) result[key] = members[key] as Exclude<T[typeof key], undefined>;
  return result;
}
