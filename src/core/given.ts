/** A parsed JSON object never holds `undefined`: what is optional is either there or absent. */
export type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** What was parsed, its optional members seen as absent instead of `undefined`. */
export function given<T extends object>(params: T): Given<T> {
  return params as Given<T>;
}
