/** Text of a JSON column. */
export function toJson(value: object): string {
  return JSON.stringify(value);
}

/** Value of a JSON column. The type is what `toJson` was given: only `toJson` writes the column. */
export function fromJson<T extends object>(text: string): T {
  return JSON.parse(text) as T;
}

/** The same for a column that may be null. */
export function fromNullableJson<T extends object>(text: string | null): T | null {
  return text === null ? null : fromJson<T>(text);
}
