/**
 * A number from 1 on that is free while the one before it is taken; the first free one where the taken ones have no gaps. Asks about as often as the
 * number has binary digits, twice over, so that the ten-thousandth of a name costs no more than the tenth.
 */
export function freeNumber(isTaken: (number: number) => boolean): number {
  let [taken, free] = [0, 1];
  while (isTaken(free)) [taken, free] = [free, free * 2];
  while (free - taken > 1) {
    const middle = Math.floor((taken + free) / 2);
    if (isTaken(middle)) taken = middle;
    else free = middle;
  }
  return free;
}
