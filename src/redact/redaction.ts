import type { Logger } from '../core/logger.ts';
import { isSecretName } from '../core/secret-names.ts';
import { maskedText } from './mask.ts';
import { Matcher } from './matcher.ts';
import { shapeOf } from './plugin-shape.ts';
import type { Shape } from './shape.ts';
import { SHAPES } from './shapes.ts';
import { formsOf, MIN_VALUE_BYTES, secretValues } from './values.ts';

/** What the configuration says of it (SPEC {#redaction_env}). */
export interface RedactionConfig {
  /** True: nothing is masked. */
  readonly off?: boolean | undefined;
  /** True: channels are masked before they are stored (SPEC {#redaction_stored}). */
  readonly stored?: boolean | undefined;
  /** Variables with secrets, `*` standing for any characters; by default those whose names look like it. */
  readonly env?: readonly string[] | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** How long bytes are held back that may be the beginning of a secret when no more come (SPEC {#redaction_stream}). */
const HOLD_MS = 100;
/** Matchers for the variables of commands that are remembered. */
const MAX_MATCHERS = 64;
/** Shapes that plugins add. */
const MAX_ADDED = 100;
/** Depth of a value that is looked into. */
const MAX_DEPTH = 32;
/** Members that name an entry or a run are left as they are: no secret of a shape fits their grammar. */
const ADDRESSES: ReadonlySet<string> = new Set(['path', 'log', 'to', 'run']);
const ENTRY_PATH = /^[a-z][a-z0-9_]{0,31}:\/\/[A-Za-z0-9._~@+=,%/-]*$/;

/** Knows the secrets of a server and masks them, byte for byte, in whatever is shown (SPEC {#redaction}). */
export class Redaction {
  readonly stored: boolean;
  /** How long bytes that may begin a secret wait for more, milliseconds; then they are masked. */
  readonly holdMs: number;
  readonly #off: boolean;
  readonly #names: readonly string[] | undefined;
  readonly #values: readonly string[];
  readonly #added = new Set<Shape>();
  #base: Matcher;
  readonly #withVariables = new Map<string, Matcher>();
  #revision = 0;

  /** @param environment - the server's own variables */
  constructor(config: RedactionConfig = {}, environment: Variables = {}, o: { readonly holdMs?: number } = {}) {
    this.holdMs = o.holdMs ?? HOLD_MS;
    this.stored = config.stored ?? false;
    this.#off = config.off ?? false;
    this.#names = config.env;
    this.#values = secretValues(environment, config.env);
    this.#base = this.#make([]);
  }

  /** Changes with the shapes: a matcher of an earlier revision does not know them. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Adds a shape that a plugin brings (SPEC {#redaction_plugins}); output that is being followed goes on without it. Returns how
   * to take it back. Throws when the pattern is invalid, or there are too many.
   */
  add(secret: { readonly name: string; readonly pattern: string }): () => void {
    const shape = shapeOf(secret);
    if (this.#added.size >= MAX_ADDED) throw new Error(`there are ${MAX_ADDED} shapes of secrets from plugins already; no more are taken`);
    this.#added.add(shape);
    this.#changed();
    return () => {
      if (this.#added.delete(shape)) this.#changed();
    };
  }

  /** The matcher for the output of a command with these variables of its own. */
  matcher(variables: Variables = {}): Matcher {
    const values = secretValues(variables, this.#names).filter((value) => !this.#values.includes(value));
    if (values.length === 0) return this.#base;
    const key = JSON.stringify(values);
    const known = this.#withVariables.get(key);
    if (known) return known;
    const made = this.#make(values);
    if (this.#withVariables.size >= MAX_MATCHERS) this.#withVariables.clear();
    this.#withVariables.set(key, made);
    return made;
  }

  /** A text with its secrets masked; its length in bytes stays. */
  text(text: string): string {
    if (text.length < MIN_VALUE_BYTES) return text;
    return maskedText(this.#base, text);
  }

  /**
   * A JSON value with every text in it masked, and of variables in a member `env` each value that is a secret. The same
   * object when there is none.
   */
  value<T>(value: T): T {
    return this.#off ? value : (this.#inside(value, '', 0) as T);
  }

  #inside(value: unknown, name: string, depth: number): unknown {
    if (typeof value === 'string') return ADDRESSES.has(name) && ENTRY_PATH.test(value) ? value : this.text(value);
    if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
    let changed = false;
    const members = Object.entries(value).map(([key, member]: [string, unknown]) => {
      const hidden = name === 'env' && typeof member === 'string' && this.#isSecret(key, member);
      const shown = hidden ? '*'.repeat(Buffer.byteLength(member)) : this.#inside(member, key, depth + 1);
      changed ||= shown !== member;
      return [key, shown] as const;
    });
    if (!changed) return value;
    return Array.isArray(value) ? members.map(([, member]) => member) : Object.fromEntries(members);
  }

  #changed(): void {
    this.#revision++;
    this.#withVariables.clear();
    this.#base = this.#make([]);
  }

  #isSecret(name: string, value: string): boolean {
    return isSecretName(name) || secretValues({ [name]: value }, this.#names).length > 0;
  }

  #make(values: readonly string[]): Matcher {
    if (this.#off) return new Matcher([], []);
    const forms = new Map([...this.#values, ...values].flatMap(formsOf).map((form) => [form.toString('latin1'), form]));
    return new Matcher([...SHAPES, ...this.#added], [...forms.values()]);
  }
}

/** A logger that masks every known secret (SPEC {#redaction}). */
export function redactedLogger(logger: Logger, redaction: Redaction): Logger {
  const level = (name: keyof Logger) => (facts: object, message: string) => logger[name](redaction.value(facts), redaction.text(message));
  return { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
}
