const last = new Map<string, Promise<unknown>>();

/**
 * Does work of the same key one after the other, over every backend of this process: two starts of one command are not to
 * look at its container at once, and the lock of the data folder keeps other processes away.
 */
export async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const result = (last.get(key) ?? Promise.resolve()).then(work, work);
  last.set(key, result);
  try {
    return await result;
  } finally {
    if (last.get(key) === result) last.delete(key);
  }
}
