import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isMissing } from '../core/errors.ts';
import { replaceFile } from '../core/whole-file.ts';
import { PROVIDER_KINDS } from '../model/provider-kind.ts';
import type { AddedProvider } from '../model/records.ts';

const shape = z.record(z.string(), z.strictObject({ kind: z.enum(PROVIDER_KINDS), baseUrl: z.string(), apiKeyEnv: z.string().optional() }));

/** Providers that were added at run time: a file of the data folder, which names where keys are and holds none (SPEC {#providers}). */
export class AddedProviders {
  readonly #file: string;
  readonly #known: Record<string, AddedProvider>;

  /** @throws a named error for a file that is not one of ours */
  constructor(file: string) {
    this.#file = file;
    this.#known = read(file);
  }

  /** By their names. */
  get all(): Readonly<Record<string, AddedProvider>> {
    return this.#known;
  }

  /** Keeps one more. Throws the system error, such as that of a full disk. */
  add(name: string, provider: AddedProvider): void {
    replaceFile(this.#file, `${JSON.stringify({ ...this.#known, [name]: provider }, null, 2)}\n`);
    this.#known[name] = provider;
  }
}

function read(file: string): Record<string, AddedProvider> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return {};
    throw error;
  }
  const { success, data } = shape.safeParse(json(text));
  if (success) return data;
  throw new Error(`${file} does not hold the providers that were added; correct it, or remove it and add them again`);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
