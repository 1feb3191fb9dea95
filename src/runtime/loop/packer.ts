import type { ContextPart } from '../../hooks/table.ts';
import { ModelFailure } from '../../model/model-failure.ts';
import type { ModelMessage, ModelRequest, ToolSpec } from '../../model/ports/model-provider.ts';
import type { RuntimeParts } from '../parts.ts';
import { type Ceiling, overBudget } from './budget.ts';
import { assemble, type TurnPlace } from './context.ts';
import { quotedReader, type WeighedPacket, weigh } from './packet.ts';
import { reclaim } from './reclaim.ts';
import type { CountTokens } from './tokens.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'streams' | 'hooks' | 'redaction' | 'masked' | 'guides'>;

/** Makes the packet of one turn: assembled, weighed, made to fit, and recorded before it is sent. */
export class Packer {
  readonly #parts: Parts;
  readonly #place: TurnPlace;
  readonly #tools: readonly ToolSpec[];
  readonly #count: CountTokens;
  #shown: readonly ContextPart[] = [];
  #messages: readonly ModelMessage[] = [];
  #weighed: WeighedPacket | undefined;

  constructor(parts: Parts, place: TurnPlace, tools: readonly ToolSpec[], count: CountTokens) {
    this.#parts = parts;
    this.#place = place;
    this.#tools = tools;
    this.#count = count;
  }

  get messages(): readonly ModelMessage[] {
    return this.#messages;
  }

  /** Tokens of the packet as it is. */
  get tokens(): number {
    return this.#weighed?.tokens ?? 0;
  }

  /** Assembles the packet and takes out of it what is over the ceiling. Throws `model_context` when that is not enough. */
  async fit(ceiling: Ceiling | undefined): Promise<void> {
    await this.#assemble();
    while (ceiling && this.tokens > ceiling.tokens) if (!(await this.#shrink(ceiling, false))) throw this.#refuse(ceiling);
  }

  /** Makes the packet fit a ceiling that the provider has taught. False when nothing could be taken. */
  async shrink(ceiling: Ceiling): Promise<boolean> {
    if (!(await this.#shrink(ceiling, true))) return false;
    while (this.tokens > ceiling.tokens) if (!(await this.#shrink(ceiling, false))) break;
    return true;
  }

  /** Stores what is about to be sent, before it is (SPEC {#context_record}). */
  async record({ messages, tools }: ModelRequest): Promise<void> {
    const asAssembled = messages === this.#messages && tools === this.#tools;
    const { packet } = this.#weighed && asAssembled ? this.#weighed : await this.#weigh(messages, tools);
    this.#parts.store.turns.setContext(this.#place.turn.id, packet);
  }

  async #shrink(ceiling: Ceiling, learned: boolean): Promise<boolean> {
    const excess = { tokens: this.tokens, ceiling, learned };
    if (!(await reclaim(this.#parts, this.#place, this.#shown, excess, this.#count))) return false;
    await this.#assemble();
    return true;
  }

  async #assemble(): Promise<void> {
    this.#shown = await assemble(this.#parts, this.#place, this.#count);
    this.#messages = this.#shown.map(({ message }) => message);
    this.#weighed = await this.#weigh(this.#messages, this.#tools);
  }

  async #weigh(messages: readonly ModelMessage[], tools: readonly ToolSpec[]): Promise<WeighedPacket> {
    return await weigh({ messages, tools }, this.#shown, quotedReader(this.#parts, this.#place.run), this.#count);
  }

  /** What is too long is recorded all the same: people can see what it is made of. */
  #refuse(ceiling: Ceiling): ModelFailure {
    if (this.#weighed) this.#parts.store.turns.setContext(this.#place.turn.id, this.#weighed.packet);
    return new ModelFailure('model_context', overBudget(this.tokens, ceiling), 413);
  }
}
