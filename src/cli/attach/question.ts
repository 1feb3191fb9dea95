import type { LineEditor } from './line-editor.ts';

/** A line that is being typed, and what it is for. */
export interface Question {
  readonly editor: LineEditor;
  readonly done: (text: string) => void;
  /** The proposal that it answers: gone when another client answers it. */
  readonly step?: string;
  readonly endOfInput?: () => void;
}
