/** What the demo claims, and whether it was seen to happen. */
export class Facts {
  readonly #facts: { readonly claim: string; readonly held: boolean; readonly detail: string }[] = [];

  /** Records one claim; `detail` is what was seen. */
  add(claim: string, held: boolean, detail: string): void {
    this.#facts.push({ claim, held, detail });
  }

  /** True when there are claims and every one held. */
  get allHeld(): boolean {
    return this.#facts.length > 0 && this.#facts.every((fact) => fact.held);
  }

  /** The claims in the order in which they were recorded. */
  get all(): readonly { readonly claim: string; readonly held: boolean; readonly detail: string }[] {
    return this.#facts;
  }
}

/** A piece of output as it reached a client. */
export interface Arrival {
  readonly channel: number;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly bytes: Buffer;
}

/** Whether output came while the command ran, piece by piece, or in one lump at its end. */
export function livenessOf(
  arrivals: readonly Arrival[],
  endedAt: number,
): { live: boolean; pieces: number; spreadMs: number; leadMs: number } {
  const first = arrivals[0]?.at ?? endedAt;
  const last = arrivals.at(-1)?.at ?? endedAt;
  const spreadMs = last - first;
  const leadMs = endedAt - first;
  return { live: arrivals.length >= 4 && spreadMs >= 1000 && leadMs >= 1000, pieces: arrivals.length, spreadMs, leadMs };
}

/** The longest number in `answer` that also stands in `output` and not in `given` (what the model was told beforehand). */
export function quotedFigure(answer: string, output: string, given: string): string | undefined {
  const numbers = (text: string) => new Set(text.match(/\d+(?:\.\d+)?/g) ?? []);
  const inOutput = numbers(output);
  const inGiven = numbers(given);
  const quoted = [...numbers(answer)].filter((number) => number.length >= 2 && inOutput.has(number) && !inGiven.has(number));
  return quoted.sort((a, b) => b.length - a.length)[0];
}
